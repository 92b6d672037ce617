from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from shared_io.errors import CorruptInput, InputNotFound

from cosmic_conn.evaluation.scenes import simulated_cases
from cosmic_conn.files.stamps import read_stamps
from cosmic_conn.simulate import Detector, Particles, Scene, draw_detector, draw_scene, expose, shower
from cosmic_conn.simulate.optics import PSF, stars, trail
from cosmic_conn.simulate.spectra import echelle


@pytest.mark.parametrize("fwhm", [4.0, 8.0])
def test_a_profile_has_its_width_and_all_of_its_light(fwhm: float) -> None:
    image = PSF(fwhm, beta=4.0).image(30)
    assert image.sum() == pytest.approx(1)
    assert image[30, 30 + int(fwhm / 2)] / image[30, 30] == pytest.approx(0.5, abs=0.03)
    assert image[30 + int(fwhm / 2), 30] / image[30, 30] == pytest.approx(0.5, abs=0.03)


def test_a_narrow_profile_is_integrated_over_its_pixels() -> None:
    fine = PSF(6.0, 3.0).image(37)  # five times the scale: blocks of five are the pixels
    coarse = PSF(1.2, 3.0).image(7)
    blocks = fine.reshape(15, 5, 15, 5).sum(axis=(1, 3))
    assert coarse[7, 7] == pytest.approx(blocks[7, 7], rel=0.05)
    assert coarse[7, 8] == pytest.approx(blocks[7, 8], rel=0.05)


def test_stars_have_their_flux() -> None:
    random = np.random.default_rng(1)
    field = stars((200, 200), np.full(30, 1000.0), PSF(2.0, 4.0), random)
    assert field.sum() == pytest.approx(30_000, rel=0.1)  # some of it falls off the edge


def test_a_frame_is_what_its_truth_says() -> None:
    random = np.random.default_rng(2)
    scene = Scene(np.full((150, 150), 400.0, dtype=np.float32), PSF(2.0), 400.0)
    charge = shower((150, 150), Particles(5, 5, 5, 5), random)
    frame = expose(scene, charge, Detector(gain=2.0, read_noise=10.0, bias=100.0), random)
    rest = (frame.pixels - 100) * 2 - charge - 400
    assert rest.std() == pytest.approx(np.sqrt(500), rel=0.05)
    assert np.median(frame.noise) == pytest.approx(np.sqrt(500))
    assert frame.saturation == 50_100
    assert not frame.saturated.any()


def test_charge_beyond_full_well_bleeds_along_the_column_and_none_is_lost() -> None:
    light = np.zeros((41, 5), dtype=np.float32)
    light[20, 2] = 10_500
    random = np.random.default_rng(3)
    frame = expose(Scene(light, PSF(1.0), 0.0), np.zeros_like(light), Detector(1.0, 0.0, 1000.0), random)
    assert frame.pixels[:, [0, 1, 3, 4]].sum() == 0
    assert frame.pixels.max() == 1000
    assert frame.pixels.sum() == pytest.approx(10_500, rel=0.05)
    assert frame.saturated.sum() == 9  # and the rest of the charge in the two pixels at the ends
    assert frame.saturated[20, 2]


def test_a_shower_has_the_numbers_it_is_asked_for() -> None:
    random = np.random.default_rng(4)
    charge = shower((400, 400), Particles(0, 0, 0, 100), random)
    assert 70 < (charge > 0).sum() < 130
    assert (shower((50, 50), Particles(0, 0, 0, 0), random) == 0).all()
    stamp = np.zeros((5, 4), dtype=np.float32)
    stamp[1:4, 2] = 100
    placed = shower((300, 300), Particles(0, 0, 0, 0, stamps=40), random, [stamp])
    assert 60 < (placed > 0).sum() < 170


def test_lines_are_straight_and_of_even_charge() -> None:
    from cosmic_conn.simulate.tracks import _deposit, _line

    for seed in range(12):
        y, x, charge = _line(Particles(diffusion=0.0), np.random.default_rng(seed))
        frame = np.zeros((400, 400))
        _deposit(frame, y + 200.5, x + 200.5, charge)
        lit = np.argwhere(frame > 0)
        assert np.ptp(frame[frame > 0]) < 1e-6 * frame.max()
        across = np.linalg.svd(lit - lit.mean(axis=0), compute_uv=False)[1] / np.sqrt(len(lit))
        assert across < 1.5  # no wider than four pixels


def test_trails_cross_the_frame_and_orders_fill_it() -> None:
    random = np.random.default_rng(9)
    light = trail((80, 60), 100.0, PSF(3.0), random)
    assert light.max() == pytest.approx(100, rel=0.35)
    assert (light > 30).any(axis=0).all() or (light > 30).any(axis=1).all()
    orders = echelle((64, 90), 100.0, PSF(2.0), random)
    assert orders.shape == (64, 90)
    assert orders.min() >= 0
    assert np.median(orders) > 0


def test_a_halo_lights_the_surroundings() -> None:
    plain, lit = PSF(2.0).image(20), PSF(2.0, halo=0.01).image(20)
    assert lit[20, 36] > 2 * plain[20, 36]
    assert lit.sum() == pytest.approx(1)


def test_thick_sensors_have_long_tracks() -> None:
    def largest(thickness: float) -> int:
        charge = shower((300, 300), Particles(40, 0, 0, 0, thickness=thickness), np.random.default_rng(5))
        return int((charge > 50).sum())

    assert largest(15.0) > 3 * largest(1.0)


def test_the_same_seed_gives_the_same_frame() -> None:
    def frame(seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        scene = draw_scene((64, 64), random)
        return expose(scene, shower((64, 64), Particles(), random), draw_detector(random), random).pixels

    assert np.array_equal(frame(6), frame(6))
    assert not np.array_equal(frame(6), frame(7))


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes_are_light(seed: int) -> None:
    scene = draw_scene((72, 72), np.random.default_rng(seed))
    assert scene.light.shape == (72, 72)
    assert np.isfinite(scene.light).all()
    assert scene.light.min() >= 0


def test_stamps_keep_their_charge_and_lose_their_noise(tmp_path: Path) -> None:
    flux = [[9, 1, 2, 3, 9], [1, 80, 90, 4, 5], [1, 2, 3, -4, 5]]
    flagged = [[0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]]
    path = tmp_path / "s.json"
    path.write_text(json.dumps([{"flux": flux, "flagged": flagged}]))
    (stamp,) = read_stamps(path)
    assert stamp.tolist() == [[9, 1, 2, 3, 0], [1, 80, 90, 4, 0], [1, 2, 3, 0, 0]]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"flux": [[1]]}]', '[{"flux": [[1, 2]], "flagged": [[1]]}]', "["])
def test_what_holds_no_stamps_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(CorruptInput):
        read_stamps(path)
    with pytest.raises(InputNotFound):
        read_stamps(tmp_path / "none.json")


def test_cases_are_the_same_each_time_and_name_their_truth() -> None:
    first, again = simulated_cases((), 5), simulated_cases((), 5)
    assert [c.name for c in first] == [c.name for c in again]
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert one.charge.shape == one.pixels.shape == one.light.shape
    assert (first[-1].charge == 0).all()
