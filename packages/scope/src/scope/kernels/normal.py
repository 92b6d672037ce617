"""Normal equations of a Fourier series with a free mean, and their solution."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled


@compiled(reordered=True)
def normal_matrix(trig: np.ndarray, left: np.ndarray) -> None:
    """Fill the lower triangle of the covariance of the harmonics from products-to-sums identities."""
    for j in range(1, left.shape[0] // 2 + 1):
        for k in range(1, j + 1):
            a, b = 2 * j - 2, 2 * k - 2
            left[a, b] = 0.5 * (trig[j - k, 0] + trig[j + k, 0]) - trig[j, 0] * trig[k, 0]
            left[a + 1, b + 1] = 0.5 * (trig[j - k, 0] - trig[j + k, 0]) - trig[j, 1] * trig[k, 1]
            left[a, b + 1] = 0.5 * (trig[j + k, 1] - trig[j - k, 1]) - trig[j, 0] * trig[k, 1]
            left[a + 1, b] = 0.5 * (trig[j + k, 1] + trig[j - k, 1]) - trig[j, 1] * trig[k, 0]


@compiled(reordered=True)
def solve_triangle(left: np.ndarray, right: np.ndarray, floor: float) -> None:
    """Turn a symmetric matrix into its Cholesky factor and solve the triangle, in place (Golub & Van Loan 2013, 4.2).

    The sum of the squares of the first `k` solutions is what the first `k` columns explain.

    Parameters
    ----------
    left : ndarray of float64, (m, m)
        Lower triangle; becomes the factor.
    right : ndarray of float64, (m,)
        Becomes the solution of factor times solution = right.
    floor : float
        Least square of a diagonal element: directions that the sampling cannot tell add (almost) nothing.
    """
    inverse = np.empty(len(right))  # of the diagonal: a division takes as long as many products
    for j in range(len(right)):
        for k in range(j):
            value = left[j, k]
            for q in range(k):
                value -= left[j, q] * left[k, q]
            left[j, k] = value * inverse[k]
        value, other = left[j, j], right[j]
        for q in range(j):
            value -= left[j, q] * left[j, q]
            other -= left[j, q] * right[q]
        left[j, j] = np.sqrt(max(value, floor))
        inverse[j] = 1.0 / left[j, j]
        right[j] = other * inverse[j]
