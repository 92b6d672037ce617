"""Images that go together by name."""

from pathlib import Path

import pytest
from shared_io.errors import InputNotFound, SchemaMismatch

from dre.files.images import beginning, companion, pair


def paths(*names):
    return [Path(name) for name in names]


@pytest.mark.parametrize(
    ("detection", "measurement", "expected"),
    [
        (["image_1.fits", "image_2.fits"], ["image_1.fits", "image_2.fits"], [0, 1]),
        (["f12_i.fits", "f13_i.fits"], ["f13_r.fits", "f12_r.fits"], [1, 0]),
        (["field_12_i.fits", "field_13_i.fits"], ["field_13_r.fits"], [1]),
        (["tile1_i.fits"], ["tile1_r_v2.fits"], [0]),
    ],
)
def test_pairs(detection, measurement, expected):
    found = pair(paths(*detection), paths(*measurement), "_")
    assert found == [(Path(detection[k]), Path(name)) for k, name in zip(expected, measurement, strict=True)]


@pytest.mark.parametrize("detection", [["a_1.fits", "a_2.fits"], ["b_1.fits"]])
def test_none_or_several_candidates_are_refused_not_run_crosswise(detection):
    with pytest.raises(SchemaMismatch, match=r"detection images go with it by name"):
        pair(paths(*detection), paths("a_3.fits"), "_")


def test_companions(tmp_path):
    (tmp_path / "tile_wht.fits").touch()
    (tmp_path / "other_wht.fits").touch()
    assert companion(tmp_path, "tile", "wht").name == "tile_wht.fits"
    with pytest.raises(InputNotFound, match="no tile_flag"):
        companion(tmp_path, "tile", "flag")


def test_the_only_file_that_begins_with_the_name(tmp_path):
    (tmp_path / "tile_assoc.list").touch()
    assert beginning(tmp_path, "tile").name == "tile_assoc.list"
    (tmp_path / "tile_2.list").touch()
    with pytest.raises(InputNotFound, match="2 files begin with tile"):
        beginning(tmp_path, "tile")
