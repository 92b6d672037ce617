"""Cosines and sines of many angles at once."""

from __future__ import annotations

import math

import numpy as np

from scope.kernels.compiled import compiled

_TERMS = 10
_SIN = tuple((-1) ** k * math.pi ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(_TERMS))
_COS = tuple((-1) ** k * math.pi ** (2 * k) / math.factorial(2 * k) for k in range(_TERMS))


@compiled(reordered=True)
def cos_sin(turns: np.ndarray, out: np.ndarray) -> None:
    """Fill in cosines and sines of angles, by their Taylor series within a quarter turn.

    Unlike the functions of the C library these run in several lanes at once.

    Parameters
    ----------
    turns : ndarray of float64, (n,)
        Angles [turn].
    out : ndarray of float64, (2, n)
        Filled with cosines and sines, within 1e-13.
    """
    for i in range(len(turns)):
        half = 2 * (turns[i] - np.floor(turns[i] + 0.5))  # half turns, -1 to 1
        z = 0.5 - abs(half)
        zz = z * z
        sine = cosine = 0.0
        for k in range(_TERMS - 1, -1, -1):
            sine = sine * zz + _SIN[k]
            cosine = cosine * zz + _COS[k]
        out[0, i] = z * sine
        out[1, i] = math.copysign(cosine, half)
