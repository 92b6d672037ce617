"""Labels as Cosmic-CoNN makes them equal a plain account of it; sources in windows equal those of full frames."""

from __future__ import annotations

import numpy as np
import plain
import pytest
from stacks import READ_NOISE, exposures, field, showers, stacked

from cosmic_conn.kernels.sources import source_masks
from cosmic_conn.kernels.stacks import median_frame
from cosmic_conn.labelling.label import label_stack
from cosmic_conn.labelling.sources import find_shapes
from cosmic_conn.labelling.spectra import label_spectra, without_overscan
from cosmic_conn.labelling.stack import Rejected, Rules, Stack

SHAPE = (260, 300)


def stack(seed: int, count: int = 3, stars: int = 40, gain: float = 1.0) -> Stack:
    frames = exposures(field(SHAPE, stars, seed), count, seed + 1) + showers(SHAPE, count, seed + 2)
    made = stacked(frames / np.float32(gain), small=gain != 1)
    made.valid[:5] = False
    made.valid[:, -8:] = False
    return made


@pytest.mark.parametrize(
    ("rules", "gain", "count"),
    [
        ({}, 1.0, 3),
        ({"dilation": 5, "min_cr_size": 2}, 1.0, 3),
        ({"dilation": 0, "border": 0}, 1.0, 4),
        ({"flood_fill": True, "snr_thres": 3.0, "snr_thres_low": 1.0}, 1.0, 3),
        ({"min_cr_size": 1}, 1.4, 3),
    ],
    ids=["default", "as documented", "no edges", "flood", "gain solved for"],
)
def test_masks_are_those_of_the_plain_description(rules: dict, gain: float, count: int) -> None:
    asked = Rules(**{"border": 40, "compat": True, **rules})
    wanted = plain.Settings(
        asked.snr_thres, asked.snr_thres_low, asked.dilation, asked.flood_fill, asked.min_cr_size, asked.border
    )
    for seed in (10, 20):
        made = stack(seed, count, gain=gain)
        found = label_stack(made, asked)
        expected = plain.labels(made.frames, made.valid, READ_NOISE, wanted, small_telescope=gain != 1)
        assert expected is not None
        assert found.cr.any()
        assert np.array_equal(found.cr, expected[0])
        assert np.array_equal(found.ignore, expected[1])
        np.testing.assert_allclose(found.snr, expected[2], atol=2e-5)
        assert ("gains" in found.notes) == (gain != 1)


def test_the_gain_of_small_telescopes_solves_their_equation() -> None:
    """Counts divided by 1.4: 64 g^2 + 143 g = 135 has the root 1/1.4; sources that were set to 0 take a little off."""
    gains = label_stack(stack(30, stars=3, gain=1.4), Rules(border=40, compat=True)).notes["gains"]
    assert np.allclose(gains, 1 / 1.4, rtol=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_sources_in_windows_are_those_of_full_frames(seed: int) -> None:
    frames = exposures(field(SHAPE, 150, seed), 3, seed) + showers(SHAPE, 3, seed)
    frames -= np.median(frames, axis=(1, 2), keepdims=True)
    if seed == 1:
        frames[1] -= np.linspace(0, 400, SHAPE[1], dtype=np.float32)  # a background below 0
    if seed == 2:
        frames[:, :30] = frames[0, 0, 0]  # windows without noise
    shapes = find_shapes(median_frame(frames), frugal=True)
    assert len(shapes) > 2
    assert np.array_equal(source_masks(frames, shapes), plain.source_masks(frames))


def test_crowded_stacks_are_given_up_as_they_were() -> None:
    """With more than 3000 sources; here that is no reason."""
    shape = (760, 800)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 3000 * np.exp(-0.5 * (((y % 13 - 6) / 1.5) ** 2 + ((x % 13 - 6) / 1.5) ** 2))
    made = stacked(exposures(light, 2) + showers(shape, 2))
    assert plain.source_masks(made.frames) is None
    with pytest.raises(Rejected, match="rejected_SEP_sources_over_3k"):
        label_stack(made, Rules(border=40, compat=True))
    assert label_stack(made, Rules()).notes["sources"] > 3000


def spectra(count: int = 3, light: tuple[float, ...] = (1, 1, 1)) -> tuple[np.ndarray, np.ndarray]:
    """Echelle orders with an overscan, a saturated line, and cosmic rays [ADU]; and their charge."""
    random = np.random.default_rng(3)
    shape = (220, 260)
    y, x = np.mgrid[: shape[0], : shape[1]]
    orders = sum(3000 * np.exp(-0.5 * ((y - k - 4 * np.sin(x / 80)) / 2) ** 2) for k in range(5, shape[0], 25))
    orders = orders + 40_000 * np.exp(-0.5 * (((y - 105) / 3) ** 2 + ((x - 100) / 3) ** 2))
    orders[:, -35:] = 0
    charge = showers(shape, count, 5)
    frames = [random.poisson(orders * f) + random.normal(0, 5, shape) + 300 for f in light[:count]]
    return np.array(frames, dtype=np.float32) + charge, charge


@pytest.mark.parametrize(("flood", "gain"), [(False, 1.0), (True, 1.5)])
def test_spectra_are_labelled_as_they_were(flood: bool, gain: float) -> None:
    pixels, _ = spectra()
    frames, full = without_overscan(pixels)
    made = Stack(frames * np.float32(gain), np.ones(frames.shape[1:], dtype=bool), np.full(3, 5.0))
    found = label_spectra(made, full, Rules(compat=True, flood_fill=flood))
    cr, ignore = plain.spectra(pixels, gain, 5.0, plain.Settings(flood=flood))
    assert cr.any()
    assert np.array_equal(found.cr, cr)
    assert np.array_equal(found.ignore, ignore)


def test_spectra_of_unequal_light_give_no_false_labels() -> None:
    pixels, charge = spectra(light=(1.0, 0.9, 0.75))
    frames, full = without_overscan(pixels)
    made = Stack(frames, np.ones(frames.shape[1:], dtype=bool), np.full(3, 5.0))
    found = label_spectra(made, full, Rules(min_cr_size=2))
    strong = (charge > 1500) & (found.ignore == 0)
    assert found.cr[strong].mean() > 0.95
    assert (charge[found.cr] > 0).mean() > 0.93
