"""Frequency grids: a star's own, so that the answer does not depend on what else is in the batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAMPLES_PER_PEAK = 10
MAX_FREQ = 48.0
"""Highest frequency searched by default [1/d]."""

BASELINE_STEP = 10.0
"""Baselines are rounded up to a multiple of this [d], so one more exposure seldom changes the grid."""

TERRESTRIAL = (
    (0.0025, 0.003), (0.00125, 0.0015), (0.000833, 0.001), (0.000625, 0.00075), (0.0005, 0.0006), (0.005, 0.006),
    (0.03, 0.04), (0.32, 0.34), (0.48, 0.52), (0.95, 1.05), (1.95, 2.05), (2.95, 3.05), (3.95, 4.05),
)  # fmt: skip
"""Bands of frequency in which the day, the month and the year imitate periods [1/d]."""


@dataclass(frozen=True)
class FrequencyGrid:
    """Equally spaced frequencies.

    Parameters
    ----------
    fmin, df : float
        First frequency and step [1/d].
    size : int
        Number of frequencies.
    """

    fmin: float
    df: float
    size: int

    @classmethod
    def of(
        cls, baseline: float, *, samples_per_peak: int = SAMPLES_PER_PEAK, max_freq: float = MAX_FREQ
    ) -> FrequencyGrid:
        """Make the grid of a light curve: from two cycles in the baseline up to `max_freq`.

        Parameters
        ----------
        baseline : float
            Time between the first and the last point [d].
        samples_per_peak : int
            Steps in the width ``1 / baseline`` of a peak.
        max_freq : float
            Highest frequency [1/d].

        Returns
        -------
        FrequencyGrid

        Raises
        ------
        ValueError
            When there is nothing between the two ends.
        """
        span = BASELINE_STEP * np.ceil(max(baseline, 1e-9) / BASELINE_STEP)
        fmin, df = 2.0 / span, 1.0 / (samples_per_peak * span)
        if max_freq <= fmin:
            raise ValueError(f"the highest frequency, {max_freq:g} / d, is below two cycles in {span:g} d")
        return cls(fmin, df, int(np.ceil((max_freq - fmin) / df)))

    @property
    def frequencies(self) -> np.ndarray:
        """Return all frequencies [1/d]."""
        return self.fmin + self.df * np.arange(self.size)


def terrestrial(frequencies: np.ndarray) -> np.ndarray:
    """Tell which frequencies [1/d] lie in a terrestrial band.

    Returns
    -------
    ndarray of bool
    """
    inside = np.zeros(np.shape(frequencies), bool)
    for low, high in TERRESTRIAL:
        inside |= (frequencies >= low) & (frequencies <= high)
    return inside
