"""Mean and scatter of a periodogram in one pass."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled


@compiled(reordered=True)
def mean_and_std(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and the standard deviation, in float64.

    Parameters
    ----------
    values : ndarray, (n,)
        At least one; differences from the first are summed, so that a common offset costs no digits.
    """
    first = np.float64(values[0])
    total = squares = 0.0
    for i in range(len(values)):
        difference = np.float64(values[i]) - first
        total += difference
        squares += difference * difference
    mean = total / len(values)
    return first + mean, np.sqrt(max(squares / len(values) - mean * mean, 0.0))
