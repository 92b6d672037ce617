"""What a GPU computes, in a stand-in for CuPy, against what the CPU computes; and what is said without a GPU.

Nothing here has met a card: ``benchmarks/bench_gpu.py`` is for that.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import eclipsing, rr_lyrae
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_io import cli
from shared_io.errors import ExternalFailed
from shared_io.testing import strict_cupy
from test_two_stage import quadrant

from scope.cli import app
from scope.kernels.batched.peaks import highest
from scope.kernels.batched.phases import grid_phases, phases_of, runs
from scope.kernels.phases import RESEED, seed_phases
from scope.periods import sharing
from scope.periods.accelerator import Accelerator
from scope.periods.compatible import CommonGrid, find_compatible
from scope.periods.device import open_device
from scope.periods.grid import FrequencyGrid
from scope.periods.screens import AT, SCREENS
from scope.periods.search import NESTED, Options, Periods, find_many
from scope.periods.series import Series
from scope.periods.stars import Stars

DATA = Path(__file__).parent / "data" / "ztf_000250_zg_c01_q1_dr5.parquet"
TOLERANCE = {"LS": 5e-5, "CE": 3e-6, "AOV": 1e-6, "FPW": 1e-6, "BLS": 1e-6, "MHF": 2e-3}
"""Largest difference from the CPU's power; that of MHF is some hundreds."""


@pytest.fixture
def here() -> Accelerator:
    return Accelerator(strict_cupy.module(), 2**18)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with CuPy and a card."""
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy.module())
    open_device.cache_clear()
    yield
    open_device.cache_clear()


@pytest.fixture
def stars(rng: np.random.Generator) -> list[Series]:
    """Stars of different lengths, with 20 and with 40 phase bins; the last has as few points as there may be."""
    curves = [rr_lyrae(rng, 90), eclipsing(rng, 260), rr_lyrae(rng, 121), rr_lyrae(rng, 5)]
    return [Series.of([curve]) for curve in curves]


def same(one: Periods, other: Periods, rel: float) -> None:
    assert one.answers.keys() == other.answers.keys()
    for name, answer in one.answers.items():
        assert np.array_equal(answer.periods, other.answers[name].periods), name
        assert answer.significance == pytest.approx(other.answers[name].significance, rel=rel), name
    assert [one.merit, one.fap, one.alias] == pytest.approx([other.merit, other.fap, other.alias], nan_ok=True)
    assert one.periodic == other.periodic


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3 * RESEED))
def test_phases_are_the_bits_of_the_kernels(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    t, fmin, df = np.sort(rng.uniform(0, 3000, 7)), rng.uniform(1e-4, 1), rng.uniform(1e-6, 1e-3)
    indices = np.flatnonzero(rng.random(size) < rng.choice([0.3, 0.99, 1.0]))
    starts, which, steps = runs(indices)
    assert np.array_equal(starts[which] + steps, indices)
    assert (steps < RESEED).all()
    star = t[None], np.array([fmin]), np.array([df])
    found = phases_of(np, *star, starts[None], which[None], steps[None])[0]
    advance, expected = np.empty((2, 7), np.uint32)
    seed_phases(t, df, advance)
    for k in range(len(indices)):
        seed_phases(t, fmin + starts[which[k]] * df, expected)
        assert np.array_equal(found[:, k], expected + steps[k] * advance)
    parts = (part[None] for part in runs(np.arange(size)))
    assert np.array_equal(grid_phases(np, *star, 0, size), phases_of(np, *star, *parts))


@pytest.mark.parametrize("name", SCREENS)
def test_periodograms_are_those_of_the_cpu_everywhere(here: Accelerator, stars: list[Series], name: str) -> None:
    for group in (stars[1:3], [stars[0], stars[3]]):  # of 40 and of 20 phase bins
        grids = [FrequencyGrid.of(star.baseline, max_freq=0.4) for star in group]
        bins = 40 if group[0] is stars[1] else 20
        found = Stars(here.library, group, grids, bins, here.room).everywhere(name).get()
        for row, star, grid in zip(found, group, grids, strict=True):
            expected = SCREENS[name].power(star.merged, grid)
            apart = np.abs(row[: grid.size] - expected)
            # Five points hardly fix one sinusoid, and not three.
            if len(star.merged.t) > 5:
                assert apart.max() < TOLERANCE[name]
            elif name != "MHF":
                assert np.quantile(apart, 0.99) < TOLERANCE[name]


@pytest.mark.parametrize("name", AT)
def test_periodograms_are_those_of_the_cpu_at_some_places(
    here: Accelerator, stars: list[Series], rng: np.random.Generator, name: str
) -> None:
    group = stars[1:3]
    grids = [FrequencyGrid.of(star.baseline) for star in group]
    lists = [
        [np.sort(rng.choice(grid.size, 300, replace=False)), np.arange(k, 3 * RESEED)] for k, grid in enumerate(grids)
    ]
    found = Stars(here.library, group, grids, 40, here.room).at([name], lists)[name]
    for powers, star, grid, places in zip(found, group, grids, lists, strict=True):
        for power, indices in zip(powers, places, strict=True):
            assert power == pytest.approx(AT[name](star.merged, grid, indices), abs=TOLERANCE[name])


def test_screens_have_the_bits_of_the_cpu(here: Accelerator, stars: list[Series], rng: np.random.Generator) -> None:
    some = [*quadrant(rng, 5), *stars]
    expected = dict(sharing.screens(some, 6.0))
    for batch in sharing.together(some, 6.0):
        power = here._screen(batch).get()
        for row, k in enumerate(batch.rows):
            assert power[row].tobytes() == expected[k].power.tobytes()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 40))
def test_the_highest_are_those_of_a_full_sort(seed: int, size: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 30, (3, size)).astype(np.float32)  # with equal ones
    values[rng.random(values.shape) < 0.4] = -np.inf
    places, there = highest(np, values, count)
    for row, own, good in zip(values, places, there, strict=True):
        order = np.argsort(-row, kind="stable")[:count]
        expected = order[row[order] > -np.inf]
        assert row[own[good]].tolist() == row[expected].tolist()
        assert np.array_equal(own[good], expected)


def test_two_stages_find_what_the_cpu_finds(here: Accelerator, stars: list[Series], rng: np.random.Generator) -> None:
    some, options = [*quadrant(rng, 6), *stars[:3]], Options(max_freq=12.0)
    found = dict(find_many(some, options, here))
    for k, expected in find_many(some, options):
        same(found[k], expected, 1e-5)


@pytest.mark.parametrize("terrestrial", [False, True])
def test_full_searches_find_what_the_cpu_finds(here: Accelerator, stars: list[Series], terrestrial: bool) -> None:
    options = Options((*SCREENS, NESTED), max_freq=1.5, full=True, remove_terrestrial=terrestrial)
    found = dict(find_many(stars[:3], options, here))
    for k, expected in find_many(stars[:3], options):
        same(found[k], expected, 1e-4)


def test_algorithms_beside_those_of_two_stages_are_computed_too(here: Accelerator, stars: list[Series]) -> None:
    options = Options(("FPW", NESTED), max_freq=10.0)
    ((_, found),) = find_many(stars[:1], options, here)
    ((_, expected),) = find_many(stars[:1], options)
    same(found, expected, 1e-5)


@pytest.mark.parametrize("mag", [np.full(60, 15.0), np.r_[np.full(59, 15.0), 16.0]], ids=["constant", "one point"])
def test_curves_without_a_signal_are_those_of_the_cpu(
    here: Accelerator, rng: np.random.Generator, mag: np.ndarray
) -> None:
    star = Series.of([(np.sort(rng.uniform(0, 100, 60)), mag, np.full(60, 0.02))])
    options = Options(tuple(SCREENS), max_freq=2.0)
    ((_, found),) = find_many([star], options, here)
    ((_, expected),) = find_many([star], options)
    for name, answer in expected.answers.items():  # many samples are equal but for the last bits
        if name != "CE" or mag.max() > mag.min():
            assert found.answers[name].significance[0] == pytest.approx(answer.significance[0], rel=1e-4), name


def test_compatible_searches_find_what_the_cpu_finds(here: Accelerator, rng: np.random.Generator) -> None:
    hjd, mag, err = rr_lyrae(rng, 80)
    options = Options(("ELS", "ECE", "EAOV", "EFPW", NESTED), max_freq=2.0, compatible=True)
    grid = CommonGrid.of(1100.0, options)
    star = (hjd - hjd[0], mag, err, grid, options)
    found, expected = find_compatible(*star, here), find_compatible(*star)
    for name, answer in expected.answers.items():
        assert np.array_equal(found.answers[name].periods, answer.periods), name
        assert found.answers[name].significance == pytest.approx(answer.significance, rel=1e-9)


def generate(folder: Path, *words: str) -> Any:
    argv = ["--light-curves", str(DATA), "--field", "250", "--Ncore", "1", "--skipCloseSources", "--stop_early"]
    argv += ["--limit", "6", "--dirname", str(folder), *words]
    assert cli.execute(app, prog="generate_features", verb="generate-features", argv=argv) == 0
    return pq.read_table(folder / "field_250" / "gen_features_field_250_ccd_1_quad_1.parquet")


@pytest.mark.usefixtures("card")
@pytest.mark.parametrize("words", [[], ["--compatible", "--max_freq", "2"]], ids=["", "compatible"])
def test_the_table_is_that_of_the_cpu(tmp_path: Path, words: list[str]) -> None:
    mine, theirs = generate(tmp_path / "gpu", "--doGPU", *words), generate(tmp_path / "cpu", "--doCPU", *words)
    assert mine.schema.names == theirs.schema.names
    assert {"period_ELS", "period_ECE", "period_EAOV", "period_ELS_ECE_EAOV"} <= set(mine.schema.names)
    for name in mine.schema.names:
        if mine.schema.field(name).type == "double":
            one, other = (np.array(t[name].to_numpy(), np.float64) for t in (mine, theirs))
            # Times in steps of 337 s: some points lie on the edge of a bin, and may fall on either side.
            assert one == pytest.approx(other, rel=1e-3, nan_ok=True), name
    devices = [json.loads(t.schema.metadata[b"scope"])["options"]["periods"].get("device") for t in (mine, theirs)]
    assert devices == ["cuda", None]


@pytest.mark.usefixtures("card")
def test_auto_takes_the_card_and_the_names_of_its_algorithms(tmp_path: Path) -> None:
    settings_file = tmp_path / "config.yaml"
    settings_file.write_text("feature_generation: {period_algorithms: {CPU: [AOV], GPU: [EAOV]}}")
    more = ["--config-path", str(settings_file), "--max_freq", "1", "--device"]
    names = {device: generate(tmp_path / device, *more, device).schema.names for device in ("auto", "cuda", "cpu")}
    assert "period_EAOV" in names["auto"]
    assert "period_EAOV" in names["cuda"]
    assert "period_AOV" in names["cpu"]


@pytest.mark.parametrize("devices", [None, 0, -1], ids=["no CuPy", "no card", "no driver"])
def test_without_a_card_there_is_one_line_and_auto_is_the_cpu(
    devices: int | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None if devices is None else strict_cupy.module(devices))
    open_device.cache_clear()
    assert open_device("auto") is None
    with pytest.raises(ExternalFailed):
        open_device("cuda")
    argv = ["--light-curves", str(DATA), "--field", "250", "--skipCloseSources", "--dirname", str(tmp_path)]
    for words in (["--doGPU"], ["--device", "cuda"], ["--doGPU", "--doNotSave"]):
        assert cli.execute(app, prog="generate_features", verb="generate-features", argv=[*argv, *words]) == 5
        error = capsys.readouterr().err.splitlines()
        assert len(error) == 1
        assert "to use a GPU" in error[0] or "no GPU that CuPy can use" in error[0]
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(
    "words", [["--doCPU", "--doGPU"], ["--doCPU", "--device", "cuda"], ["--doGPU", "--device", "cpu"]]
)
def test_two_devices_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--light-curves", str(DATA), "--field", "250", *words]
    assert cli.execute(app, prog="generate_features", verb="generate-features", argv=argv) == 2
    assert "--do" in capsys.readouterr().err


@pytest.mark.usefixtures("card")
def test_processes_share_the_memory() -> None:
    alone, shared = open_device("cuda"), open_device("cuda", 4)
    assert alone is not None
    assert shared is not None
    assert alone.room // 5 < shared.room <= alone.room // 4
