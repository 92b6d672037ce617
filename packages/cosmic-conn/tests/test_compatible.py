from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from conftest import finds_the_track, sky_image, with_track
from shared_io import fits

from cosmic_conn import __version__, detect, detect_cosmics, detect_FITS, detect_image, init_model


def test_the_names_that_pipelines_call() -> None:
    model = init_model("ground_imaging")
    image = with_track(sky_image())
    model.opt.crop = 256
    probability = model.detect_cr(image)
    assert isinstance(probability, np.ndarray)
    assert np.array_equal(probability > 0.5, detect(image, method="net", threshold=0.5).mask)
    assert np.array_equal(detect_image(model, image), probability)
    tensor = model.detect_cr(image, ret_numpy=False)
    assert isinstance(tensor, torch.Tensor)
    assert __version__


def test_a_crop_of_zero_is_the_whole_image_and_options_are_taken() -> None:
    model = init_model("ground_imaging", SimpleNamespace(crop=0))
    assert model.opt.crop == 0
    image = with_track(sky_image((400, 100)))
    whole = model.detect_cr(image)
    model.opt.crop = 100
    assert np.allclose(whole, model.detect_cr(image), atol=1e-4)


def test_fits_files(tmp_path: Path) -> None:
    from astropy.io import fits as astropy_fits

    image = with_track(sky_image())
    fits.write(tmp_path / "a.fits", [astropy_fits.PrimaryHDU(), astropy_fits.ImageHDU(image, name="SCI")])
    model = init_model()
    assert np.array_equal(detect_FITS(model, tmp_path / "a.fits"), model.detect_cr(image))


def test_the_shape_of_astroscrappy() -> None:
    image = with_track(sky_image()) / 2
    mask, clean = detect_cosmics(image, gain=2.0, readnoise=5.0, satlevel=50_000.0, sigclip=4.5, verbose=False)
    assert mask.dtype == bool
    assert finds_the_track(mask)
    assert clean.dtype == np.float32
    assert np.abs(clean[mask] - 200).max() < 30
    assert np.allclose(clean[~mask], image[~mask] * 2)


def test_a_mask_and_saturation_are_obeyed() -> None:
    image = with_track(sky_image())
    bad = np.zeros(image.shape, dtype=bool)
    bad[60, 20] = True
    assert not detect_cosmics(image, bad)[0][60, 20]
    image[80, 80] = 70_000
    assert not detect_cosmics(image, satlevel=65_000.0)[0][80, 80]


def test_background_and_variance_are_used() -> None:
    image = with_track(sky_image())
    slope = np.linspace(0, 5000, image.shape[1], dtype=np.float32)
    noise = np.linspace(1, 4, image.shape[0])[:, None]
    mask, _ = detect_cosmics((image - 200) * noise + slope, None, slope, 144 * noise**2 + 0 * image)
    assert finds_the_track(mask)
