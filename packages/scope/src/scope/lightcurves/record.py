"""Light curves of many sources in flat arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

UNKNOWN = -1
"""Field, CCD, quadrant or filter of a source whose file does not tell."""


@dataclass(frozen=True)
class LightCurve:
    """One source in one filter.

    Parameters
    ----------
    id : int
        Identifier of the source in its survey.
    ra, dec : float
        Position (ICRS) [deg]; NaN when unknown.
    filter : int
        1 = g, 2 = r, 3 = i; `UNKNOWN` else.
    field, ccd, quad : int
        Where on the sky and the detector; `UNKNOWN` else.
    hjd : ndarray of float64, (n,)
        Heliocentric (or modified) Julian date, whichever the file holds [d].
    mag, magerr : ndarray of float64, (n,)
        Magnitudes and errors [mag].
    catflags : ndarray of int64, (n,)
        Bits of the photometry's quality, 0 is good.
    """

    id: int
    ra: float
    dec: float
    filter: int
    field: int
    ccd: int
    quad: int
    hjd: np.ndarray
    mag: np.ndarray
    magerr: np.ndarray
    catflags: np.ndarray

    def __len__(self) -> int:
        return len(self.hjd)


_OF_POINTS = ("hjd", "mag", "magerr", "catflags")


@dataclass(frozen=True)
class LightCurves:
    """Many light curves; source `k` owns the points ``offsets[k]`` up to ``offsets[k + 1]``.

    Parameters
    ----------
    id, ra, dec, filter, field, ccd, quad : ndarray, (sources,)
        See :class:`LightCurve`; int64 but `ra` and `dec`, float64.
    offsets : ndarray of int64, (sources + 1,)
        Ascending, from 0 to the number of points.
    hjd, mag, magerr : ndarray of float64, (points,)
        See :class:`LightCurve`.
    catflags : ndarray of int64, (points,)
        See :class:`LightCurve`.
    """

    id: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    filter: np.ndarray
    field: np.ndarray
    ccd: np.ndarray
    quad: np.ndarray
    offsets: np.ndarray
    hjd: np.ndarray
    mag: np.ndarray
    magerr: np.ndarray
    catflags: np.ndarray

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, k: int) -> LightCurve:
        part = slice(int(self.offsets[k]), int(self.offsets[k + 1]))
        values = {name: getattr(self, name)[part] for name in _OF_POINTS}
        return LightCurve(
            int(self.id[k]), float(self.ra[k]), float(self.dec[k]), int(self.filter[k]), int(self.field[k]),
            int(self.ccd[k]), int(self.quad[k]), **values,
        )  # fmt: skip

    def __iter__(self) -> Iterator[LightCurve]:
        return (self[k] for k in range(len(self)))

    @property
    def counts(self) -> np.ndarray:
        """Return the number of points of each source."""
        return np.diff(self.offsets)

    def take(self, rows: np.ndarray) -> LightCurves:
        """Return some sources, in the order of `rows` (indices or a mask)."""
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows, np.int64)
        counts = self.counts[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        if offsets[-1] == len(self.hjd) and (np.diff(rows) > 0).all():  # sources without points go: nothing moves
            values = {name: getattr(self, name) for name in _OF_POINTS}
        else:
            points = np.repeat(self.offsets[rows] - offsets[:-1], counts) + np.arange(offsets[-1])
            values = {name: getattr(self, name)[points] for name in _OF_POINTS}
        of_source = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name not in (*values, "offsets")}
        return LightCurves(**of_source, offsets=offsets, **values)

    def keep_points(self, good: np.ndarray) -> LightCurves:
        """Return the same sources with only the points where `good` is true."""
        before = np.concatenate([[0], np.cumsum(good)])
        values = {name: getattr(self, name)[good] for name in _OF_POINTS}
        of_source = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in (*values, "offsets")}
        return LightCurves(**of_source, offsets=before[self.offsets], **values)

    @classmethod
    def concatenate(cls, parts: list[LightCurves]) -> LightCurves:
        """Join sets of light curves; an empty list gives an empty set."""
        if not parts:
            return cls.of_points(np.empty(0, np.int64), hjd=np.empty(0), mag=np.empty(0), magerr=np.empty(0))
        shifts = np.cumsum([0] + [int(part.offsets[-1]) for part in parts])
        offsets = [part.offsets[:-1] + shift for part, shift in zip(parts, shifts, strict=False)] + [shifts[-1:]]
        values = {
            f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls) if f.name != "offsets"
        }
        return cls(**values, offsets=np.concatenate(offsets).astype(np.int64))

    @classmethod
    def of_points(
        cls, id: np.ndarray, *, hjd: np.ndarray, mag: np.ndarray, magerr: np.ndarray, **columns: np.ndarray
    ) -> LightCurves:
        """Group a flat table, one row a point, by `id` and `filter`; sources in ascending order of both.

        Parameters
        ----------
        id : ndarray of int, (points,)
            Source of each point.
        hjd, mag, magerr : ndarray, (points,)
            The points.
        **columns : ndarray, (points,)
            Any of ra, dec, filter, field, ccd, quad, catflags; a source's value is that of its first point.

        Returns
        -------
        LightCurves
        """
        n = len(id)
        given = {
            name: np.asarray(columns.get(name, np.full(n, UNKNOWN))) for name in ("filter", "field", "ccd", "quad")
        }
        order = np.lexsort((given["filter"], id))
        key = np.stack([np.asarray(id)[order], given["filter"][order]])
        first = np.flatnonzero(np.r_[True, (key[:, 1:] != key[:, :-1]).any(axis=0)]) if n else np.empty(0, np.int64)
        of_source: dict[str, np.ndarray] = {name: value[order][first].astype(np.int64) for name, value in given.items()}
        for name in ("ra", "dec"):
            of_source[name] = np.asarray(columns.get(name, np.full(n, np.nan)), np.float64)[order][first]
        flags = np.asarray(columns.get("catflags", np.zeros(n)))[order].astype(np.int64)
        return cls(
            id=np.asarray(id)[order][first].astype(np.int64), **of_source, offsets=np.append(first, n).astype(np.int64),
            hjd=np.asarray(hjd, np.float64)[order], mag=np.asarray(mag, np.float64)[order],
            magerr=np.asarray(magerr, np.float64)[order], catflags=flags,
        )  # fmt: skip
