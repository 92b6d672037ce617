"""The search as scope-ml does it, against obvious NumPy, and how algorithms agree."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from conftest import rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st

from scope.features.assembly import Recipe, measure
from scope.kernels.plain import plain_aov, plain_entropy, plain_lomb_scargle, plain_phase_weights
from scope.lightcurves.record import LightCurves
from scope.periods.agreement import agreement, matches
from scope.periods.compatible import CommonGrid, find_compatible
from scope.periods.grid import terrestrial
from scope.periods.search import NESTED, Options

FREQUENCIES = np.linspace(0.05, 5.0, 997)


@pytest.fixture
def star(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hjd, mag, err = rr_lyrae(rng, 70)
    return hjd - hjd[0], mag, err


def scaled(mag: np.ndarray) -> np.ndarray:
    return (mag - mag.min()) / (mag.max() - mag.min())


def test_lomb_scargle_is_that_of_scargle(star: tuple[np.ndarray, ...]) -> None:
    t, y = star[0], scaled(star[1]) - scaled(star[1]).mean()
    found = plain_lomb_scargle(t, y, FREQUENCIES)
    for k in range(0, len(FREQUENCIES), 50):
        w = 2 * np.pi * FREQUENCIES[k]
        tau = np.arctan2(np.sin(2 * w * t).sum(), np.cos(2 * w * t).sum()) / (2 * w)
        c, s = np.cos(w * (t - tau)), np.sin(w * (t - tau))
        expected = 0.5 * ((y @ c) ** 2 / (c @ c) + (y @ s) ** 2 / (s @ s))
        assert found[k] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def folded(t: np.ndarray, frequency: float, bins: int) -> np.ndarray:
    return ((t * frequency % 1) * bins).astype(int)


def test_the_other_three_are_those_of_histograms(star: tuple[np.ndarray, ...]) -> None:
    t, mag, err = star
    y, n = scaled(mag), len(t)
    weight = 1 / err**2
    z = y - np.average(y, weights=weight)
    found = (
        plain_entropy(t, y, FREQUENCIES, 20, 10), plain_aov(t, y, FREQUENCIES, 20),
        plain_phase_weights(t, z, weight, FREQUENCIES, 20),
    )  # fmt: skip
    for k in range(0, len(FREQUENCIES), 50):
        where = folded(t, FREQUENCIES[k], 20)
        cells = np.histogram2d(y, where, bins=[np.linspace(0, 1, 11), np.arange(21)])[0] / n
        columns = cells.sum(axis=0)
        with np.errstate(all="ignore"):
            assert found[0][k] == pytest.approx(np.nansum(cells * np.log(columns / cells)), rel=1e-9)
        groups = [y[where == b] for b in range(20) if (where == b).any()]
        between = sum(len(g) * (g.mean() - y.mean()) ** 2 for g in groups) / 19
        within = sum(((g - g.mean()) ** 2).sum() for g in groups) / (n - 20)
        assert found[1][k] == pytest.approx(between / within, rel=1e-9)
        sums, weights = np.bincount(where, weight * z, 20), np.bincount(where, weight, 20)
        expected = (sums[weights > 0] ** 2 / (2 * weights[weights > 0])).sum()
        assert found[2][k] == pytest.approx(expected, rel=1e-9)


def test_the_grid_is_common_and_loses_the_terrestrial_bands() -> None:
    options = Options(max_freq=6.0)
    grid = CommonGrid.of(800.0, options).frequencies
    assert (grid[0], len(grid)) == (2 / 800, int(np.ceil((6.0 - 2 / 800) * 8000)))
    cut = CommonGrid.of(800.0, Options(max_freq=6.0, remove_terrestrial=True)).frequencies
    assert not terrestrial(cut).any()
    assert set(cut) == set(grid[~terrestrial(grid)])
    with pytest.raises(ValueError, match="two cycles"):
        CommonGrid.of(1.0, Options(max_freq=1.0))


def test_single_algorithms_take_the_best_of_chunks(star: tuple[np.ndarray, ...]) -> None:
    options = Options(("LS", "CE", "AOV", "FPW"), max_freq=5.0, top_n=4, compatible=True)
    grid = CommonGrid.of(float(star[0][-1]), options)
    found = find_compatible(*star, grid, options)
    power = plain_aov(star[0], scaled(star[1]), grid.frequencies, 20)
    assert found.answers["AOV"].period == 1 / grid.frequencies[power.argmax()]
    heights = (power - power.mean()) / power.std()
    assert found.answers["AOV"].significance[0] == pytest.approx(heights.max(), rel=1e-12)
    chunks = [np.s_[a : a + len(power) // 12] for a in range(0, 12 * (len(power) // 12), len(power) // 12)]
    tops = sorted((heights[c].max() for c in chunks), reverse=True)[:4]
    assert found.answers["AOV"].significance.tolist() == pytest.approx(tops, rel=1e-12)
    entropy = plain_entropy(star[0], scaled(star[1]), grid.frequencies, 20, 10)
    assert found.answers["CE"].period == 1 / grid.frequencies[entropy.argmin()]


def test_the_nested_period_is_the_best_aov_among_the_top_samples(star: tuple[np.ndarray, ...]) -> None:
    options = Options((NESTED,), max_freq=5.0, top_n=10, compatible=True)
    grid = CommonGrid.of(float(star[0][-1]), options)
    found = find_compatible(*star, grid, options).answers[NESTED]
    f, y = grid.frequencies, scaled(star[1])
    tops = np.concatenate([
        np.argsort(plain_lomb_scargle(star[0], y - y.mean(), f))[::-1][:10],
        np.argsort(plain_entropy(star[0], y, f, 20, 10))[:10],
    ])  # fmt: skip
    theta = plain_aov(star[0], y, f, 20)
    best = tops[theta[tops].argmax()]
    assert (found.period, found.significance[0]) == (1 / f[best], theta[best])


def test_the_table_of_a_compatible_run_has_only_the_older_columns(rng: np.random.Generator) -> None:
    from scope.features import schema
    from scope.features.cesium import NAMES as CESIUM

    parts = []
    for k, n in enumerate((60, 80)):
        hjd, mag, err = rr_lyrae(rng, n)
        parts.append(LightCurves.of_points(np.full(n, k), hjd=hjd, mag=mag, magerr=err, filter=np.full(n, k + 1),
                                           ra=np.full(n, 10.0), dec=np.full(n, 5.0)))  # fmt: skip
    curves = LightCurves.concatenate(parts)
    options = Options(("ELS", "ECE", "EAOV", "EFPW"), max_freq=4.0, top_n=10, compatible=True)
    found = measure(curves, Recipe(options))
    columns = schema.columns(options.algorithms, 10, decided=False)
    assert len(columns) == 222
    assert set(found) | {"radec_geojson"} == set(columns)
    nested = Options(("ELS", "ECE", "EAOV", NESTED), max_freq=4.0, compatible=True)
    assert len(schema.columns(nested.algorithms, 10, decided=False)) == 135
    assert set(measure(curves, Recipe(nested))) | {"radec_geojson"} == set(
        schema.columns(nested.algorithms, 10, decided=False)
    )
    assert len(schema.columns(options.algorithms, 10, decided=False, cesium=CESIUM)) == 280
    with pytest.raises(ValueError, match="not BLS"):
        measure(curves, Recipe(Options(("BLS",), compatible=True)))


def slow_agreement(periods: dict[str, list[float]]) -> dict[str, float]:
    """The definition, in loops."""

    def match(a: float, b: float) -> bool:
        usable = a >= 0.007 and b >= 0.007
        return usable and any(abs(a / (b * h) - 1) < 0.05 for h in (1, 0.5, 2, 1 / 3, 3))

    pairs = list(combinations(periods, 2))
    first, hits, weighted, strict = float("nan"), 0, 0.0, 0
    for one, two in pairs:
        found = [
            (a, 1 / ((i + 1) * (j + 1)))
            for i, a in enumerate(periods[one])
            for j, b in enumerate(periods[two])
            if match(a, b)
        ]
        hits += bool(found)
        if found and np.isnan(first):
            first = found[0][0]
        weighted += max((w for _, w in found), default=0.0)
        strict += match(periods[one][0], periods[two][0])
    votes: dict[float, float] = {}
    for name, mine in periods.items():
        for rank, period in enumerate(mine):
            if not period >= 0.007:
                continue
            vote = 0.0
            for other in periods:
                if other != name:
                    vote += next(
                        (1 / ((rank + 1) * (j + 1)) for j, b in enumerate(periods[other]) if match(period, b)), 0
                    )
            known = next((p for p in votes if match(period, p)), period)
            votes[known] = votes.get(known, 0.0) + vote
    best = max(votes, key=votes.__getitem__, default=float("nan"))
    total = max(len(pairs), 1)
    return {
        "n_agree_pairs": hits, "n_total_pairs": len(pairs), "agree_score": hits / total, "agree_strict": strict / total,
        "agree_weighted": weighted / total, "best_agree_period": first,
        "best_consensus_period": best if votes.get(best, 0) > 0 else float("nan"),
    }  # fmt: skip


PERIODS = st.lists(
    st.sampled_from([0.003, 0.25, 0.3, 0.5, 0.51, 0.77, 1.0, 1.5, 3.1, 9.0, float("nan")]), min_size=3, max_size=3
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["LS", "CE", "AOV", "FPW"]), PERIODS, max_size=4))
def test_agreement_is_that_of_loops(periods: dict[str, list[float]]) -> None:
    found = agreement({name: np.array(values) for name, values in periods.items()})
    expected = slow_agreement(periods)
    assert list(found) == list(expected)
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-12, nan_ok=True)


def test_harmonics_match_within_a_twentieth() -> None:
    assert matches(np.array([1.0]), np.array([1.04, 1.06, 0.5, 2.9, 3.2, 0.001])).tolist() == [
        [True, False, True, True, False, False]
    ]
