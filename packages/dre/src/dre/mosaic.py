"""Mosaic of a fit: pixels, mask, best model, residual, side by side and as they lie on the sky image."""

from __future__ import annotations

import numpy as np

PANELS = ("object", "mask", "model", "residual")


def mosaic_panels(obj: np.ndarray, mask: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Put the four panels of a fit side by side.

    Parameters
    ----------
    obj : ndarray, shape (size, size)
        Background-subtracted pixels [ADU].
    mask : ndarray of bool, shape (size, size)
        Pixels of the fit.
    model : ndarray, shape (size, size)
        Best convolved model, scaled [ADU].

    Returns
    -------
    ndarray of float64, shape (size, 4 size)
        Object, mask times the peak of the model, model, object minus model [ADU]; no panel is transposed.
    """
    pixels = np.asarray(obj, np.float64)
    scaled = np.asarray(model, np.float64)
    level = np.nanmax(scaled) if np.isfinite(scaled).any() else 1.0
    return np.hstack([pixels, mask * level, scaled, pixels - scaled])
