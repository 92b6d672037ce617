from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from conftest import SMALL

from dre.compare import fit_stamps
from dre.summary import COLUMNS, summary_table

SPEC = [
    "ROW",
    "MODEL_IDX",
    "CHI",
    "CHI_STD",
    "LOGR_CHI",
    "LOGR_VAR",
    "LOGR_CHI_VAR",
    "LOGR_PARAB",
    "LOGR_STD",
    "INDEX",
    "LOGR",
    "AX_RATIO",
    "ANGLE",
    "EXT_NUMBER",
    "NUMBER",
]


@pytest.fixture(scope="module")
def fits(grid, make_stamp):
    good = [make_stamp((1, 1, 1, 3), number=number, seed=number) for number in (7, 3, 5)]
    bad = make_stamp(number=4)
    bad.mask[:] = False
    return list(fit_stamps([*good, bad], grid))


def test_columns_are_those_promised(fits):
    table = summary_table(fits, SMALL, meta={"made": "here"})
    assert table.colnames[:15] == SPEC
    assert table.colnames == [column.name for column in COLUMNS]
    for column in COLUMNS:
        assert table[column.name].dtype == np.dtype(column.dtype)
        assert table[column.name].description == column.description
    assert table["ANGLE"].unit == "deg"
    assert table.meta == {"made": "here"}


def test_rows_are_in_the_order_of_number_and_hold_the_fits(fits):
    table = summary_table(fits, SMALL)
    assert list(table["NUMBER"]) == [3, 4, 5, 7]
    assert list(table["ROW"]) == [1, 3, 2, 0]
    row = table[3]
    assert row["CHI"] == fits[0].best.chi
    assert tuple(row["MODEL_IDX"]) == fits[0].best.model_idx
    n, q, angle, log_r = SMALL.values(fits[0].best.model_idx)
    assert (row["INDEX"], row["AX_RATIO"], row["ANGLE"], row["LOGR"]) == (n, q, angle, log_r)
    assert row["FLUX_SCALE"] == fits[0].scale


def test_an_object_without_fit_is_a_flagged_row(fits):
    row = summary_table(fits, SMALL)[1]
    assert row["FIT_FLAG"] == int(fits[3].flag) != 0
    assert np.isnan(row["CHI"])
    assert np.isnan(row["LOGR"])
    assert list(row["MODEL_IDX"]) == [-1] * 4


def catalogue(**extra):
    return Table({"NUMBER": [1, 3, 5, 7], "MAG_AUTO": [20.0, 21.0, 22.0, 23.0], "VIGNET": np.zeros((4, 2, 2))} | extra)


def test_the_catalogue_is_joined_on_number(fits):
    table = summary_table(fits, SMALL, catalogue())
    assert list(table["NUMBER"]) == [3, 5, 7]
    assert list(table["MAG_AUTO"]) == [21.0, 22.0, 23.0]
    assert "VIGNET" not in table.colnames


def test_a_single_image_counted_as_extension_one_is_joined(fits):
    table = summary_table(fits, SMALL, catalogue(EXT_NUMBER=[1, 1, 1, 1]))
    assert list(table["NUMBER"]) == [3, 5, 7]


def test_extensions_are_kept_apart(grid, make_stamp):
    from dataclasses import replace

    stamps = [replace(make_stamp(number=1), ext_number=ext) for ext in (2, 1)]
    both = Table({"EXT_NUMBER": [1, 2], "NUMBER": [1, 1], "X_IMAGE": [10.0, 20.0]})
    table = summary_table(fit_stamps(stamps, grid), SMALL, both)
    assert list(table["EXT_NUMBER"]) == [1, 2]
    assert list(table["X_IMAGE"]) == [10.0, 20.0]


def test_no_objects_make_an_empty_table():
    table = summary_table([], SMALL, catalogue())
    assert len(table) == 0
    assert table["MODEL_IDX"].shape == (0, 4)


def test_a_catalogue_without_number_is_refused(fits):
    with pytest.raises(ValueError, match="NUMBER"):
        summary_table(fits, SMALL, Table({"ID": [1]}))
