"""Linear convolution of many small images with one PSF."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TOGETHER = 4
"""Images whose transforms are in the cache at a time."""


def convolve_same(images: NDArray, psf: NDArray, spectrum: NDArray[np.complex128] | None = None) -> NDArray[np.float64]:
    """Convolve each image with the PSF, as ``scipy.signal.fftconvolve(image, psf, mode="same")`` does.

    The transforms are done in double precision at a length of ``box + (side - 1) / 2`` or a little more:
    what wraps around at that length falls only on the rows and columns that ``mode="same"`` throws away.
    Where both the images and the PSF are nowhere negative, neither is the result: the rounding noise of the
    transforms (1e-16 of the brightest pixel) is set to zero.

    Parameters
    ----------
    images : ndarray, shape (..., box, box)
        Images, any real dtype.
    psf : ndarray, shape (side, side)
        PSF with odd sides, its centre in the central pixel.
    spectrum : ndarray of complex128, optional
        `psf_spectrum` of this PSF and box, to spare its computation in a loop.

    Returns
    -------
    ndarray of float64, shape (..., box, box)

    Raises
    ------
    ValueError
        Images or PSF not square, or a PSF with even sides, which has no central pixel: the result would be
        shifted by half a pixel.
    """
    from scipy.fft import irfft2, rfft2

    box = _side(images)
    half = _check(psf) // 2
    length = transform_length(box, psf.shape[-1])
    if spectrum is None:
        spectrum = psf_spectrum(psf, box)
    result = np.empty(images.shape)
    flat, several = result.reshape(-1, box, box), images.reshape(-1, box, box)
    for first in range(0, len(flat), TOGETHER):
        part = slice(first, first + TOGETHER)
        product = rfft2(several[part].astype(np.float64), (length, length))
        product *= spectrum
        flat[part] = irfft2(product, (length, length), overwrite_x=True)[:, half : half + box, half : half + box]
    if psf.min() >= 0 and np.min(images) >= 0:
        np.maximum(result, 0.0, out=result)
    return result


def psf_spectrum(psf: NDArray, box: int) -> NDArray[np.complex128]:
    """Transform of the PSF at the length that `convolve_same` uses for images of side `box`."""
    from scipy.fft import rfft2

    length = transform_length(box, _check(psf))
    return rfft2(np.asarray(psf, np.float64), (length, length))


def transform_length(box: int, side: int) -> int:
    """Shortest fast transform length at which wrap-around spares the 'same' part."""
    from scipy.fft import next_fast_len

    return int(next_fast_len(max(box + side // 2, side), real=True))


def _side(images: NDArray) -> int:
    if images.ndim < 2 or images.shape[-1] != images.shape[-2]:
        raise ValueError(f"images have shape {images.shape}: the last two axes must be equal")
    return images.shape[-1]


def _check(psf: NDArray) -> int:
    if psf.ndim != 2 or psf.shape[0] != psf.shape[1]:
        raise ValueError(f"the PSF has shape {psf.shape}: must be square")
    if psf.shape[0] % 2 == 0:
        raise ValueError(f"the PSF is {psf.shape[0]} px wide: an even width has no central pixel; recentre it")
    if not np.isfinite(psf).all():
        raise ValueError("the PSF has pixels that are not finite")
    return psf.shape[0]
