"""Masked files as 'cosmic-conn reduce' and the published data sets have them, made of simulated frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from cosmic_conn.simulate import Detector, Particles, Scene, expose, shower
from cosmic_conn.simulate.optics import PSF, stars


def exposures_of(seed: int, side: int = 96, number: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames of one field, their true cosmic rays, and IGNORE with border and sources."""
    random, shape = np.random.default_rng(seed), (side, side)
    light = stars(shape, np.array([900.0, 5e3, 3e4]), PSF(3.0), random) + 200
    frames, truth = [], []
    for _ in range(number):
        charge = shower(shape, Particles(5, 4, 2, 2, charge=900), random)
        frame = expose(Scene(light.astype(np.float32), PSF(3.0), 200.0), charge, Detector(), random)
        frames.append(frame.pixels)
        truth.append(charge > 4 * frame.noise)
    ignore = np.where(light > 300, 4, 0).astype(np.uint8)
    ignore[:2] |= 1
    return np.stack(frames), np.stack(truth), np.repeat(ignore[None], number, axis=0)


def write_masked(
    path: Path,
    seed: int,
    *,
    side: int = 96,
    number: int = 3,
    target: str = "",
    seconds: float = 120,
    spectra: bool = False,
) -> Path:
    """Write a masked file of images or spectra."""
    frames, truth, ignore = exposures_of(seed, side, number)
    name = "SPECTRUM" if spectra else "SCI"
    header = fits.Header({"EXPTIME": seconds, "SATURATE": 95_000.0, "OBJECT": target})
    hdus = [fits.PrimaryHDU(), *_numbered(frames, name, header)]
    if not spectra:
        hdus += [fits.ImageHDU(np.ones((side, side), np.uint8), name="VALID_MASK"), fits.BinTableHDU(name="CAT")]
    else:
        ignore = ignore & 1
    hdus += _numbered(truth.astype(np.uint8), "CR") + _numbered(ignore, "IGNORE")
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList(hdus).writeto(path)
    return path


def write_hst(path: Path, seed: int, *, side: int = 96, seconds: float = 500.0) -> Path:
    """Write an archive as the HST data set has them."""
    frames, truth, _ = exposures_of(seed, side)
    bad = np.zeros((side, side), dtype=np.uint8)
    bad[:, 7] = 1
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        path,
        raw=frames[0],
        clean=np.median(frames, axis=0),
        crmask=truth[0],
        badmask=bad,
        exp=seconds,
        gain=1.0,
        sky=200.0,
    )
    return path


def _numbered(planes: np.ndarray, name: str, header: fits.Header | None = None) -> list[fits.ImageHDU]:
    return [fits.ImageHDU(plane, header, name=name, ver=number) for number, plane in enumerate(planes, 1)]
