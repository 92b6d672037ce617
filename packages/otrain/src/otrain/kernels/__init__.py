"""Arrays in, arrays out: pixels, layers, scores, calibration, groups and injection."""

from __future__ import annotations
