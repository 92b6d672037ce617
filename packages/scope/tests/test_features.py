"""Features assembled source by source: stars, catalogues, bright stars, columns."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import rr_lyrae

from scope.features import schema
from scope.features.assembly import Recipe, measure
from scope.features.bright_stars import exclusion_radius, spoilt
from scope.features.crossmatch import CATALOGUES, Catalogue, closest, match_columns
from scope.features.fourier import fourier_features
from scope.features.stars import group_stars
from scope.lightcurves.record import LightCurves
from scope.periods.search import NESTED, Options

ARCSEC = 1 / 3600
FAST = Options(("ELS", "EAOV", NESTED), max_freq=4.0)


def sources(rng: np.random.Generator, periods: list[float], points: int = 70) -> LightCurves:
    """Pulsators a degree apart, in g."""
    parts = []
    for k, period in enumerate(periods):
        hjd, mag, err = rr_lyrae(rng, points, period)
        fixed = {"ra": 10.0 + k, "dec": 5.0, "filter": 1, "field": 301, "ccd": 2, "quad": 4}
        columns = {name: np.full(points, value) for name, value in fixed.items()}
        parts.append(LightCurves.of_points(np.full(points, 100 + k), hjd=hjd, mag=mag, magerr=err, **columns))
    return LightCurves.concatenate(parts)


def test_every_source_keeps_its_own_period_in_any_batch_and_with_threads(rng: np.random.Generator) -> None:
    curves = sources(rng, [0.5678, 0.6123, 0.4711])
    together = measure(curves, Recipe(FAST), threads=2)
    for k in range(3):
        alone = measure(curves.take(np.array([k])), Recipe(FAST))
        for name in alone:
            np.testing.assert_equal(np.asarray(together[name])[k], np.asarray(alone[name])[0], err_msg=name)
    np.testing.assert_allclose(together[f"period_{NESTED}"], [0.5678, 0.6123, 0.4711], rtol=1e-3)


def test_columns_are_those_of_the_schema(rng: np.random.Generator) -> None:
    curves = sources(rng, [0.5678])
    cases = (
        (FAST, FAST.algorithms, 10),
        (Options(("LS", "CE"), max_freq=4.0, top_n=3), ("LS", "CE"), 3),
        (None, (schema.ONES,), 10),
    )
    for periods, names, top in cases:
        columns = schema.columns(names, top)
        assert set(measure(curves, Recipe(periods))) <= set(columns)
        assert set(columns) - set(measure(curves, Recipe(periods))) == {"radec_geojson"}


def test_names_and_numbers_of_columns() -> None:
    nested = schema.columns(["ELS", "ECE", "EAOV", NESTED], 50)
    ours = {"periodic", "fap", "period_merit", "period_trend_merit", "period_alias", "period_alias_merit", "n_bands"}
    assert len(nested) - len(ours) == 135
    assert list(nested)[:8] == ["_id", "radec_geojson", "ra", "dec", "field", "ccd", "quad", "filter"]
    assert (list(nested)[8], list(nested)[29]) == ("n", "sw")
    assert list(nested)[30:33] == ["period_ELS", "significance_ELS", "pdot_ELS"]
    single = schema.columns(["LS", "CE"], 3)
    assert [name for name in single if name.startswith("period_")][-3:] == ["period_1_CE", "period_2_CE", "period_3_CE"]


def test_inference_finds_the_suffix_it_wants_by_default() -> None:
    assert f"period_{NESTED}" in schema.columns(Options().algorithms, 10)


def test_without_a_search_the_period_is_one_day(rng: np.random.Generator) -> None:
    curves = sources(rng, [0.5678])
    found = measure(curves, Recipe(None))
    c = curves[0]
    assert found["period_Ones"] == [1.0]
    assert found["f1_amp_Ones"] == pytest.approx([fourier_features(c.hjd, c.mag, c.magerr, 1.0)[4]])


def placed(rows: list[tuple[float, float, int]]) -> LightCurves:
    ra, dec, band = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return LightCurves.of_points(
        np.arange(n), hjd=np.zeros(n), mag=np.zeros(n), magerr=np.ones(n), ra=ra, dec=dec, filter=band
    )


def test_a_star_is_one_source_in_each_filter() -> None:
    curves = placed(
        [(10, 0, 1), (10 + ARCSEC, 0, 2), (10, 1, 1), (10, 1 + 0.5 * ARCSEC, 3), (10, 2, 2), (np.nan, 0, 1)]
    )
    assert [star.tolist() for star in group_stars(curves)] == [[0, 1], [2, 3], [4], [5]]


def test_of_two_neighbours_the_closer_one_joins() -> None:
    curves = placed([(10, 0, 1), (10, 1.2 * ARCSEC, 2), (10, 0.3 * ARCSEC, 2), (10, 1.3 * ARCSEC, 3)])
    assert [star.tolist() for star in group_stars(curves)] == [[0, 2], [1, 3]]


def test_joined_bands_share_their_period(rng: np.random.Generator) -> None:
    curves = sources(rng, [0.5678, 0.5678])
    both = LightCurves(**{**vars(curves), "ra": np.array([10.0, 10.0]), "filter": np.array([1, 2])})
    found = measure(both, Recipe(FAST))
    assert found[f"period_{NESTED}"][0] == found[f"period_{NESTED}"][1]
    assert found["n_bands"] == [2, 2]
    assert found["f1_amp_ELS"][0] != found["f1_amp_ELS"][1]
    assert measure(both, Recipe(FAST, join_bands=False))["n_bands"] == [1, 1]


def test_the_closest_entry_matches_not_the_first() -> None:
    catalogue = Catalogue(
        np.array([10 + 1.5 * ARCSEC, 10 + 0.4 * ARCSEC, 50.0]), np.zeros(3),
        {"_id": np.array([1, 2, 3]), "w1mpro": np.array([11.0, 12.0, 13.0]), "ph_qual": np.array(["AA", "AB", "UU"])},
    )  # fmt: skip
    assert closest(np.array([10.0, 20.0, np.nan]), np.zeros(3), catalogue, 2.0).tolist() == [1, -1, -1]
    found = match_columns(np.array([10.0, 20.0]), np.zeros(2), {"AllWISE": catalogue}, 2.0)
    assert found["AllWISE___id"].tolist() == [2, None]
    np.testing.assert_equal(found["AllWISE__w1mpro"], [12.0, np.nan])
    assert found["AllWISE__ph_qual"].tolist() == ["AB", None]
    assert np.isnan(found["AllWISE__w2mpro"]).all()
    assert len(found) == sum(map(len, CATALOGUES.values())) == 34


def test_matches_near_the_pole_and_across_zero() -> None:
    catalogue = Catalogue(np.array([0.2 * ARCSEC, 90.0]), np.array([0.0, 89.9999]), {})
    found = closest(np.array([360 - 0.2 * ARCSEC, 90.0]), np.array([0.0, 89.9999 + 0.5 * ARCSEC]), catalogue, 2.0)
    assert found.tolist() == [0, 1]


def test_exclusion_radius_by_hand() -> None:
    g, c = 9.0, 0.8
    bt = g - (-0.004288 - 0.8547 * c + 0.1244 * c**2 - 0.9085 * c**3 + 0.4843 * c**4 - 0.06814 * c**5)
    vt = g - (-0.01077 - 0.0682 * c - 0.2387 * c**2 + 0.02342 * c**3)
    d = bt - vt
    expected = 354.817 - 53.27823 * bt + 66.01137 * d + 2.1031286 * bt**2 + 7.6737066 * d**2 - 6.164676 * bt * d
    assert exclusion_radius(np.array([g]), np.array([c]))[0] == pytest.approx(expected)
    assert exclusion_radius(np.array([9.0, 13.5]), np.array([np.nan, 0.8])).tolist() == [0.0, 0.0]


def test_bright_stars_spoil_their_surroundings_but_not_themselves() -> None:
    reach = exclusion_radius(np.array([9.0]), np.array([0.8]))[0]
    ra = np.array([10.0, 10.0, 10.0])
    dec = np.array([0.0, (reach - 2) * ARCSEC, (reach + 2) * ARCSEC])
    star = (np.array([10.0]), np.array([0.5 * ARCSEC]), np.array([9.0]), np.array([0.8]))
    assert spoilt(ra, dec, *star).tolist() == [False, True, False]
    assert spoilt(ra, dec, *star, radius=1.0).tolist() == [False, False, False]


def test_cesium_features_come_from_the_library(rng: np.random.Generator) -> None:
    from scope.features.cesium import NAMES, cesium_features

    curve = sources(rng, [0.5678])[0]
    found = cesium_features(curve)
    assert list(found) == list(NAMES)
    assert len(NAMES) == 59
    assert found["amplitude"] == pytest.approx((curve.mag.max() - curve.mag.min()) / 2)
    assert found["total_time"] == pytest.approx(np.ptp(curve.hjd))
