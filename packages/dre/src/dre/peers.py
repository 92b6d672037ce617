r"""A fit in the words of other programs: GALFIT (Peng et al. 2002, AJ 124, 266) and imfit (Erwin 2015, ApJ 799, 226).

Both count pixels from 1 and position angles from +y counter-clockwise. imfit wants the brightness at the half-light
radius, :math:`I_e = F b^{2n} / (2 \pi n\, r_e^2 q\, e^b\, \Gamma(2n))` (Graham & Driver 2005, PASA 22, 118, eq. 4).
"""

from __future__ import annotations

import math

from scipy.special import gamma

from .kernels.sersic import sersic_b
from .render import Profile


def galfit_feedme(stem: str, profile: Profile, sky: float, box: int, zero_point: float, *, psf_side: int) -> str:
    """Return the input file of GALFIT for files named after `stem`.

    Parameters
    ----------
    stem : str
        Files are STEM.fits, STEM_sigma.fits, STEM_mask.fits, STEM_psf.fits.
    profile : Profile
        Centre from the middle of the image.
    sky : float
        Sky per pixel.
    box : int
        Side of the image, px.
    zero_point : float
        Magnitude of one unit.
    psf_side : int
        Side of the PSF, px.
    """
    x, y = _one_based(profile, box)
    magnitude = zero_point - 2.5 * math.log10(profile.flux)
    return f"""# GALFIT input of a fit made by dre; run: galfit {stem}.feedme
A) {stem}.fits  # data
B) {stem}_galfit.fits  # output
C) {stem}_sigma.fits  # noise, photons included
D) {stem}_psf.fits  # PSF without the pixel's response
E) 1  # PSF sampling
F) {stem}_mask.fits  # bad pixels
G) none  # constraints
H) 1 {box} 1 {box}  # region
I) {box + psf_side} {box + psf_side}  # convolution box
J) {zero_point:.4f}  # zero point
K) 1.0 1.0  # pixel scale
O) regular  # display
P) 0  # optimize

 0) sersic  # the object
 1) {x:.4f} {y:.4f} 1 1  # position
 3) {magnitude:.5f} 1  # magnitude
 4) {profile.r_e:.5f} 1  # half-light radius, semi-major [px]
 5) {profile.n:.5f} 1  # Sersic index
 9) {profile.q:.5f} 1  # axis ratio
10) {_from_y(profile.angle):.4f} 1  # position angle [deg], up 0, left 90
 Z) 0  # subtract

 0) sky  # the background
 1) {sky:.6g} 1  # at the centre
 2) 0 0  # slope in x
 3) 0 0  # slope in y
 Z) 0  # subtract
"""


def imfit_config(stem: str, profile: Profile, sky: float, box: int) -> str:
    """Return the configuration of imfit; parameters as in `galfit_feedme`."""
    x, y = _one_based(profile, box)
    n, b = profile.n, float(sersic_b(profile.n))
    light = 2 * math.pi * n * profile.r_e**2 * profile.q * math.exp(b) * b ** (-2 * n) * float(gamma(2 * n))
    bright = profile.flux / light
    return f"""# imfit configuration of a fit made by dre; run
# imfit {stem}.fits -c {stem}.imfit --noise {stem}_sigma.fits --mask {stem}_mask.fits --psf {stem}_psf.fits
X0   {x:.4f}   {max(x - 8, 1):.1f},{min(x + 8, box):.1f}
Y0   {y:.4f}   {max(y - 8, 1):.1f},{min(y + 8, box):.1f}
FUNCTION Sersic
PA    {_from_y(profile.angle):.4f}   -180,360
ell   {1 - profile.q:.5f}   0,0.95
n     {n:.5f}   0.3,8
I_e   {bright:.6g}   0,{1e3 * bright:.4g}
r_e   {profile.r_e:.5f}   0.05,{4 * box}
FUNCTION FlatSky
I_sky   {sky:.6g}   {sky - 10 * abs(bright):.6g},{sky + 10 * abs(bright):.6g}
"""


def _one_based(profile: Profile, box: int) -> tuple[float, float]:
    return profile.x + (box + 1) / 2, profile.y + (box + 1) / 2


def _from_y(angle: float) -> float:
    """Position angle from +y, 0 to 180 degrees."""
    return (angle - 90.0) % 180.0
