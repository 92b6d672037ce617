"""Photometry, shapes and flags of detected sources, as columns with SExtractor's names and units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sep
from astropy.table import Table

from dre.config import Settings
from dre.extract.detect import Detections
from dre.extract.stellarity import StellarLocus, class_star, stellar_locus
from dre.extract.vignettes import vignettes

VIGNETTE_SIZE = 35
FLAG_NEIGHBOUR, FLAG_BLENDED, FLAG_SATURATED, FLAG_TRUNCATED, FLAG_APERTURE = 1, 2, 4, 8, 16

# column: (unit, description)
DESCRIPTIONS: dict[str, tuple[str | None, str]] = {
    "NUMBER": (None, "Running object number"),
    "X_IMAGE": ("pixel", "Object position along x, 1-based"),
    "Y_IMAGE": ("pixel", "Object position along y, 1-based"),
    "A_IMAGE": ("pixel", "Profile RMS along major axis"),
    "B_IMAGE": ("pixel", "Profile RMS along minor axis"),
    "THETA_IMAGE": ("deg", "Position angle, counter-clockwise from +x"),
    "ELONGATION": (None, "A_IMAGE/B_IMAGE"),
    "FLAGS": (None, "Extraction flags"),
    "CLASS_STAR": (None, "Star/galaxy measure from size against the stellar locus, 1 = star"),
    "FWHM_IMAGE": ("pixel", "FWHM of a Gaussian with the isophotal second moments"),
    "MAG_AUTO": ("mag", "Kron-like elliptical aperture magnitude, 99 = no flux"),
    "MAGERR_AUTO": ("mag", "RMS error of MAG_AUTO"),
    "FLUX_AUTO": ("adu", "Flux within a Kron-like elliptical aperture"),
    "FLUXERR_AUTO": ("adu", "RMS error of FLUX_AUTO"),
    "KRON_RADIUS": (None, "Kron aperture in units of A or B"),
    "FLUX_RADIUS": ("pixel", "Radius that holds half of FLUX_AUTO"),
    "SNR_WIN": (None, "Signal-to-noise ratio in a Gaussian window"),
    "FLUX_APER": ("adu", "Flux within a circular aperture"),
    "FLUXERR_APER": ("adu", "RMS error of FLUX_APER"),
    "BACKGROUND": ("adu", "Background at the centroid"),
    "ISOAREA_IMAGE": ("pixel2", "Isophotal area above the detection threshold"),
    "VIGNET": ("adu", "Pixels around the object, -1e30 = blank or another object"),
}


@dataclass(frozen=True)
class Measurement:
    """The catalogue of one image and the stellar locus behind its CLASS_STAR."""

    table: Table
    locus: StellarLocus


def measure(
    found: Detections, settings: Settings, *, measured: Detections | None = None, image_flags: np.ndarray | None = None
) -> Measurement:
    """Measure the sources of an image.

    Parameters
    ----------
    found : Detections
        Positions, shapes and segmentation.
    settings : Settings
        SExtractor keys GAIN, PHOT_APERTURES, PHOT_AUTOPARAMS, MAG_ZEROPOINT, SATUR_LEVEL, SEEING_FWHM, PIXEL_SCALE.
    measured : Detections, optional
        The image that gives the fluxes in dual-image mode; the default is `found` itself.
    image_flags : ndarray of int, shape (ny, nx), optional
        Flag map; its values are OR-ed over each source into IMAFLAGS_ISO.

    Returns
    -------
    Measurement
    """
    image = measured or found
    s = found.sources
    gain = settings.number("GAIN")
    flux, flux_error, kron, aperture_flags = _kron_photometry(found, image, settings, gain)
    half_light, _ = sep.flux_radius(
        image.subtracted, s["x"], s["y"], 6 * s["a"], 0.5, normflux=flux, subpix=5, mask=image.blank
    )
    aperture, aperture_error, _ = sep.sum_circle(
        image.subtracted, s["x"], s["y"], settings.numbers("PHOT_APERTURES")[0] / 2,
        err=image.rms, mask=image.blank, gain=gain or None, subpix=5,
    )  # fmt: skip
    snr = _window_snr(image, s["x"], s["y"], half_light, gain)
    flags = _flags(found, image, settings, aperture_flags)
    seeing = settings.number("SEEING_FWHM") / (settings.number("PIXEL_SCALE") or 1.0)
    locus = stellar_locus(half_light, snr, s["a"] / s["b"], flags, seeing=seeing)
    columns = {
        "NUMBER": np.arange(1, len(s) + 1, dtype=np.int32),
        "X_IMAGE": s["x"] + 1,
        "Y_IMAGE": s["y"] + 1,
        "A_IMAGE": s["a"],
        "B_IMAGE": s["b"],
        "THETA_IMAGE": np.degrees(s["theta"]),
        "ELONGATION": s["a"] / s["b"],
        "FLAGS": flags,
        "CLASS_STAR": class_star(half_light, snr, locus),
        "FWHM_IMAGE": 2 * np.sqrt(np.log(2) * (s["a"] ** 2 + s["b"] ** 2)),
        **_magnitudes(flux, flux_error, settings.number("MAG_ZEROPOINT")),
        "FLUX_AUTO": flux,
        "FLUXERR_AUTO": flux_error,
        "KRON_RADIUS": kron,
        "FLUX_RADIUS": half_light,
        "SNR_WIN": snr,
        "FLUX_APER": aperture,
        "FLUXERR_APER": aperture_error,
        "BACKGROUND": image.background[np.rint(s["y"]).astype(int), np.rint(s["x"]).astype(int)],
        "ISOAREA_IMAGE": s["npix"].astype(np.int32),
        "VIGNET": vignettes(
            image.subtracted, found.segmentation, s["x"], s["y"], size=VIGNETTE_SIZE, blank=image.blank
        ),
    }
    if image_flags is not None:
        columns["IMAFLAGS_ISO"] = _flags_over_sources(image_flags, found.segmentation, len(s))
    return Measurement(_table(columns), locus)


def _table(columns: dict[str, np.ndarray]) -> Table:
    table = Table()
    for name, values in columns.items():
        table[name] = values if values.dtype.kind == "i" else values.astype(np.float32)
        unit, description = DESCRIPTIONS.get(name, (None, "FLAG_IMAGE values, OR-ed over the isophotal area"))
        table[name].unit = unit
        table[name].description = description
    return table


def _kron_photometry(
    found: Detections, image: Detections, settings: Settings, gain: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Flux in an ellipse of PHOT_AUTOPARAMS Kron radii (Kron 1980), other sources masked."""
    s = found.sources
    factor, smallest = settings.numbers("PHOT_AUTOPARAMS")
    ids = np.arange(1, len(s) + 1, dtype=np.int32)
    shape = (s["x"], s["y"], s["a"], s["b"], np.clip(s["theta"], -np.pi / 2, np.pi / 2))
    others = {"seg_id": ids, "segmap": found.segmentation, "mask": image.blank}
    kron, _ = sep.kron_radius(found.subtracted, *shape, 6.0, **others)
    radius = np.maximum(factor * np.nan_to_num(kron), smallest)
    flux, error, flags = sep.sum_ellipse(
        image.subtracted, *shape, radius, err=image.rms, gain=gain or None, subpix=5, **others
    )
    return flux, error, radius, flags


def _window_snr(image: Detections, x: np.ndarray, y: np.ndarray, half_light: np.ndarray, gain: float) -> np.ndarray:
    """Flux over its error in a Gaussian window whose FWHM is the half-light diameter."""
    snr = np.zeros(len(x))
    ny, nx = image.subtracted.shape
    for k, (xk, yk, radius) in enumerate(zip(x, y, half_light, strict=True)):
        sigma = max(float(np.nan_to_num(radius)), 0.5) * 2 / 2.3548
        half = int(np.ceil(4 * sigma))
        rows = slice(max(int(yk) - half, 0), min(int(yk) + half + 1, ny))
        columns = slice(max(int(xk) - half, 0), min(int(xk) + half + 1, nx))
        dy, dx = np.ogrid[rows, columns]
        window = np.exp(-((dx - xk) ** 2 + (dy - yk) ** 2) / (2 * sigma**2)) * ~image.blank[rows, columns]
        signal = image.subtracted[rows, columns].astype(float)
        variance = image.rms[rows, columns].astype(float) ** 2 + (np.maximum(signal, 0) / gain if gain else 0)
        noise = np.sqrt(np.sum(window**2 * variance))
        snr[k] = np.sum(window * signal) / noise if noise > 0 else 0.0
    return snr


def _flags(found: Detections, image: Detections, settings: Settings, aperture: np.ndarray) -> np.ndarray:
    """SExtractor's bits: 1 neighbours, 2 blended, 4 saturated, 8 truncated, 16 aperture incomplete."""
    s = found.sources
    flags = np.zeros(len(s), np.int16)
    flags |= np.where(aperture & sep.APER_HASMASKED, FLAG_NEIGHBOUR, 0).astype(np.int16)
    flags |= np.where(s["flag"] & sep.OBJ_MERGED, FLAG_BLENDED, 0).astype(np.int16)
    peak = s["peak"] + image.background[s["ypeak"], s["xpeak"]]
    flags |= np.where(peak >= settings.number("SATUR_LEVEL"), FLAG_SATURATED, 0).astype(np.int16)
    flags |= np.where(s["flag"] & sep.OBJ_TRUNC, FLAG_TRUNCATED, 0).astype(np.int16)
    flags |= np.where(aperture & sep.APER_TRUNC, FLAG_APERTURE, 0).astype(np.int16)
    return flags


def _magnitudes(flux: np.ndarray, error: np.ndarray, zero_point: float) -> dict[str, np.ndarray]:
    positive = flux > 0
    safe = np.where(positive, flux, 1)
    return {
        "MAG_AUTO": np.where(positive, zero_point - 2.5 * np.log10(safe), 99.0),
        "MAGERR_AUTO": np.where(positive, 2.5 / np.log(10) * error / safe, 99.0),
    }


def _flags_over_sources(image_flags: np.ndarray, segmentation: np.ndarray, count: int) -> np.ndarray:
    """OR the flag map over the segment of each source."""
    out = np.zeros(count, np.int32)
    inside = segmentation > 0
    np.bitwise_or.at(out, segmentation[inside] - 1, image_flags[inside].astype(np.int32))
    return out
