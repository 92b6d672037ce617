r"""Sersic profiles integrated over square pixels, without convolution.

The profile (Sersic 1963, 1968; Graham & Driver 2005, PASA 22, 118, eq. 1) is

.. math:: I(R) = I_e \exp\{-b_n [(R/R_e)^{1/n} - 1]\}, \qquad \gamma(2n, b_n) = \Gamma(2n) / 2,

with elliptical radius :math:`R^2 = x'^2 + (y'/q)^2` along and across the major axis, so that :math:`R_e` is
the semi-major half-light radius. The light within :math:`R` (their eq. 2) is :math:`F\,P(2n, b_n
(R/R_e)^{1/n})` with :math:`P` the regularised lower incomplete gamma function and :math:`F` the flux to
infinity.

A pixel becomes a parallelogram in the frame where the profile is circular. Near the centre its flux is exact
by Green's theorem: with :math:`G(R) = (F/2\pi) P`,

.. math:: \int\!\!\int_{pixel} I = \oint G(R)\, d\theta,

and on an edge at distance :math:`d` from the centre the substitution :math:`t = d \sinh w` leaves the
smooth integrand :math:`G(d \cosh w)/\cosh w`, whatever the cusp. Elsewhere a Gauss-Legendre product rule is
used, of an order chosen from how far the cusp and how steep the profile are in units of the pixel.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammainc, gammaincinv, gammaln

from .compiled import compiled

_S_LOW, _S_STEP = -14.0, 0.002  # nodes of the table of P(2n, e^s) in s
_GREEN = np.polynomial.legendre.leggauss(8)
_NEAR = np.polynomial.legendre.leggauss(5)
_MIDDLE = np.polynomial.legendre.leggauss(3)
_FAR = np.polynomial.legendre.leggauss(2)
_DARK = 80.0  # exp(-80): nothing


def sersic_b(n: ArrayLike) -> NDArray[np.float64]:
    """Exact ``b_n`` that makes ``R_e`` the half-light radius.

    Solves Graham & Driver (2005) eq. 4, ``P(2n, b_n) = 1/2``, instead of the expansion of Ciotti & Bertin
    (1999, eq. 18), which loses accuracy below n = 0.36.

    Parameters
    ----------
    n : array_like
        Sersic index, > 0.

    Returns
    -------
    ndarray of float64
    """
    return np.asarray(gammaincinv(2.0 * np.asarray(n, float), 0.5))


def sersic_image(
    box: int,
    r_e: float,
    q: float,
    angle: float,
    n: float,
    *,
    flux: float = 1.0,
    centre: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Pixel-integrated Sersic profile on a square box.

    Parameters
    ----------
    box : int
        Side of the image, px. Pixel ``(y, x)`` covers ``[x - 0.5, x + 0.5] x [y - 0.5, y + 0.5]``.
    r_e : float
        Semi-major half-light radius, px (0.1-300).
    q : float
        Axis ratio, 0.05-1.
    angle : float
        Position angle of the major axis, degrees counter-clockwise from +x.
    n : float
        Sersic index, 0.3-8.
    flux : float
        Flux to infinity; the light that falls outside the box is simply not there.
    centre : (float, float), optional
        Zero-based ``(x, y)``; default the middle of the box, ``(box - 1) / 2``.

    Returns
    -------
    ndarray of float64, shape (box, box)

    Raises
    ------
    ValueError
        A parameter outside the ranges above.
    """
    out = np.empty((box, box))
    _render_radii(out[None], np.array([float(r_e)]), q, angle, n, flux, centre)
    return out


def sersic_cube(
    n: ArrayLike, q: ArrayLike, angle: ArrayLike, r_e: ArrayLike, box: int, *, flux: float = 1.0
) -> NDArray[np.float32]:
    """All combinations of the axes, centred in the box.

    Each distinct picture is integrated once: the angles 180 - a and 90 - a are mirror images of a, a turn by
    180 degrees changes nothing, and a circle needs one angle.

    Parameters
    ----------
    n, q, angle, r_e : array_like
        Values of the axes as in `sersic_image`.
    box : int
        Side of the images, px.
    flux : float
        Flux to infinity of every model.

    Returns
    -------
    ndarray of float32, shape (n, q, angle, r_e, box, box)
    """
    axes = [np.atleast_1d(np.asarray(axis, float)) for axis in (n, q, angle, r_e)]
    indices, ratios, angles, radii = axes
    cube = np.empty((*(len(axis) for axis in axes), box, box), np.float32)
    stack = np.empty((len(radii), box, box))
    for i, index in enumerate(indices):
        for j, ratio in enumerate(ratios):
            for first, members in _mirror_groups(angles, float(ratio)).items():
                _render_radii(stack, radii, float(ratio), first, float(index), flux, None)
                for k, transposed, flipped in members:
                    picture = stack.swapaxes(1, 2) if transposed else stack
                    cube[i, j, k] = picture[:, ::-1] if flipped else picture
    return cube


def _mirror_groups(angles: NDArray[np.float64], q: float) -> dict[float, list[tuple[int, bool, bool]]]:
    """Group angles by the one within 0-45 degrees that they mirror: (position, transpose, flip y)."""
    groups: dict[float, list[tuple[int, bool, bool]]] = {}
    for k, angle in enumerate(angles):
        reduced = 0.0 if q == 1.0 else round(float(angle) % 180.0, 9) % 180.0
        flipped = reduced > 90.0
        reduced = 180.0 - reduced if flipped else reduced
        transposed = reduced > 45.0
        reduced = 90.0 - reduced if transposed else reduced
        groups.setdefault(round(reduced, 9), []).append((k, transposed, flipped))
    return groups


def _render_radii(
    out: NDArray[np.float64],
    radii: NDArray[np.float64],
    q: float,
    angle: float,
    n: float,
    flux: float,
    centre: tuple[float, float] | None,
) -> None:
    """Fill ``out[k]`` with the profile of half-light radius ``radii[k]``."""
    box = out.shape[-1]
    check_ranges(box, radii, q, n, flux)
    x0, y0 = centre if centre is not None else ((box - 1) / 2, (box - 1) / 2)
    b = float(sersic_b(n))
    table = _enclosed_table(n)
    turn = 0.0 if q == 1.0 else math.radians(angle % 180.0)
    cos, sin = (0.0, 1.0) if angle % 180.0 == 90.0 and q != 1.0 else (math.cos(turn), math.sin(turn))
    symmetric = x0 == (box - 1) / 2 and y0 == (box - 1) / 2
    for k, r_e in enumerate(radii):
        central = flux / (2 * math.pi * n * q * r_e**2) * math.exp(2 * n * math.log(b) - float(gammaln(2 * n)))
        shift = math.log(b) - math.log(r_e) / n
        _render(out[k], symmetric, x0, y0, cos, sin, q, 0.5 / n, shift, central, flux, *table)


def check_ranges(box: int, radii: NDArray[np.float64], q: float, n: float, flux: float) -> None:
    """Refuse parameters outside the range in which the accuracy is tested."""
    if box < 1:
        raise ValueError(f"box = {box}: must be at least 1 px")
    for name, low, value, high in (
        ("r_e", 0.1, float(radii.min()), 300.0),
        ("r_e", 0.1, float(radii.max()), 300.0),
        ("q", 0.05, q, 1.0),
        ("n", 0.3, n, 8.0),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name} = {value:g}: must be within {low:g} to {high:g}")
    if not math.isfinite(flux):
        raise ValueError(f"flux = {flux}: must be finite")


def _enclosed_table(n: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Nodes of ``P(2n, e^s)``, derivatives times the step, and the constant of the power law below them."""
    top = math.log(float(gammaincinv(2 * n, 1 - 1e-16)) if n > 0.5 else 60.0) + 0.1
    s = _S_LOW + _S_STEP * np.arange(int((top - _S_LOW) / _S_STEP) + 2)
    x = np.exp(s)
    slope = np.exp(2 * n * s - x - gammaln(2 * n))
    return gammainc(2 * n, x), slope * _S_STEP, math.exp(-float(gammaln(2 * n + 1)))


@compiled()
def _enclosed(s: float, half: float, values: NDArray, slopes: NDArray, low: float) -> float:
    """``P(2n, e^s)`` by cubic Hermite interpolation; ``half`` is 1/(2n)."""
    position = (s - _S_LOW) / _S_STEP
    if position < 0.0:
        return low * math.exp(s / half)
    if position >= len(values) - 1:
        return 1.0
    k = int(position)
    t = position - k
    rest = 1.0 - t
    return rest * rest * ((1.0 + 2.0 * t) * values[k] + t * slopes[k]) + t * t * (
        (3.0 - 2.0 * t) * values[k + 1] - rest * slopes[k + 1]
    )


@compiled()
def _edge(
    ax: float,
    ay: float,
    bx: float,
    by: float,
    half: float,
    shift: float,
    values: NDArray,
    slopes: NDArray,
    low: float,
) -> float:
    """Integral of ``P d(theta)`` along the edge from a to b in the circular frame."""
    length = math.hypot(bx - ax, by - ay)
    ex, ey = (bx - ax) / length, (by - ay) / length
    signed = ax * ey - ay * ex
    distance = abs(signed)
    if distance < 1e-14 * length:
        return 0.0
    start = math.asinh((ax * ex + ay * ey) / distance)
    stop = math.asinh((bx * ex + by * ey) / distance)
    panels = int(abs(stop - start)) + 1
    step = (stop - start) / panels
    offset = shift + 2.0 * half * math.log(distance)
    total = 0.0
    for panel in range(panels):
        middle = start + (panel + 0.5) * step
        for k in range(len(_GREEN[0])):
            grown = math.exp(middle + 0.5 * step * _GREEN[0][k])
            cosh = 0.5 * (grown + 1.0 / grown)
            total += _GREEN[1][k] * _enclosed(offset + 2.0 * half * math.log(cosh), half, values, slopes, low) / cosh
    total *= 0.5 * step
    return total if signed > 0 else -total


@compiled()
def _green(
    x: float, y: float, cos: float, sin: float, q: float, half: float, shift: float,
    values: NDArray, slopes: NDArray, low: float,
) -> float:  # fmt: skip
    """Fraction of the flux in the pixel centred at (x, y), by Green's theorem around its four edges."""
    px, py = 0.5 * (cos - sin), 0.5 * (-sin - cos) / q  # from pixel centre to corners (+,-) ...
    qx, qy = 0.5 * (cos + sin), 0.5 * (-sin + cos) / q  # ... and (+,+)
    u, v = cos * x + sin * y, (-sin * x + cos * y) / q
    # fmt: off
    total = (
        _edge(u - qx, v - qy, u + px, v + py, half, shift, values, slopes, low)
        + _edge(u + px, v + py, u + qx, v + qy, half, shift, values, slopes, low)
        + _edge(u + qx, v + qy, u - px, v - py, half, shift, values, slopes, low)
        + _edge(u - px, v - py, u - qx, v - qy, half, shift, values, slopes, low)
    )
    # fmt: on
    return max(total / (2.0 * math.pi), 0.0)


@compiled()
def _gauss(
    x: float,
    y: float,
    cos: float,
    sin: float,
    q: float,
    half: float,
    shift: float,
    nodes: NDArray,
    weights: NDArray,
) -> float:
    """Mean of ``exp(-b (R/R_e)^(1/n))`` over the pixel centred at (x, y), by a product rule."""
    total = 0.0
    for j in range(len(nodes)):
        yy = y + 0.5 * nodes[j]
        line = 0.0
        for i in range(len(nodes)):
            xx = x + 0.5 * nodes[i]
            u, v = cos * xx + sin * yy, (-sin * xx + cos * yy) / q
            line += weights[i] * math.exp(-math.exp(shift + half * math.log(u * u + v * v)))
        total += weights[j] * line
    return 0.25 * total


@compiled()
def _dark(nearest: float, half: float, shift: float) -> bool:
    """Whether there is no light even at the corner of the pixel nearest to the centre."""
    return nearest > 0.0 and math.exp(shift + 2.0 * half * math.log(nearest)) > _DARK


@compiled()
def _pixel(
    x: float, y: float, cos: float, sin: float, q: float, half: float, shift: float, long: float, short: float,
    central: float, flux: float, values: NDArray, slopes: NDArray, low: float,
) -> float:  # fmt: skip
    """Flux in the pixel centred at (x, y), by the cheapest way that is good to 1e-6 of the peak."""
    u, v = cos * x + sin * y, (-sin * x + cos * y) / q
    radius = math.sqrt(u * u + v * v)
    far = (radius - short) / long  # distance of the cusp in half sides of the pixel
    if far < 3.0:
        return flux * _green(x, y, cos, sin, q, half, shift, values, slopes, low)
    depth = math.exp(shift + 2.0 * half * math.log(radius))  # the profile is exp(-depth)
    steep = 2.0 * half * depth * long / radius  # its e-foldings over half a side
    if depth > _DARK and _dark(radius - long - short, half, shift):
        return 0.0
    if steep > 1.5:
        return flux * _green(x, y, cos, sin, q, half, shift, values, slopes, low)
    if far < 5.0 or steep > 0.7:
        return central * _gauss(x, y, cos, sin, q, half, shift, _NEAR[0], _NEAR[1])
    if far < 12.0 or steep > 0.2:
        return central * _gauss(x, y, cos, sin, q, half, shift, _MIDDLE[0], _MIDDLE[1])
    return central * _gauss(x, y, cos, sin, q, half, shift, _FAR[0], _FAR[1])


@compiled()
def _render(
    out: NDArray, symmetric: bool, x0: float, y0: float, cos: float, sin: float, q: float, half: float,
    shift: float, central: float, flux: float, values: NDArray, slopes: NDArray, low: float,
) -> None:  # fmt: skip
    """Integrate one profile over every pixel of ``out``; the second half by point symmetry where it holds."""
    box = out.shape[0]
    side_x = 0.5 * math.sqrt(cos * cos + (sin / q) ** 2)
    side_y = 0.5 * math.sqrt(sin * sin + (cos / q) ** 2)
    long, short = max(side_x, side_y), min(side_x, side_y)
    rows = (box + 1) // 2 if symmetric else box
    for j in range(rows):
        for i in range(box):
            out[j, i] = _pixel(
                i - x0, j - y0, cos, sin, q, half, shift, long, short, central, flux, values, slopes, low
            )
    if symmetric:
        for j in range(rows, box):
            for i in range(box):
                out[j, i] = out[box - 1 - j, box - 1 - i]
