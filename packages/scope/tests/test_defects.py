"""What older pipelines got wrong, each with its name; those that have a better place are listed here.

time in float32            test_feature_kernels: every feature at full Julian dates; test_periods: times are exact
terrestrial bands          test_periods: a period inside a terrestrial band is found
grid of the longest curve  test_features: every source keeps its own period in any batch and with threads
first, not closest match   test_features: the closest entry matches not the first
time limit that cuts none  test_light_curves: max timestamp trims points not sources
sources lost with a query  test_kowalski: failed queries are errors not missing sources
scripts of one quadrant    test_cluster: the script runs the job of its own index; ... forwards the options
default that none reads    test_config: the default algorithms have the columns that inference reads
merged bands of Rubin      test_rubin: thinning of one band takes no points of another
"""

from __future__ import annotations

import json
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import nights, rr_lyrae

from scope.features.assembly import Recipe, measure
from scope.index import update_index
from scope.lightcurves.record import LightCurves
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import SCREENS
from scope.periods.search import NESTED, Options, find_periods
from scope.periods.series import Series


def pulsators(rng: np.random.Generator, periods: list[float], points: int = 70) -> LightCurves:
    parts = []
    for k, period in enumerate(periods):
        hjd, mag, err = rr_lyrae(rng, points, period)
        parts.append(LightCurves.of_points(np.full(points, k), hjd=hjd, mag=mag, magerr=err))
    return LightCurves.concatenate(parts)


@pytest.mark.parametrize("name", list(SCREENS))
def test_scaling_without_the_minimum_and_the_errors(rng: np.random.Generator, name: str) -> None:
    """Magnitudes were scaled without taking off their minimum, and their errors not at all."""
    hjd, mag, err = rr_lyrae(rng, 150)
    grid = FrequencyGrid.of(1000.0, max_freq=2.5)
    powers = [
        SCREENS[name].power(Series.of([curve]).merged, grid)
        for curve in ((hjd, mag, err), (hjd, mag - 16.0, err), (hjd, 0.05 * mag, 0.05 * err))
    ]
    for other in powers[1:]:
        np.testing.assert_allclose(other, powers[0], rtol=2e-3, atol=2e-3 * np.abs(powers[0]).max())


def test_cesium_failing_for_one_source_shifts_no_other(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that cesium refused lost its identifier but not its curve; later ones got their neighbour's period."""
    from cesium import featurize

    whole, calls = featurize.featurize_single_ts, []

    def fails_once(*args: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise ValueError("no")
        return whole(*args, **more)

    monkeypatch.setattr(featurize, "featurize_single_ts", fails_once)
    periods = [0.5678, 0.6123, 0.4711]
    options = Options((NESTED,), max_freq=4.0)
    found = measure(pulsators(rng, periods), Recipe(options, cesium=("amplitude",)))
    assert found[f"period_{NESTED}"] == pytest.approx(periods, rel=1e-3)
    assert np.isnan(found["amplitude"]).tolist() == [False, True, False]


def test_nested_top_periods_are_distinct_peaks(rng: np.random.Generator) -> None:
    """The ten best samples were those of two or three peaks."""
    series = Series.of([rr_lyrae(rng)])
    found = find_periods(series, Options((NESTED,), max_freq=6.0, top_n=10)).answers[NESTED]
    frequencies = 1 / found.periods
    apart = np.abs(frequencies[:, None] - frequencies)[~np.eye(len(frequencies), dtype=bool)]
    assert len(frequencies) == 10
    assert apart.min() >= 0.5 / series.baseline


def test_long_periods_do_not_compete_for_one_slot(rng: np.random.Generator) -> None:
    """Top periods were the best of equal chunks of frequency: all longer than 0.6 d had one slot."""
    t = nights(rng, 400)
    err = np.full(400, 0.02)
    mag = 15 + 0.3 * np.sin(2 * np.pi * t / 41.7) + 0.2 * np.sin(2 * np.pi * t / 7.31) + rng.normal(0, err)
    found = find_periods(Series.of([(t, mag, err)]), Options(("ELS",), max_freq=48.0)).answers["ELS"].periods
    for period in (41.7, 7.31):
        assert np.abs(found / period - 1).min() < 0.01


def test_significance_is_that_of_the_whole_periodogram(rng: np.random.Generator) -> None:
    """Mean and scatter were once taken with a wrong size, so that the best was not the best."""
    series = Series.of([rr_lyrae(rng)])
    grid = FrequencyGrid.of(series.baseline, max_freq=4.0)
    power = SCREENS["AOV"].power(series.merged, grid).astype(np.float64)
    answer = find_periods(series, Options(("AOV",), max_freq=4.0)).answers["AOV"]
    assert answer.period == 1 / grid.frequencies[power.argmax()]
    assert answer.significance[0] == pytest.approx((power.max() - power.mean()) / power.std(), rel=1e-5)


def test_memory_does_not_grow_with_the_number_of_curves(rng: np.random.Generator) -> None:
    """All periodograms of a batch were kept: gigabytes for each algorithm."""
    curves = pulsators(rng, [0.5678] * 6, 60)
    options = Options(("ELS", "ECE", "EAOV", NESTED), max_freq=12.0)
    peaks = []
    for count in (1, 6):
        some = curves.take(np.arange(count))
        measure(some, Recipe(options))
        tracemalloc.start()
        measure(some, Recipe(options))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 300_000


def test_the_index_is_complete_whoever_writes_last(tmp_path: Path) -> None:
    """``meta.json`` was rewritten by many jobs at a time, and lost entries."""
    folder = tmp_path / "field_301"
    folder.mkdir()

    def job(quad: int) -> None:
        path = folder / f"gen_features_field_301_ccd_1_quad_{quad}.parquet"
        meta = {"scope": json.dumps({"minobs": 50, "ZTF_source_catalog": f"q{quad}", "options": {}})}
        pq.write_table(pa.table({"_id": list(range(quad))}).replace_schema_metadata(meta), path)
        update_index(tmp_path, "gen_features", path)

    threads = [threading.Thread(target=job, args=(quad,)) for quad in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = json.loads((tmp_path / "meta.json").read_text())
    assert sorted(found) == [f"(301, 1, {quad})" for quad in range(1, 9)]
    assert found["(301, 1, 3)"]["total"] == 3
    assert found["(301, 1, 3)"]["ZTF_source_catalog"] == "q3"
    (folder / "gen_features_field_301_ccd_2_quad_1.parquet").write_bytes(b"PAR1 damaged PAR1")
    job(1)
    assert len(json.loads((tmp_path / "meta.json").read_text())) == 8
