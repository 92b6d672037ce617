"""Labels with calibrated noise: what noise does, what is found, what is left alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label
from stacks import READ_NOISE, SIGMA, SKY, exposures, field, showers, stacked

from cosmic_conn.files.stamps import read_stamps
from cosmic_conn.kernels.masks import EIGHT
from cosmic_conn.labelling.label import label_stack
from cosmic_conn.labelling.stack import Labels, Rejected, Rules, Stack
from cosmic_conn.simulate.tracks import Particles

SHAPE = (400, 420)


def empty_sky(count: int, **more: float) -> Labels:
    frames = exposures(np.zeros(SHAPE), count, seed=count, **more)
    return label_stack(stacked(frames, more.get("noise", READ_NOISE)), Rules(min_cr_fraction=0.0))


@pytest.mark.parametrize("count", range(2, 13))
def test_empty_sky_has_a_ratio_of_one(count: int) -> None:
    found = empty_sky(count)
    assert np.allclose(found.snr.std(axis=(1, 2)), 1, atol=0.03)
    assert abs(found.snr.mean()) < 0.01
    assert found.cr.sum() <= 3


@pytest.mark.parametrize(("sky", "noise"), [(10.0, 5.0), (0.5, 4.0), (5000.0, 10.0)])
@pytest.mark.parametrize("source", ["measured", "model"])
def test_so_it_has_for_other_skies_and_for_the_model(sky: float, noise: float, source: str) -> None:
    frames = exposures(np.zeros(SHAPE), 3, sky=sky, noise=noise)
    rules = Rules(min_cr_fraction=0.0, noise=source)  # type: ignore[arg-type]
    assert np.allclose(label_stack(stacked(frames, noise), rules).snr.std(axis=(1, 2)), 1, atol=0.03)


def test_so_it_has_where_one_frame_is_noisier() -> None:
    """Each frame's own variance and its share in the median count."""
    frames = exposures(np.zeros(SHAPE), 4)
    frames[1] = exposures(np.zeros(SHAPE), 1, seed=9, sky=900)[0]
    for source in ("measured", "model"):
        found = label_stack(stacked(frames), Rules(min_cr_fraction=0.0, noise=source))  # type: ignore[arg-type]
        assert np.allclose(found.snr.std(axis=(1, 2)), 1, atol=0.03)


def test_so_it_has_where_the_sky_was_taken_out_or_smoothed() -> None:
    """Resampled frames from which the sky is gone: only what is measured is right, and it is the default."""
    from scipy.ndimage import shift

    frames = exposures(np.zeros(SHAPE), 3) - SKY
    frames[0] = shift(frames[0], (0.5, 0.5), order=1, mode="nearest")
    found = label_stack(stacked(frames), Rules(min_cr_fraction=0.0))
    assert np.allclose(found.snr[:, 5:-5, 5:-5].std(axis=(1, 2)), 1, atol=0.03)


def test_skies_that_slope_differently_are_brought_together() -> None:
    frames = exposures(np.zeros(SHAPE), 3)
    frames[2] += np.linspace(-60, 60, SHAPE[1], dtype=np.float32)
    found = label_stack(stacked(frames), Rules(min_cr_fraction=0.0))
    assert np.allclose(found.snr.std(axis=(1, 2)), 1, atol=0.03)
    assert found.cr.sum() <= 3


def strong_and_labelled(found: Labels, charge: np.ndarray) -> tuple[float, float]:
    """Completeness of pixels of 8 sigma in tracks of 2 pixels or more, and the share of labels with charge."""
    strong = (charge >= 8 * SIGMA) & ((found.ignore & 7) == 0)
    for plane, bright in zip(strong, charge >= SIGMA, strict=True):
        objects, _ = label(bright, EIGHT)
        sizes = np.bincount(objects.ravel())
        plane &= sizes[objects] >= 2
    return float(found.cr[strong].mean()), float((charge[found.cr] > 0).mean())


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("rules", [Rules(), Rules(dilation=5, min_cr_size=2)], ids=["default", "as documented"])
def test_real_tracks_are_found(real_data: Path, rules: Rules, count: int) -> None:
    events = read_stamps(real_data / "floyds_stamps/floyds_cosmic_ray_stamps_000-149.json")[100:]
    shape = (768, 768)
    charge = showers(shape, count, 1, Particles(0, 0, 0, 0, stamps=150), events)
    found = label_stack(stacked(exposures(field(shape, 150, 1), count, 1) + charge), rules)
    completeness, purity = strong_and_labelled(found, charge)
    assert completeness >= 0.97
    assert purity >= 0.995


def test_the_faint_ends_of_a_track_count_for_its_size_and_single_pixels_stay_single() -> None:
    frames = np.zeros((2, *SHAPE), dtype=np.float32)
    frames[:] = exposures(np.zeros(SHAPE), 2)
    frames[0, 100, 100:102] = SKY + 20 * SIGMA
    frames[0, 100, 102:104] = SKY + 2.3 * SIGMA  # too faint for the mask
    frames[0, 200, 100:102] = SKY + 20 * SIGMA
    frames[0, 199:202, [99, 102]] = frames[0, 199, 99:103] = frames[0, 201, 99:103] = SKY
    frames[0, 200, [99, 102]] = SKY
    frames[0, 300, 100] = SKY + 20 * SIGMA
    frames[0, 299, 99] = SKY + 2.3 * SIGMA
    found = label_stack(stacked(frames), Rules(min_cr_fraction=0.0))
    assert found.cr[0, 100, 100:104].tolist() == [True, True, False, False]
    assert found.ignore[0, 200, 100:102].tolist() == [8, 8]
    assert found.ignore[0, 300, 100] == 8


def test_edges_of_two_frames_are_found_above_the_noise_of_one() -> None:
    """2.5 sigma of a pixel, though the difference of the two frames is as noisy as both."""
    frames = exposures(np.zeros(SHAPE), 2)
    frames[1, 50:350:10, 100:300:10] += 30 * SIGMA
    frames[1, 50:350:10, 101:301:10] = SKY + 3.2 * SIGMA
    found = label_stack(stacked(frames), Rules(min_cr_size=1, min_cr_fraction=0.0))
    assert found.cr[1, 50:350:10, 100:300:10].all()
    assert found.cr[1, 50:350:10, 101:301:10].mean() > 0.9
    assert found.cr[1, 50:350:10, 99:299:10].mean() < 0.02


@pytest.mark.parametrize("count", [2, 3, 6])
def test_simulated_tracks_are_found(count: int) -> None:
    charge = showers(SHAPE, count)
    found = label_stack(stacked(exposures(field(SHAPE, 60), count) + charge), Rules(min_cr_size=2))
    completeness, purity = strong_and_labelled(found, charge)
    assert completeness > 0.97
    assert purity > 0.97
    assert not found.rejected.any()


def test_changing_air_makes_no_cosmic_rays_of_stars() -> None:
    """Seeing, transparency and half a pixel of misalignment between the frames."""
    clear = [
        exposures(factor * field(SHAPE, 80, fwhm=fwhm), 1, seed=index)[0]
        for index, (fwhm, factor) in enumerate([(3.5, 1.0), (3.9, 0.85), (3.2, 0.95)])
    ]
    clear[1][:, :-1] = (clear[1][:, :-1] + clear[1][:, 1:]) / 2
    found = label_stack(stacked(np.array(clear)), Rules(min_cr_size=2, min_cr_fraction=0.0))
    assert found.cr.sum() <= 6


def test_a_saturated_star_and_its_bleed_are_left_out() -> None:
    frames = exposures(np.zeros(SHAPE), 3)
    for index, frame in enumerate(frames):
        frame[100 : 300 + 20 * index, 200:203] = 60_000
    stack = replace(stacked(frames), saturation=60_000.0)
    found = label_stack(stack, Rules(min_cr_fraction=0.0))
    assert (found.ignore[:, 100:300, 200:203] & 4).all()
    assert found.cr[:, :295].sum() == 0


def test_the_frame_with_a_satellite_is_left_out() -> None:
    frames = exposures(field(SHAPE, 40), 4) + showers(SHAPE, 4)
    along = np.arange(350)
    for width in range(4):
        frames[2, along + 20, along + 10 + width] += 400
    found = label_stack(stacked(frames), Rules())
    assert list(found.rejected) == [False, False, True, False]
    alone = label_stack(stacked(frames[[0, 1, 3]]), Rules())
    assert np.array_equal(found.cr, alone.cr)
    assert np.array_equal(found.snr, alone.snr)


def test_with_too_few_frames_left_there_are_no_labels() -> None:
    frames = exposures(np.zeros(SHAPE), 3)
    along = np.arange(350)
    for width in range(4):
        frames[0, along + 20, along + 10 + width] += 400
    with pytest.raises(Rejected, match="rejected_less_than_3_frames"):
        label_stack(stacked(frames), Rules(min_frames=3))


def test_one_long_track_does_not_reject_a_frame() -> None:
    frames = exposures(np.zeros(SHAPE), 3)
    frames[1, 200, 100:180] += 900
    found = label_stack(stacked(frames), Rules())
    assert found.counts[1] >= 80
    assert not found.rejected.any()


def test_nothing_found_is_no_stack_of_labels() -> None:
    with pytest.raises(Rejected, match="rejected_low_cr_frac"):
        label_stack(stacked(exposures(np.zeros(SHAPE), 3)), Rules())


def test_bits_say_why_a_pixel_is_ignored() -> None:
    frames = exposures(field(SHAPE, 40), 3)
    frames[0, 50, 50] += 2000  # one pixel
    frames[1, 2, 60:70] += 2000  # in the border
    frames[2, 200, 100:110] += 2000  # where it counts
    valid = np.ones(SHAPE, dtype=bool)
    valid[60:64] = False
    found = label_stack(Stack(frames, valid, np.full(3, READ_NOISE)), Rules())
    assert found.ignore[0, 50, 50] == 8
    assert (found.ignore[1, 2, 60:70] == 1).all()
    assert (found.ignore[:, 60:64, 20:400] & 2).all()
    assert (found.ignore & 4).any()
    assert found.ignore[2, 200, 105] == 0
    assert found.cr[2, 200, 100:110].all()
    assert not (found.cr & (found.ignore > 0)).any()


def test_missing_values_are_not_valid() -> None:
    frames = exposures(np.zeros(SHAPE), 3)
    frames[1, 100:110, 100:110] = np.nan
    found = label_stack(stacked(frames), Rules(min_cr_fraction=0.0))
    assert (found.ignore[:, 100:110, 100:110] == 2).all()
    assert np.isfinite(found.snr).all()


def test_noise_that_nobody_knows_gives_no_labels() -> None:
    with pytest.raises(Rejected, match="rejected_noise_unknown"):
        label_stack(stacked(np.zeros((3, 50, 50)), noise=0.0), Rules())


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
def test_the_gain_of_small_telescopes_is_measured(gain: float) -> None:
    """Sky and variance of counts divided by the gain; labels do not depend on it."""
    frames = exposures(field(SHAPE, 40), 3) + showers(SHAPE, 3)
    found = label_stack(stacked(frames / np.float32(gain), small=True), Rules())
    assert np.allclose(found.notes["gains"], gain, rtol=0.03)
    known = label_stack(stacked(frames), Rules())
    assert (found.cr != known.cr).sum() < 0.02 * known.cr.sum()


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 5.0, -3e3, 1e30])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 7), (70, 60)])
def test_numbers_that_are_no_counts_give_no_labels(shape: tuple[int, int], value: float, compat: bool) -> None:
    frames = np.full((3, *shape), value)
    frames[:, 0, 0] = exposures(np.zeros((1, 1)), 3)[:, 0, 0]
    with suppress(Rejected):
        assert label_stack(stacked(frames), Rules(min_cr_fraction=0.0, compat=compat)).cr.sum() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"snr_thres_low": 6.0},
        {"snr_thres": -1.0},
        {"dilation": -1},
        {"min_cr_size": 0},
        {"border": -1},
        {"min_frames": 1},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must"):
        Rules(**wrong)


def test_arrays_of_any_type_make_a_stack() -> None:
    frames = exposures(np.zeros(SHAPE), 3) + showers(SHAPE, 3)
    wanted = label_stack(stacked(frames), Rules())
    found = label_stack(Stack(frames.astype(">f8"), np.ones(SHAPE, dtype=np.uint8), [8, 8, 8]), Rules())  # type: ignore[arg-type]
    assert np.array_equal(found.cr, wanted.cr)
    with pytest.raises(ValueError, match="shape of a frame"):
        Stack(frames, np.ones((3, 3), bool), np.ones(3))


def test_a_stack_has_two_frames_and_their_noises() -> None:
    with pytest.raises(ValueError, match="two frames"):
        Stack(np.zeros((1, 5, 5), np.float32), np.ones((5, 5), bool), np.ones(1))
    with pytest.raises(ValueError, match="read noise"):
        Stack(np.zeros((3, 5, 5), np.float32), np.ones((5, 5), bool), np.ones(2))
