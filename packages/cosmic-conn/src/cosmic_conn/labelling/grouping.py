"""Which exposures are repeats of each other, from what their headers say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, radians
from pathlib import Path

import numpy as np

__all__ = ["Exposure", "GroupRules", "Skipped", "group"]

_SAME_TIME = 0.05  # relative difference between exposure times
_SAME_PLACE = 0.3  # distance between centres, in units of the frame
_TRIPLET, _LONGEST_BLOCK, _SAME_SKY = 3, 12, 5.0  # of Cosmic-CoNN: frames, frames, and ADU


@dataclass(frozen=True)
class Exposure:
    """What a header says of an exposure.

    Attributes
    ----------
    path
        The file.
    time
        Exposure time [s]; None where it is not said.
    request, block, filter, date
        Texts.
    total
        Exposures of the block; None where it is not said.
    wcs_error
        0 where the astrometry succeeded; None where it is not said.
    sky
        Level of the sky [ADU]; None where it is not said.
    shape
        Height and width [pixel].
    centre, width
        Where it looks, right ascension and declination [deg], and how wide the frame is [deg]; None without WCS.
    """

    path: Path
    time: float | None
    request: str
    block: str
    filter: str
    date: str
    total: float | None
    wcs_error: float | None
    sky: float | None
    shape: tuple[int, ...]
    centre: tuple[float, float] | None
    width: float = 0.0

    @property
    def small(self) -> bool:
        """Whether it is of a 0.4 m telescope of LCO, whose first exposure of a block is blurred by the shutter."""
        return self.path.name[3:6] == "0m4"


@dataclass(frozen=True)
class GroupRules:
    """What makes a sequence.

    Attributes
    ----------
    min_exptime
        Shortest exposure [s].
    min_frames, max_frames
        Of a sequence.
    spectra
        Whether they are spectra, which need no astrometry.
    compat
        Whether sequences are triplets of quiet blocks, as in Cosmic-CoNN.
    """

    min_exptime: float = 100.0
    min_frames: int = 2
    max_frames: int = 12
    spectra: bool = False
    compat: bool = False

    def __post_init__(self) -> None:
        if self.max_frames < self.min_frames:
            raise ValueError("the most frames of a sequence must not be fewer than the fewest")


@dataclass(frozen=True)
class Skipped:
    """A file that is in no sequence, and why."""

    path: Path
    reason: str


def group(exposures: Iterable[Exposure], rules: GroupRules) -> tuple[list[list[Exposure]], list[Skipped]]:
    """Put consecutive exposures of one field together.

    Parameters
    ----------
    exposures
        In any order; they are taken by date, then by name.
    rules
        What makes a sequence.

    Returns
    -------
    sequences : list of list of Exposure
    skipped : list of Skipped
        The other exposures, with reasons.
    """
    ordered = sorted(exposures, key=lambda e: (e.date, e.path.name))
    skipped: list[Skipped] = []
    usable = []
    for exposure in _without_blurred(ordered, skipped):
        reason = _unusable(exposure, rules)
        if reason:
            skipped.append(Skipped(exposure.path, reason))
        else:
            usable.append(exposure)
    sequences = []
    for run in _runs(usable, rules):
        for part in _parts(run, rules):
            reason = _unfit(part, rules)
            if reason:
                skipped += [Skipped(e.path, reason) for e in part]
            else:
                sequences.append(part)
    return sequences, sorted(skipped, key=lambda s: s.path.name)


def _without_blurred(ordered: Sequence[Exposure], skipped: list[Skipped]) -> list[Exposure]:
    """Return the exposures without the first of long blocks of the 0.4 m telescopes."""
    kept = []
    before: tuple[str, str] | None = None
    for exposure in ordered:
        block = (exposure.request, exposure.block)
        if exposure.small and (exposure.total or 0) > _TRIPLET and block != before:
            skipped.append(Skipped(exposure.path, "first of a block of a 0.4 m telescope, blurred by its shutter"))
        else:
            kept.append(exposure)
        before = block
    return kept


def _unusable(e: Exposure, rules: GroupRules) -> str:
    """Return why an exposure cannot be used, or nothing."""
    if e.time is None:
        return "no exposure time in the header"
    if e.time < rules.min_exptime:
        return f"exposed for {e.time:g} s only"
    if rules.spectra:
        return "no request in the header" if e.request in ("", "UNSPECIFIED") else ""
    if e.wcs_error not in (None, 0) or e.centre is None:
        return "no astrometry"
    if rules.compat and not _TRIPLET <= (e.total or 0) <= _LONGEST_BLOCK:
        return f"a block of {e.total or 0:g} exposures, not of 3 to 12"
    if rules.compat and e.sky is None:
        return "no level of the sky in the header"
    return "not repeated" if e.total == 1 else ""


def _runs(exposures: Sequence[Exposure], rules: GroupRules) -> list[list[Exposure]]:
    """Cut a series where something changes."""
    if not exposures:
        return []
    runs = [[exposures[0]]]
    for before, exposure in pairwise(exposures):
        if _belong(runs[-1][0], before, exposure, rules):
            runs[-1].append(exposure)
        else:
            runs.append([exposure])
    return runs


def _belong(first: Exposure, before: Exposure, exposure: Exposure, rules: GroupRules) -> bool:
    expected, time = first.time or 0.0, exposure.time or 0.0
    same = all(getattr(before, name) == getattr(exposure, name) for name in ("request", "block", "filter", "shape"))
    same = same and abs(time - expected) <= _SAME_TIME * expected
    return same and (rules.spectra or _apart(first, exposure) <= _SAME_PLACE * first.width)


def _apart(one: Exposure, other: Exposure) -> float:
    """Return the distance between the centres of two frames, on a flat sky [deg]."""
    (x, y), (u, v) = one.centre or (0.0, 0.0), other.centre or (0.0, 0.0)
    along = (u - x + 180) % 360 - 180
    return hypot(along * cos(radians(y)), v - y)


def _parts(run: list[Exposure], rules: GroupRules) -> list[list[Exposure]]:
    """Cut a run into sequences: triplets, or as few and as equal ones as may be."""
    if rules.compat:
        return [run[start : start + _TRIPLET] for start in range(0, len(run), _TRIPLET)]
    count = -(-len(run) // rules.max_frames)
    edges = [round(len(run) * i / count) for i in range(count + 1)]
    return [run[a:b] for a, b in pairwise(edges)]


def _unfit(part: Sequence[Exposure], rules: GroupRules) -> str:
    fewest = _TRIPLET if rules.compat else rules.min_frames
    if len(part) < fewest:
        return f"{len(part)} consecutive exposure{'s' if len(part) > 1 else ''} of this field, {fewest} are needed"
    if rules.compat and not rules.spectra:
        levels = np.array([e.sky for e in part], dtype=np.float64)
        if np.std(levels - np.median(levels), ddof=1) >= _SAME_SKY:
            return "the sky changes from exposure to exposure"
    return ""
