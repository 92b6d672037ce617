from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from shared_io import cli

from cosmic_conn.cli import app
from cosmic_conn.simulate.nights import Night, camera_of, field_of, shot_of
from cosmic_conn.simulate.optics import PSF, placed_stars

NIGHT = Night(side=128, frames=3, tracks=500, seed=2)


def test_stars_are_where_they_are_put() -> None:
    psf = PSF(3.0)
    found = placed_stars(
        (60, 70), np.array([20.4, -3.0, 300.0]), np.array([30.0, 5.0, 5.0]), np.array([1e4, 1e4, 1e9]), psf
    )
    y, x = np.mgrid[:60, :70]
    near = (np.abs(y - 20) < 9) & (np.abs(x - 30) < 9)
    light = found[near].sum()
    assert light > 0.9 * 1e4
    assert (found * y)[near].sum() / light == pytest.approx(20.4, abs=0.02)
    assert (found * x)[near].sum() / light == pytest.approx(30.0, abs=0.02)
    assert found[0, 5] > 0  # the light of the one outside
    assert found.sum() < 1.5e4


def test_a_shot_is_made_of_what_it_says() -> None:
    camera, field = camera_of(NIGHT), field_of(NIGHT, 0)
    shot = shot_of(NIGHT, camera, field, (0, 1))
    assert shot.pixels.shape == shot.charge.shape == (128, 128)
    assert (shot.charge > 0).sum() > 20
    quiet = (shot.charge == 0) & (camera.bad == 0)
    hit = (shot.charge > 1000) & (camera.bad == 0)
    assert np.median(shot.pixels[hit]) > np.median(shot.pixels[quiet]) + 900
    assert abs(np.median(shot.pixels[quiet]) / shot.sky - 1) < 0.1
    assert np.ptp(np.array([s.shift for s in (shot, shot_of(NIGHT, camera, field, (0, 0)))])) > 0


def test_exposures_show_the_same_field_shifted() -> None:
    camera, field = camera_of(NIGHT), field_of(NIGHT, 0)
    one, two = (shot_of(NIGHT, camera, field, (0, n)) for n in (0, 1))
    brightest = max(one.stars.tolist(), key=lambda s: s[2])
    dy, dx = two.shift
    partner = min(two.stars.tolist(), key=lambda s: np.hypot(s[0] + dx - brightest[0], s[1] + dy - brightest[1]))
    assert np.allclose([partner[0] + dx, partner[1] + dy], brightest[:2], atol=1e-6)


def test_satellites_cross_the_last_exposure_of_the_last_fields() -> None:
    camera = camera_of(NIGHT)
    crossed = [
        [shot_of(NIGHT, camera, field_of(NIGHT, f), (f, n)).trail.any() for n in range(3)] for f in range(NIGHT.fields)
    ]
    assert crossed == [[False] * 3, [False, False, True]]


def test_real_events_make_half_of_the_tracks() -> None:
    camera, field = camera_of(NIGHT), field_of(NIGHT, 0)
    event = np.full((2, 2), 12_345.0, dtype=np.float32)
    charge = shot_of(NIGHT, camera, field, (0, 0), [event]).charge
    assert (np.abs(charge - 12_345) < 1).sum() >= 4


def simulate(*words: object) -> int:
    return cli.execute(app, prog="cosmic-conn", argv=["simulate", "night", *(str(word) for word in words)])


def test_a_night_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    words = ("--side", 96, "--fields", 1, "--aligned", "-q")
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        assert simulate(tmp_path / name, *words, "--seed", seed) == 0
    found = {
        name: {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.fits")}
        for name in "abc"
    }
    assert len(found["a"]) == 7
    assert found["a"] == found["b"]
    assert found["a"].keys() == found["c"].keys()
    assert found["a"] != found["c"]


def test_headers_are_those_of_the_observatory(tmp_path: Path) -> None:
    assert simulate(tmp_path, "--side", 96, "--fields", 1, "-q") == 0
    paths = sorted((tmp_path / "banzai_frms").iterdir())
    assert paths[0].name == "lsc1m009-fa15-20240315-0001-e91.fits"
    with fits.open(paths[1]) as hdus:
        assert [h.name for h in hdus] == ["PRIMARY", "SCI", "BPM", "CAT"]
        header = hdus["SCI"].header
        for card, value in {"FRMTOTAL": 3, "MOLNUM": 1, "REQNUM": "1000", "WCSERR": 0, "EXPTIME": 300.0}.items():
            assert header[card] == value
        assert abs(header["L1MEDIAN"] / np.median(hdus["SCI"].data) - 1) < 1e-4


@pytest.mark.parametrize("words", [("--side", 10), ("--sky", 0), ("--seeing", -1), ("--fields", 0)])
def test_impossible_nights_are_refused(tmp_path: Path, words: tuple) -> None:
    assert simulate(tmp_path, *words) == 2
    assert not list(tmp_path.iterdir())
