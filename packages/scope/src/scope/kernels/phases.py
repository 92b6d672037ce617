"""Phases as fixed-point turns: a time advances by one integer addition per frequency.

A phase is the fraction of a turn in units of 2**-32, so wrapping costs nothing.  The increments are rounded to
2**-33 turn; after `RESEED` frequencies the phases are computed anew in float64, which keeps the error below
2**-21 turn.
"""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled

RESEED = 4096
"""Frequencies between two exact phases."""

_TURN = 4294967296.0


@compiled()
def seed_phases(t: np.ndarray, frequency: float, phases: np.ndarray) -> None:
    """Write the phase of each time at `frequency`.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the origin of the phases [d].
    frequency : float
        Frequency [1/d].
    phases : ndarray of uint32, (n,)
        Filled with phases [2**-32 turn].
    """
    for i in range(len(t)):
        turns = t[i] * frequency
        turns -= np.floor(turns)
        phases[i] = np.uint32(np.uint64(turns * _TURN) & np.uint64(0xFFFFFFFF))
