"""Neighbours whose profiles are known are taken out of an object's pixels, which are then fitted again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .flags import FitFlag
from .ordered import in_order
from .posterior import Estimate
from .profiles import Fitter, ProfileFit
from .render import Profile
from .stamp import Stamp

PASSES = 12
"""How often, at most, an object is fitted again because its neighbours have moved."""

_REACH = 24.0
"""Neighbours further outside the stamp than this are left alone, px."""

_SEEN = 0.05
"""Neighbours that put less light than this into the mask, in units of its noise, are left alone."""

_MIXED = 30.0
"""Neighbours further than this from an object are known well enough for its errors, px."""

STILL = 0.02
"""An object whose radius changes by no more than this many standard errors has not moved."""


REMADE = FitFlag.GRID_EDGE | FitFlag.LOW_SN | FitFlag.NOT_CONVERGED | FitFlag.POOR
"""Flags that a new fit decides anew; the others stay."""


@dataclass(frozen=True, eq=False, slots=True)
class Neighbourhood:
    """The other objects of one image, as they were fitted.

    Attributes
    ----------
    fits : dict of int to ProfileFit
        By NUMBER.
    """

    fits: Mapping[int, ProfileFit]
    _places: tuple[NDArray[np.int64], NDArray[np.float64]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        known = [one for one in self.fits.values() if one.profile is not None and one.x is not None]
        numbers = np.array([one.number for one in known], dtype=np.int64)
        centres = [(one.middle[0] + one.profile.x, one.middle[1] + one.profile.y) for one in known if one.profile]
        places = np.array(centres).reshape(-1, 2).T
        along = np.argsort(places[0], kind="stable")
        object.__setattr__(self, "_places", (numbers[along], places[:, along]))

    def near(self, own: Stamp | ProfileFit) -> list[tuple[int, Profile]]:
        """Return number and profile of the others in and around an object's stamp, their centres from its middle."""
        one = own if isinstance(own, ProfileFit) else ProfileFit.of(own)
        inside, middle = self._inside(one), one.middle
        numbers, places = self._places
        found = []
        for number, (dx, dy) in sorted(
            zip(numbers[inside].tolist(), (places[:, inside].T - middle).tolist(), strict=True)
        ):
            profile = self.fits[number].profile
            if profile is not None:
                found.append((number, profile._replace(x=dx, y=dy)))
        return found

    def _inside(self, own: ProfileFit) -> NDArray[np.int64]:
        """Positions in `_places` of the others in and around an object's stamp."""
        if own.x is None or own.y is None:
            return np.zeros(0, np.int64)
        numbers, (x, y) = self._places
        (middle_x, middle_y), reach = own.middle, own.box / 2 + _REACH
        first, last = np.searchsorted(x, (middle_x - reach, middle_x + reach))
        near = (np.abs(y[first:last] - middle_y) < reach) & (numbers[first:last] != own.number)
        return first + np.flatnonzero(near)

    def beside(self, moved: Set[int]) -> list[str]:
        """Names of the fitted objects that have one of some others in or around their stamp."""
        wanted = np.isin(self._places[0], np.array(sorted(moved), dtype=np.int64))
        return [one.name for one in self.fits.values() if one.ok and wanted[self._inside(one)].any()]

    def apart(self, names: Iterable[str]) -> list[list[str]]:
        """Part names into lists in which nobody has another of the list in or around their stamp.

        Objects that are fitted one after the other approach what fits best together; all at once, each against the
        others of before, three of them can swing for ever.
        """
        own = {one.name: one for one in self.fits.values()}
        turns: dict[int, int] = {}
        lists: list[list[str]] = []
        for name in names:
            taken = {turns.get(number) for number, _ in self.near(own[name])}
            turn = turns[own[name].number] = next(k for k in range(len(taken) + 1) if k not in taken)
            if turn == len(lists):
                lists.append([])
            lists[turn].append(name)
        return lists


def without_neighbours(stamp: Stamp, others: list[tuple[int, Profile]], fitter: Fitter) -> Stamp | None:
    """Take the profiles of neighbours out of a stamp.

    Their pixels are used again, with the noise of the light that was taken away.

    Parameters
    ----------
    stamp : Stamp
    others : list of (int, Profile)
        From `Neighbourhood.near`.
    fitter : Fitter
        PSF and gain of the image.

    Returns
    -------
    Stamp or None
        None where the neighbours leave no trace in the mask.
    """
    if not others:
        return None
    renderer = fitter.renderer(stamp)
    light: NDArray[np.float64] = np.zeros(stamp.obj.shape)
    for _, profile in others:
        light += np.maximum(renderer.image(profile), 0.0)
    noise = stamp.rms[stamp.mask].astype(float)
    if not light[stamp.mask].sum() > _SEEN * math.sqrt(float(np.nansum(noise**2))):
        return None
    neighbours = stamp.neighbours
    if neighbours is not None:
        neighbours = neighbours.copy()
        for number, _ in others:
            neighbours[neighbours == number] = 0
    rms = np.sqrt(stamp.rms.astype(float) ** 2 + light / fitter.gain)
    return replace(stamp, obj=stamp.obj - light, rms=rms, neighbours=neighbours)


def _overlap(one: Profile, other: Profile) -> bool:
    """Whether two profiles are so near that the errors of one depend on what is known of the other."""
    return math.hypot(one.x - other.x, one.y - other.y) < min(3 * (one.r_e + other.r_e), _MIXED)


def deblended(
    fits: list[ProfileFit], stamps: Callable[[list[str]], Iterable[Stamp]], fitter: Fitter, *, workers: int = 1
) -> list[ProfileFit]:
    """Fit objects with neighbours again until nothing changes.

    Parameters
    ----------
    fits : list of ProfileFit
        First fits, with the neighbours' pixels left out.
    stamps : callable
        Reads the stamps of these names, in this order.
    fitter : Fitter
        Of the image.
    workers : int
        Threads.

    Returns
    -------
    list of ProfileFit
        In the order of `fits`.
    """
    found = {one.number: one for one in fits}

    def again_among(before: dict[int, ProfileFit]) -> Callable[[Stamp], ProfileFit | None]:
        around = Neighbourhood(before)

        def again(stamp: Stamp) -> ProfileFit | None:
            others = around.near(stamp)
            alone = without_neighbours(stamp, others, fitter)
            old = before[stamp.number]
            if alone is None or old.profile is None:
                return None
            own = old.profile
            result = fitter.fit(alone, own, beside=[other for _, other in others if _overlap(own, other)])
            return replace(result, flag=result.flag | old.flag & ~REMADE) if result.ok else None

        return again

    settle(found, stamps, again_among, lambda fit: fit, workers)
    return [found[one.number] for one in fits]


class Fitted(Protocol):
    """What a fit in one band or several has in common."""

    @property
    def number(self) -> int:
        """NUMBER of the object."""

    @property
    def name(self) -> str:
        """Name of its cuts."""

    @property
    def ok(self) -> bool:
        """Whether there is a best profile."""

    @property
    def estimate(self) -> Estimate | None:
        """Its parameters."""


T = TypeVar("T")
F = TypeVar("F", bound=Fitted)


def settle(
    found: dict[int, F], read: Callable[[list[str]], Iterable[T]],
    again_among: Callable[[dict[int, F]], Callable[[T], F | None]], shown: Callable[[F], ProfileFit | None],
    workers: int,
) -> None:  # fmt: skip
    """Fit objects again, first all and then those whose neighbours have moved, until none has; changes `found`.

    Parameters
    ----------
    found : dict of int to fit
        First fits, by NUMBER.
    read : callable
        Reads the objects of these names.
    again_among : callable
        Given all fits as they are, returns what fits one object again: None where nothing changes.
    shown : callable
        The fit of an object whose stamp says which others are its neighbours.
    workers : int
        Threads.
    """
    names = [one.name for one in found.values() if one.ok]
    for _ in range(PASSES):
        around = _around(found, shown)
        moved = set()
        for some in around.apart(names):
            for result in in_order(again_among(dict(found)), read(some), workers):
                if result is not None:
                    if _has_moved(found[result.number].estimate, result.estimate):
                        moved.add(result.number)
                    found[result.number] = result
        names = _around(found, shown).beside(moved)
        if not names:
            return


def _around(found: Mapping[int, F], shown: Callable[[F], ProfileFit | None]) -> Neighbourhood:
    return Neighbourhood({number: fit for number, one in found.items() if (fit := shown(one)) is not None})


def _has_moved(before: Estimate | None, after: Estimate | None) -> bool:
    if before is None or after is None:
        return True
    return bool(abs(after.values[0] - before.values[0]) > STILL * after.errors[0])
