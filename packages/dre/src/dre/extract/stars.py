"""A point-spread function from the stars of one catalogue, where PSFEx is absent.

Each star is the PSF moved by the fraction of a pixel its centre is off, times its flux, plus a local sky.  For images
sampled at Nyquist or better a move is a phase in Fourier space, so the least-squares PSF is the flux-weighted mean of
the stars moved back to the pixel centre (compare Bertin 2011, ASP 442, 435, where the same model is solved in a pixel
basis).  Flux, sky and centre of each star are refitted against that mean, its blank pixels are filled from it, and
stars that do not look like it are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.table import Table

from dre.config import Settings
from dre.extract.vignettes import BLANK

ITERATIONS = 6
MAX_STARS = 500


@dataclass(frozen=True)
class StarPsf:
    """PSF image from stars.

    Parameters
    ----------
    image : ndarray of float32, shape (size, size)
        PSF with unit sum at one sample a pixel, centred on the central pixel.
    loaded, accepted : int
        Stars that were tried, stars that were kept.
    chi2 : float
        Reduced chi2 of the kept stars.
    fwhm : float
        Full width at half maximum [pixel].
    """

    image: np.ndarray
    loaded: int
    accepted: int
    chi2: float
    fwhm: float


def choose_stars(catalogue: Table, settings: Settings) -> np.ndarray:
    """Return the row numbers of usable stars: bright, round, clean, and of the size at which stars pile up.

    Parameters
    ----------
    catalogue : Table
        Columns FLUX_RADIUS [pixel], SNR_WIN, ELONGATION, FLAGS.
    settings : Settings
        PSFEx keys SAMPLE_MINSN, SAMPLE_MAXELLIP, SAMPLE_VARIABILITY, SAMPLE_FWHMRANGE.
    """
    from dre.extract.stellarity import stellar_locus

    radius = np.asarray(catalogue["FLUX_RADIUS"], float)
    snr = np.asarray(catalogue["SNR_WIN"], float)
    elongation = np.asarray(catalogue["ELONGATION"], float)
    flags = np.asarray(catalogue["FLAGS"], int)
    ellipticity = (elongation - 1) / (elongation + 1)
    smallest, largest = settings.numbers("SAMPLE_FWHMRANGE")
    clean = (flags & 0xFE) == 0
    usable = clean & (snr > settings.number("SAMPLE_MINSN")) & (ellipticity < settings.number("SAMPLE_MAXELLIP"))
    usable &= (radius > 0.45 * smallest) & (radius < 0.65 * largest)
    locus = stellar_locus(radius[usable], snr[usable], elongation[usable], flags[usable], seeing=0.0)
    if locus.stars == 0:
        return np.array([], int)
    width = min(settings.number("SAMPLE_VARIABILITY") / 2, 0.1)
    rows = np.flatnonzero(usable & (np.abs(radius / locus.radius - 1) < width))
    return rows[np.argsort(-snr[rows], kind="stable")][:MAX_STARS]


def psf_from_stars(stamps: np.ndarray, dx: np.ndarray, dy: np.ndarray, flux: np.ndarray, *, size: int) -> StarPsf:
    """Combine stars into a PSF.

    Parameters
    ----------
    stamps : ndarray of float, shape (n, m, m)
        Background-subtracted vignettes [ADU], m odd; blank pixels hold -1e30.
    dx, dy : ndarray, shape (n,)
        Offset of each star from the central pixel [pixel].
    flux : ndarray, shape (n,)
        First guess of the flux [ADU].
    size : int
        Side of the PSF image [pixel], odd; at most m.

    Returns
    -------
    StarPsf

    Raises
    ------
    ValueError
        If no star is given, or none resembles the others.
    """
    if len(stamps) == 0:
        raise ValueError("no star to make a PSF from")
    stars = _Stars(stamps, dx, dy, flux)
    model = stars.mean()
    for _ in range(ITERATIONS):
        stars.refit(model)
        stars.reject()
        model = stars.mean()
    side = min(size, stamps.shape[1])
    edge = (stamps.shape[1] - side) // 2
    image = model[edge : edge + side, edge : edge + side]
    image = _calm_wings(image)
    kept = int(stars.keep.sum())
    chi2 = float(np.median(stars.chi2[stars.keep]))
    return StarPsf((image / image.sum()).astype(np.float32), len(stamps), kept, chi2, _fwhm(image))


class _Stars:
    """The stars and what is known of each: blank pixels, flux, sky, offset, chi2, whether it is kept."""

    def __init__(self, stamps: np.ndarray, dx: np.ndarray, dy: np.ndarray, flux: np.ndarray) -> None:
        self.good = stamps > BLANK / 2
        self.data = np.where(self.good, stamps, 0).astype(float)
        self.dx, self.dy = np.array(dx, float), np.array(dy, float)
        self.flux = np.array(flux, float)
        self.sky = np.zeros(len(stamps))
        self.chi2 = np.ones(len(stamps))
        central = np.abs(np.arange(stamps.shape[1]) - stamps.shape[1] // 2) <= 3
        self.keep = self.good[:, central][:, :, central].all(axis=(1, 2)) & (self.flux > 0)
        if not self.keep.any():
            raise ValueError("every candidate star has blank pixels in its core")
        self.noise = _noise(self.data, self.good)

    def mean(self) -> np.ndarray:
        """Flux-weighted mean of the kept stars, moved back to the pixel centre, with unit sum."""
        total = np.zeros(self.data.shape[1:])
        weight = 0.0
        for k in np.flatnonzero(self.keep):
            filled = np.where(self.good[k], self.data[k], self._mirrored(k)) - self.sky[k]
            w = self.flux[k] / (self.noise[k] ** 2 + 1e-4 * self.flux[k] ** 2 / self.data[k].size)
            total += w * _moved(filled, -self.dx[k], -self.dy[k])
            weight += w * self.flux[k]
        mean = total / weight
        border = np.concatenate([mean[0], mean[-1], mean[1:-1, 0], mean[1:-1, -1]])
        mean = mean - np.median(border)
        return mean / mean.sum()

    def _mirrored(self, k: int) -> np.ndarray:
        """Value of the opposite pixel, as a star is nearly point-symmetric; the sky where that is blank too."""
        return np.where(self.good[k, ::-1, ::-1], self.data[k, ::-1, ::-1], self.sky[k])

    def refit(self, model: np.ndarray) -> None:
        """Linearised least squares of flux, sky and offset of each star against the model."""
        for k in np.flatnonzero(self.flux > 0):
            shape = _moved(model, self.dx[k], self.dy[k])
            gy, gx = np.gradient(shape)
            good = self.good[k]
            matrix = np.stack([shape[good], np.ones(good.sum()), -gx[good], -gy[good]], axis=1)
            solution = np.linalg.lstsq(matrix, self.data[k][good], rcond=None)[0]
            self.flux[k], self.sky[k] = solution[0], solution[1]
            if solution[0] > 0:
                self.dx[k] += np.clip(solution[2] / solution[0], -0.3, 0.3)
                self.dy[k] += np.clip(solution[3] / solution[0], -0.3, 0.3)
            residual = (self.data[k] - solution[0] * shape - solution[1])[good]
            variance = self.noise[k] ** 2 + (0.02 * solution[0] * shape[good]) ** 2
            self.chi2[k] = np.mean(residual**2 / variance)

    def reject(self) -> None:
        """Leave out stars without flux and those whose chi2 stands out by more than 4 robust deviations."""
        alive = (self.flux > 0) & np.isfinite(self.chi2) & (np.hypot(self.dx, self.dy) < 1.5)
        if not alive.any():
            raise ValueError("no candidate star resembles the others")
        middle = np.median(self.chi2[alive])
        spread = 1.4826 * np.median(np.abs(self.chi2[alive] - middle))
        self.keep = alive & (self.chi2 <= middle + 4 * max(spread, 0.1 * middle))


def _calm_wings(psf: np.ndarray) -> np.ndarray:
    """Replace the wings that are lost in noise by those of a Moffat profile fitted to the whole PSF.

    The noise is that of the outermost 3 pixels; where the fitted profile is below 3 times the noise, a pixel says
    less than the profile.  Noise that is clipped at zero later would otherwise add light.
    """
    from scipy.optimize import least_squares

    middle = (psf.shape[0] - 1) / 2
    axis = np.arange(psf.shape[0]) - middle
    r2 = axis[:, None] ** 2 + axis[None, :] ** 2
    border = np.maximum(np.abs(axis)[:, None], np.abs(axis)[None, :]) > middle - 3
    noise = 1.4826 * np.median(np.abs(psf[border] - np.median(psf[border])))

    def profile(p: np.ndarray) -> np.ndarray:
        return p[0] * (1 + r2 / p[1] ** 2) ** -p[2]

    start = (psf.max(), 1.0 * np.sqrt((psf > psf.max() / 2).sum() / np.pi), 3.0)
    bounds = ((0, 0.1, 1.5), (np.inf, np.inf, 10))
    fitted = least_squares(lambda p: (profile(p) - psf).ravel() / psf.max(), start, bounds=bounds, x_scale=start)
    wings = profile(fitted.x)
    return np.where(wings < 3 * noise, wings, psf)


def _noise(data: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Noise of each stamp from its border [ADU]."""
    border = np.ones(data.shape[1:], bool)
    border[4:-4, 4:-4] = False
    out = np.empty(len(data))
    for k in range(len(data)):
        values = data[k][border & good[k]]
        spread = 1.4826 * np.median(np.abs(values - np.median(values))) if values.size else 0.0
        out[k] = max(spread, 1e-6 * np.abs(data[k]).max(), np.finfo(np.float32).tiny)
    return out


def _moved(image: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """Move an image by a fraction of a pixel with a phase in Fourier space."""
    from scipy.ndimage import fourier_shift

    return np.fft.ifft2(fourier_shift(np.fft.fft2(image), (dy, dx))).real


def _fwhm(psf: np.ndarray) -> float:
    """FWHM of the circle of the same area as the half-maximum contour, on a 10x finer grid."""
    from scipy.ndimage import zoom

    return float(2 * np.sqrt((zoom(psf, 10, order=3) > psf.max() / 2).sum() / 100 / np.pi))
