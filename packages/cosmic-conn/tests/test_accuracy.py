"""What the shipped weights are worth: on simulated frames always, on real ones where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import sky_image
from shared_io import fits

from cosmic_conn import Camera, Detector, Settings
from cosmic_conn.evaluation.scenes import real_cases, simulated_cases
from cosmic_conn.files.frames import read_science
from cosmic_conn.files.stamps import read_stamps
from cosmic_conn.kernels.scores import Score, score
from cosmic_conn.simulate import Particles, shower
from cosmic_conn.simulate.optics import PSF, stars

HYBRID = Detector(Settings(precision="fp32"))


def scored(
    pixels: np.ndarray, charge: np.ndarray, camera: Camera | None = None, lost: np.ndarray | None = None
) -> Score:
    keep = np.ones(pixels.shape, dtype=bool) if lost is None else ~lost
    return score(HYBRID(pixels).mask & keep, np.where(keep, charge, 0), 16.2)


@pytest.fixture(scope="module")
def field() -> tuple[np.ndarray, np.ndarray]:
    """Stars of three pixels' seeing on a sky of 200 e-, read noise 8 e-, and tracks."""
    random = np.random.default_rng(21)
    light = stars((384, 384), np.minimum(180 * random.random(60) ** -1.6, 3e5), PSF(3.0, 3.0), random)
    charge = shower((384, 384), Particles(12, 12, 12, 12, charge=700), random)
    return (random.poisson(light + 200) + random.normal(0, 8, light.shape) + charge).astype(np.float32), charge


def test_tracks_among_stars(field: tuple[np.ndarray, np.ndarray]) -> None:
    found = scored(*field)
    assert found.recall > 0.97
    assert found.completeness > 0.93
    assert found.purity > 0.97


def _slope(image: np.ndarray) -> np.ndarray:
    return image + np.linspace(0, 2000, image.shape[1], dtype=np.float32)


def _source(image: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - 200.3
    return image + (1e6 * np.exp(-(x**2 + y**2) / 4)).astype(np.float32)


def _columns(image: np.ndarray) -> np.ndarray:
    image = image.copy()
    image[:, ::40] = np.nan
    return image


def _infinite(image: np.ndarray) -> np.ndarray:
    image = image.copy()
    image[100, 100] = np.inf
    return image


@pytest.mark.parametrize(
    "stress", [_slope, _source, _columns, _infinite, lambda i: i * 0.01, lambda i: i * 10],
    ids=["slope", "source", "columns", "infinite", "x0.01", "x10"],
)  # fmt: skip
def test_stress_costs_no_recall(stress: object, field: tuple[np.ndarray, np.ndarray]) -> None:
    image, charge = field
    stressed = stress(image)  # type: ignore[operator]
    lost = ~np.isfinite(stressed)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - 200.3
    lost |= np.hypot(x, y) < 12
    plain, found = scored(image, charge, lost=lost), scored(stressed, charge, lost=lost)
    assert found.recall > plain.recall - 0.02
    assert found.wrong <= plain.wrong + 6


def test_empty_sky_has_almost_no_false_positives() -> None:
    flagged = sum(int(HYBRID(sky_image((512, 512), seed=s)).mask.sum()) for s in range(3))
    assert flagged <= 8


def test_lines_among_a_hundred_stars_pass_the_criterion_of_banzai() -> None:
    (case,) = [c for c in simulated_cases((), 5) if c.name == "lines among 100 stars"]
    found = score(HYBRID(case.pixels).mask, case.charge, case.noise)
    assert found.recall >= 0.95
    assert found.purity >= 0.93


def test_no_core_of_a_saturated_star_is_flagged_outside_bleeds() -> None:
    (case,) = [c for c in simulated_cases((), 5) if c.name.startswith("saturated")]
    mask = HYBRID(case.pixels, camera=Camera(1.0, 8.0, case.saturation)).mask
    bleeding = (case.pixels > case.saturation).any(axis=0)
    columns = np.convolve(bleeding, np.ones(5), mode="same") > 0
    outside = score(mask & ~columns, case.charge, case.noise, case.light)
    assert outside.wrong <= 120
    bright = case.light > 300 * case.noise
    assert (mask & bright & ~columns).sum() <= 10


def test_real_tracks_put_into_a_field_of_stars(real_data: Path) -> None:
    stamps = read_stamps(real_data / "floyds_stamps" / "floyds_cosmic_ray_stamps_000-149.json")[100:]
    case = simulated_cases(stamps, 5)[0]
    found = score(HYBRID(case.pixels, camera=Camera(1.0, 8.0, case.saturation)).mask, case.charge, case.noise)
    assert found.recall >= 0.98
    assert found.completeness >= 0.985
    assert found.purity >= 0.98


def test_m51_with_artificial_tracks(real_data: Path) -> None:
    (case,) = real_cases(real_data)
    found = score(HYBRID(case.pixels).mask, case.charge, case.noise)
    assert found.recall >= 0.95
    assert found.purity >= 0.95


def test_the_spectrum_has_its_two_cosmic_rays(real_data: Path) -> None:
    (image,) = read_science(real_data / "gmos" / "astroscrappy_gmos_S20190808S0048_cut.fits")
    found = HYBRID(image.pixels)
    known = np.zeros(image.pixels.shape, dtype=bool)
    known[41:72, 142:161] = known[117:147, 35:43] = True
    known[147:, 35:43] = True  # the second one goes on to the edge
    assert found.counts()[">20"] == 2
    assert (found.mask & ~known).sum() <= 6
    assert found.mask[41:72, 142:161].sum() > 60


def test_pixels_that_stand_out_from_four_other_exposures_are_found(real_data: Path) -> None:
    frames = [fits.read_image(p).data for p in sorted((real_data / "decam_sfft").glob("DEC-OBS04?.mini.fits"))]
    median = np.median(frames, axis=0)
    right = wrong = 0
    for frame in frames:
        mask = HYBRID(frame).mask
        excess = frame - median
        noise = 1.4826 * np.median(np.abs(excess - np.median(excess)))
        right += int((mask & (excess > 3 * noise)).sum())
        wrong += int((mask & (excess <= 3 * noise)).sum())
    assert right > 100
    assert wrong < 0.15 * right
