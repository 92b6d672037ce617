"""Slow, obvious twins of the kernels."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv, gammaln


def sersic_pixel(x0, x1, y0, y1, *, r_e, q, angle, n, centre, tolerance=1e-10):
    """Integral of a unit-flux Sersic profile over a rectangle, by recursive subdivision."""
    b = gammaincinv(2 * n, 0.5)
    density = np.exp(2 * n * np.log(b) - gammaln(2 * n)) / (2 * np.pi * n * q * r_e**2)
    nodes, weights = np.polynomial.legendre.leggauss(12)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))

    def product(a, b_, c, d):
        x = (a + b_) / 2 + (b_ - a) / 2 * nodes - centre[0]
        y = ((c + d) / 2 + (d - c) / 2 * nodes - centre[1])[:, None]
        radius = np.hypot(cos * x + sin * y, (cos * y - sin * x) / q) / r_e
        return density * (weights @ np.exp(-b * radius ** (1 / n)) @ weights) * (b_ - a) * (d - c) / 4

    def refine(a, b_, c, d, whole, depth):
        x, y = (a + b_) / 2, (c + d) / 2
        parts = [(a, x, c, y), (x, b_, c, y), (a, x, y, d), (x, b_, y, d)]
        values = [product(*part) for part in parts]
        if depth > 40 or abs(sum(values) - whole) < tolerance:
            return sum(values)
        return sum(refine(*part, value, depth + 1) for part, value in zip(parts, values, strict=True))

    return refine(x0, x1, y0, y1, product(x0, x1, y0, y1), 0)


def compatible_chi(models, data, mask, rms):
    """Chi and scale by the formula, in double precision; models (K, box, box)."""
    m = models[:, mask].astype(np.float64)
    d = data[mask].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.nansum(d) / m.sum(1)
        model = scale[:, None] * m
        terms = (d - model) ** 2 / (model + rms[mask].astype(np.float64) ** 2)
    good = ~np.isnan(terms[0])
    return terms[:, good].mean(1), scale


def cell_sums(pictures, label, count):
    """Sums of the pixels of each cell; label -1 belongs to no cell."""
    own = label.ravel() >= 0
    return np.array([np.bincount(label.ravel()[own], plane.ravel()[own], count) for plane in pictures])
