"""Fit objects in several bands at once: one shape and centre, and flux and sky of each band.

The images lie on one grid of pixels, and the sources have one number in all of them, as in catalogues that were
measured with one detection image. A band in which an object has no usable pixels is left out for that object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from .blends import REMADE, Neighbourhood, settle, without_neighbours
from .flags import FitFlag
from .ordered import in_order
from .pixels import Pixels
from .polish import View, polish
from .posterior import Estimate, estimate
from .profiles import Fitter, ProfileFit, what_is_wrong
from .render import Profile
from .stamp import Stamp

Stamps = tuple[Stamp | None, ...]
"""One object in every band; None where a band has no cut of it."""


@dataclass(frozen=True, eq=False, slots=True)
class BandsFit:
    """Result of one object.

    Attributes
    ----------
    fits : tuple of ProfileFit or None
        What it is in each band: the shape is the same; None where the band has no cut.
    estimate : Estimate or None
        All parameters together; None: no fit. Its centre is from the middle of the stamp of the first band used.
    used : tuple of int
        Bands that were fitted, in the order of the fluxes in `estimate`.
    """

    fits: tuple[ProfileFit | None, ...]
    estimate: Estimate | None
    used: tuple[int, ...] = ()

    @property
    def number(self) -> int:
        """NUMBER of the object."""
        return next(one.number for one in self.fits if one is not None)

    @property
    def name(self) -> str:
        """Name of its cuts."""
        return next(one.name for one in self.fits if one is not None)

    @property
    def ok(self) -> bool:
        """Whether there is a best profile."""
        return self.estimate is not None


@dataclass(frozen=True, eq=False, slots=True)
class BandsFitter:
    """What all objects of one field share.

    Attributes
    ----------
    fitters : tuple of Fitter
        One a band; the grids have the same axes.
    """

    fitters: tuple[Fitter, ...]

    def fit(self, stamps: Stamps, start: Profile | None = None) -> BandsFit:
        """Fit one object; never raises for what is wrong with the object.

        Parameters
        ----------
        stamps : tuple of Stamp or None
        start : Profile, optional
            Where to begin, its centre from the middle of the first stamp that is there; default the best model of
            the grid in the band that shows the object best.
        """
        failed: list[ProfileFit | None] = [None] * len(stamps)
        usable: dict[int, tuple[Stamp, Pixels]] = {}
        for k, (stamp, fitter) in enumerate(zip(stamps, self.fitters, strict=True)):
            if stamp is None:
                continue
            seen = _usable(stamp, fitter)
            if isinstance(seen, Pixels):
                usable[k] = stamp, seen
            else:
                failed[k] = seen
        while usable:
            found = self._fit(usable, failed, start)
            if found is not None:
                return found
            worst = min(usable, key=lambda k: self._gain(k, usable[k][1]))  # a band without light holds up the others
            stamp = usable.pop(worst)[0]
            failed[worst] = ProfileFit.of(stamp, flag=FitFlag.NOT_POSITIVE, reason="no model has a positive flux")
            start = None
        return BandsFit(tuple(failed), None)

    def _gain(self, band: int, pixels: Pixels) -> float:
        best = self.fitters[band].grid.best(pixels)
        return best[1] if best else -1.0

    def _fit(
        self, usable: dict[int, tuple[Stamp, Pixels]], failed: Sequence[ProfileFit | None], start: Profile | None
    ) -> BandsFit | None:
        first = next(iter(usable.values()))[0]
        begun = -1
        if start is None:
            found = {k: self.fitters[k].grid.best(pixels) for k, (_, pixels) in usable.items()}
            gains = {k: best[1] for k, best in found.items() if best}
            if len(gains) < len(usable):
                return None
            brightest = max(gains, key=gains.__getitem__)
            begun = found[brightest][0]  # type: ignore[index]
            start = self.fitters[brightest].grid.start(usable[brightest][1], begun)
            x, y = _offset(first, usable[brightest][0])
            start = start._replace(x=start.x - x, y=start.y - y)
        views = [View(pixels, self.fitters[k].cells(s), _offset(first, s)) for k, (s, pixels) in usable.items()]
        fixed = self.fitters[0].fixed_index
        solution = polish(views, start, fixed_index=fixed)
        if solution is None:
            return None
        noises = [self.fitters[k].noise for k in usable]
        all_of_it = estimate(solution, [view.pixels for view in views], noises, fixed_index=fixed)
        fits = list(failed)
        for place, ((k, (stamp, pixels)), view) in enumerate(zip(usable.items(), views, strict=True)):
            own = all_of_it.of_band(place, view.offset)
            fits[k] = self.fitters[k].result(stamp, pixels, solution, place, own, begun)
        return BandsFit(tuple(fits), all_of_it, tuple(usable))


def _usable(stamp: Stamp, fitter: Fitter) -> Pixels | ProfileFit:
    wrong = what_is_wrong(stamp, fitter.grid.axes.box)
    if wrong:
        return ProfileFit.of(stamp, flag=wrong[0], reason=wrong[1])
    try:
        return Pixels.of(stamp, fitter.gain)
    except ValueError as error:
        return ProfileFit.of(stamp, flag=FitFlag.NO_DATA, reason=str(error))


def _offset(first: Stamp, other: Stamp) -> tuple[float, float]:
    """From the middle of a stamp to that of the first, (x, y) px."""
    a, b = ProfileFit.of(first).middle, ProfileFit.of(other).middle
    return a[0] - b[0], a[1] - b[1]


def fit_bands(objects: Iterable[Stamps], fitter: BandsFitter, *, workers: int = 1) -> Iterator[BandsFit]:
    """Fit objects in several bands at once.

    Parameters
    ----------
    objects : iterable of tuple of Stamp or None
        One tuple an object, one stamp a band; drawn from as the results are taken.
    fitter : BandsFitter
    workers : int
        Threads; the results do not depend on it.

    Yields
    ------
    BandsFit
        In the order of the objects.
    """
    return in_order(fitter.fit, objects, workers)


def deblended_bands(
    fits: list[BandsFit], objects: Callable[[list[str]], Iterable[Stamps]], fitter: BandsFitter, *, workers: int = 1
) -> list[BandsFit]:
    """Fit objects with neighbours again, the neighbours' fitted light taken out of every band, until nothing changes.

    Parameters
    ----------
    fits : list of BandsFit
        First fits, with the neighbours' pixels left out.
    objects : callable
        Reads the stamps of these names, in this order.
    fitter : BandsFitter
    workers : int
        Threads.

    Returns
    -------
    list of BandsFit
        In the order of `fits`.
    """
    found = {one.number: one for one in fits}

    def again_among(before: dict[int, BandsFit]) -> Callable[[Stamps], BandsFit | None]:
        around = [
            Neighbourhood({n: own for n, one in before.items() if (own := one.fits[k]) is not None})
            for k in range(len(fitter.fitters))
        ]
        return lambda stamps: _again(stamps, around, before, fitter)

    settle(found, objects, again_among, lambda one: one.fits[one.used[0]] if one.used else None, workers)
    return [found[one.number] for one in fits]


def _again(
    stamps: Stamps, around: list[Neighbourhood], before: dict[int, BandsFit], fitter: BandsFitter
) -> BandsFit | None:
    """Fit one object without its neighbours' light; None where they leave no trace in any band."""
    alone = [
        None if stamp is None else without_neighbours(stamp, near.near(stamp), own)
        for stamp, near, own in zip(stamps, around, fitter.fitters, strict=True)
    ]
    if all(one is None for one in alone):
        return None
    cleaned = tuple(one or stamp for one, stamp in zip(alone, stamps, strict=True))
    number = next(stamp.number for stamp in stamps if stamp is not None)
    last = before[number]
    first = last.fits[last.used[0]]
    result = fitter.fit(cleaned, first.profile if first is not None else None)
    if not result.ok:
        return None
    fits = (
        one if one is None or old is None else replace(one, flag=one.flag | old.flag & ~REMADE)
        for one, old in zip(result.fits, last.fits, strict=True)
    )
    return replace(result, fits=tuple(fits))
