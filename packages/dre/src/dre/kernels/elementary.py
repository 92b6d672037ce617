"""Logarithm and exponential of positive normal numbers, written so that a compiler does many at a time.

Both take the exponent out of the bits of a double and use a short series for the rest: relative error of the
exponential and error of the logarithm below 1e-9 (Muller 2016, *Elementary Functions*, ch. 11, for the reductions).
"""

from __future__ import annotations

import numpy as np

from .compiled import compiled

_WHOLE = 6755399441055744.0  # 1.5 * 2^52: added, it leaves the nearest whole number in the lowest bits
_WHOLE_BITS = 0x4338000000000000
_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
_LN2 = 0.6931471805599453


@compiled(fused=True)
def log_of(x: float) -> float:
    """Natural logarithm of a positive, normal, finite number."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - np.int64(_ROOT_HALF_BITS)) >> np.int64(52)
    mantissa = np.int64(bits - (exponent << np.int64(52))).view(np.float64)  # in sqrt(1/2)-sqrt(2)
    power = np.int64(exponent + np.int64(_WHOLE_BITS)).view(np.float64) - _WHOLE
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    series = 1 + z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13))))))
    return 2.0 * s * series + power * _LN2


@compiled(fused=True)
def exp_of(x: float) -> float:
    """Exponential; beyond +-700 that of +-700."""
    x = min(max(x, -700.0), 700.0)
    shifted = x * (1 / _LN2) + _WHOLE
    r = x - (shifted - _WHOLE) * _LN2
    series = r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040 + r * (1 / 40320)))))
    series = 1 + r * (1 + r * (1 / 2 + r * (1 / 6 + series)))
    power = (np.float64(shifted).view(np.int64) - np.int64(_WHOLE_BITS) + np.int64(1023)) << np.int64(52)
    return series * np.int64(power).view(np.float64)
