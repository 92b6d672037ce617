"""What can be wrong with a fit."""

from __future__ import annotations

from enum import IntFlag


class FitFlag(IntFlag):
    """What is known to be wrong with a fit; 0 is good."""

    SHAPE = 1  # the stamp does not have the size of the grid's box
    EMPTY_MASK = 2  # the mask has no pixel
    NO_DATA = 4  # no pixel (chi2: fewer than 32) has both a value and a noise
    NOT_POSITIVE = 8  # the sum of the data in the mask, or the flux of every model, is not a positive number
    BAD_MODELS = 16  # some models have no light in the mask or a variance that is not positive
    NO_MODEL = 32  # no model at all could be compared
    GRID_EDGE = 64  # the best model is at the edge of the grid: its radius (dre), radius, index, q or centre (chi2)
    NEIGHBOURS = 128  # light of a neighbour in the mask, or SExtractor's FLAGS say so (1, 2)
    SATURATED = 256  # a saturated pixel: SExtractor's FLAGS (4)
    LOW_SN = 512  # signal over noise below 10 in the mask
    NOT_CONVERGED = 1024  # the steps ended before a minimum
    POOR = 2048  # reduced chi-square above 1.5 in the mask: not a Sersic profile, or a wrong noise or PSF


GOOD = FitFlag(0)


def explained(flag: FitFlag) -> str:
    """Return the names of the flags that are set, in words."""
    return ", ".join(one.name.lower().replace("_", " ") for one in FitFlag if one in flag and one.name)
