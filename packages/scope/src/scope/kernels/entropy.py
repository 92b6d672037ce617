"""Conditional entropy of the magnitude given the phase (Graham et al. 2013, MNRAS 434, 2629, eq. 1)."""

from __future__ import annotations

import numpy as np

from scope.kernels.compiled import compiled
from scope.kernels.phases import RESEED, seed_phases


@compiled(reordered=True)
def _sparse(where: np.ndarray, row: np.ndarray, step: np.ndarray, cells: np.ndarray, columns: np.ndarray) -> np.float32:
    """Count points by phase; return the sum of c ln c over cells, adding what each point changes."""
    total = np.float32(0)
    for i in range(len(where)):
        c = cells[where[i]]
        total += step[c]
        cells[where[i]] = c + 1
        columns[where[i] - row[i]] += 1
    for i in range(len(where)):
        cells[where[i]] = 0
    return total


@compiled(reordered=True)
def _dense(where: np.ndarray, table: np.ndarray, cells: np.ndarray, columns: np.ndarray) -> np.float32:
    """Do the same by looking every cell up once all points are counted; `cells` is zero before and after."""
    for i in range(len(where)):
        cells[where[i]] += 1
    total = np.float32(0)
    bins = len(columns)
    for m in range(len(cells) // bins):
        for b in range(bins):
            c = cells[m * bins + b]
            total += table[c]
            columns[b] += c
            cells[m * bins + b] = 0
    return total


def entropy(
    t: np.ndarray, mag: np.ndarray, fmin: float, df: float, nf: int, phase_bins: int, mag_bins: int
) -> np.ndarray:
    """Return the conditional entropy at `nf` frequencies; the true period has a small one.

    Parameters
    ----------
    t : ndarray of float64, (n,)
        Times since the first [d].
    mag : ndarray of float64, (n,)
        Magnitudes; their range is cut into `mag_bins` equal bins.
    fmin, df : float
        First frequency and step [1/d].
    nf : int
        Number of frequencies.
    phase_bins, mag_bins : int
        The grid of cells; at most :data:`scope.kernels.phases.MAX_BINS` of phase.

    Returns
    -------
    ndarray of float32, (nf,)
        Entropy [nat].
    """
    return entropy_at(t, mag, fmin, df, np.arange(nf), phase_bins, mag_bins)


@compiled(reordered=True)
def entropy_at(
    t: np.ndarray, mag: np.ndarray, fmin: float, df: float, indices: np.ndarray, phase_bins: int, mag_bins: int
) -> np.ndarray:
    """Return the same at the frequencies ``fmin + k df`` of some indices `k`; neighbours cost least.

    Parameters
    ----------
    indices : ndarray of int64, (m,)
        Best ascending.

    Returns
    -------
    ndarray of float32, (m,)
    """
    n = len(t)
    low, high = mag.min(), mag.max()
    scale = mag_bins / (high - low) if high > low else 0.0
    row = np.empty(n, np.uint32)
    for i in range(n):
        row[i] = np.uint32(min(int((mag[i] - low) * scale), mag_bins - 1) * phase_bins)
    table = np.zeros(n + 1, np.float32)
    for c in range(2, n + 1):
        table[c] = c * np.log(c) / n
    step = table[1:] - table[:-1]
    phases, steps = np.empty(n, np.uint32), np.empty(n, np.uint32)
    seed_phases(t, df, steps)
    where = np.empty(n, np.uint32)
    cells = np.zeros(phase_bins * mag_bins, np.int32)
    columns = np.zeros(phase_bins, np.int32)
    count = np.uint32(phase_bins)
    sparse = 2 * n < len(cells)
    out = np.empty(len(indices), np.float32)
    until = next_index = np.int64(-1)
    for k in range(len(indices)):
        index = indices[k]
        if index != next_index or index >= until:
            seed_phases(t, fmin + index * df, phases)
            until = index + RESEED
        next_index = index + 1
        for i in range(n):
            phase = phases[i]
            where[i] = row[i] + (((phase >> np.uint32(8)) * count) >> np.uint32(24))
            phases[i] = phase + steps[i]
        columns[:] = 0
        if sparse:
            inner = _sparse(where, row, step, cells, columns)
        else:
            inner = _dense(where, table, cells, columns)
        outer = np.float32(0)
        for b in range(phase_bins):
            outer += table[columns[b]]
        out[k] = outer - inner
    return out
