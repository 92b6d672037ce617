"""Neighbours whose profiles are known are taken out of an object's pixels, which are then fitted again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .flags import FitFlag
from .ordered import in_order
from .profiles import Fitter, ProfileFit
from .render import Profile
from .stamp import Stamp

PASSES = 12
"""How often, at most, an object is fitted again because its neighbours have moved."""

_REACH = 24.0
"""Neighbours further outside the stamp than this are left alone, px."""

_SEEN = 0.05
"""Neighbours that put less light than this into the mask, in units of its noise, are left alone."""

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
        object.__setattr__(self, "_places", (numbers, np.array(centres).reshape(-1, 2)))

    def near(self, own: Stamp | ProfileFit) -> list[tuple[int, Profile]]:
        """Return number and profile of the others in and around an object's stamp, their centres from its middle."""
        if own.x is None or own.y is None:
            return []
        middle = own.middle if isinstance(own, ProfileFit) else ProfileFit.of(own).middle
        box = own.box if isinstance(own, ProfileFit) else own.obj.shape[0]
        numbers, centres = self._places
        away = centres - middle
        inside = (np.abs(away).max(1, initial=0.0) < box / 2 + _REACH) & (numbers != own.number)
        found = []
        for number, (dx, dy) in zip(numbers[inside].tolist(), away[inside].tolist(), strict=True):
            profile = self.fits[number].profile
            if profile is not None:
                found.append((number, profile._replace(x=dx, y=dy)))
        return found

    def beside(self, moved: Set[int]) -> list[str]:
        """Names of the fitted objects that have one of some others in or around their stamp."""
        return [
            one.name for one in self.fits.values()
            if one.ok and any(number in moved for number, _ in self.near(one))
        ]  # fmt: skip


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
    noise = np.sqrt(np.nansum(np.where(stamp.mask, stamp.rms, 0.0).astype(float) ** 2))
    if not light[stamp.mask].sum() > _SEEN * noise:
        return None
    neighbours = stamp.neighbours
    if neighbours is not None:
        neighbours = np.where(np.isin(neighbours, [number for number, _ in others]), 0, neighbours)
    rms = np.sqrt(stamp.rms.astype(float) ** 2 + light / fitter.gain)
    return replace(stamp, obj=stamp.obj - light, rms=rms, neighbours=neighbours)


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
    names = [one.name for one in fits if one.ok]
    for _ in range(PASSES):
        around = Neighbourhood(dict(found))

        def again(stamp: Stamp, around: Neighbourhood = around) -> ProfileFit | None:
            alone = without_neighbours(stamp, around.near(stamp), fitter)
            before = around.fits[stamp.number]
            if alone is None or before.profile is None:
                return None
            result = fitter.fit(alone, before.profile)
            return replace(result, flag=result.flag | before.flag & ~REMADE) if result.ok else None

        moved = set(_changed(in_order(again, stamps(names), workers), found))
        names = Neighbourhood(found).beside(moved)
        if not names:
            break
    return [found[one.number] for one in fits]


def _changed(results: Iterator[ProfileFit | None], found: dict[int, ProfileFit]) -> Iterator[int]:
    """Put new results into place; yield the numbers of those that moved."""
    for result in results:
        if result is None or result.estimate is None:
            continue
        before = found[result.number].estimate
        moved = before is None or abs(result.estimate.values[0] - before.values[0]) > STILL * result.estimate.errors[0]
        found[result.number] = result
        if moved:
            yield result.number
