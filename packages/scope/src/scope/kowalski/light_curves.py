"""Light curves from Kowalski's collection of ZTF sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from shared_io.errors import ExternalFailed, InputNotFound

from scope.kowalski.client import Service
from scope.lightcurves.record import UNKNOWN, LightCurves
from scope.lightcurves.selection import Quadrant

PLACE = "coordinates.radec_geojson.coordinates"
"""Position of a document: GeoJSON, whose longitude is ra - 180 deg."""

MOST = 1000
"""Most identifiers in one query for light curves: their points are many, and a query may not exceed 1 MB."""

_VALUES = ("hjd", "mag", "magerr", "catflags")
_PROJECTION = {
    **dict.fromkeys(("_id", "filter", "field", "ccd", "quad", PLACE), 1), **{f"data.{name}": 1 for name in _VALUES},
}  # fmt: skip


@dataclass(frozen=True)
class KowalskiSources:
    """A collection of ZTF sources.

    Parameters
    ----------
    service : Service
        Where it is.
    catalog : str
        Name of the collection.
    limit : int
        Most sources of one query.
    min_points : int
        Sources with fewer points, good and bad, are not asked for.
    most : int or None
        Sources of a quadrant that are asked for.
    """

    service: Service
    catalog: str
    limit: int = 10000
    min_points: int = 0
    most: int | None = None

    def pieces(self, wanted: Quadrant | Sequence[int]) -> Iterator[LightCurves]:
        """Yield the light curves of one quadrant, in all filters, or of given identifiers; unknown ones are left out.

        Raises
        ------
        InputNotFound
            When there are none.
        ExternalFailed
            When a query fails, or a source that is listed in the quadrant does not come.
        """
        if isinstance(wanted, Quadrant):
            ids = list(islice(self.identifiers(wanted), self.most))
            absent = f"{self.catalog} has no source with {self.min_points} points in {wanted}"
        else:
            ids = [int(i) for i in dict.fromkeys(wanted)]
            absent = f"{self.catalog} has none of the {len(ids)} sources"
        found = 0
        for piece in self._fetch(ids):
            found += len(piece)
            yield piece
        if isinstance(wanted, Quadrant) and found < len(ids):
            raise ExternalFailed(f"{len(ids) - found} of {len(ids)} sources of {wanted} did not come")
        if not found:
            raise InputNotFound(absent)

    def quadrant(self, quadrant: Quadrant) -> LightCurves:
        """Return what :meth:`pieces` yields for a quadrant."""
        return LightCurves.concatenate(list(self.pieces(quadrant)))

    def sources(self, identifiers: Sequence[int]) -> LightCurves:
        """Return what :meth:`pieces` yields for given identifiers."""
        return LightCurves.concatenate(list(self.pieces(identifiers)))

    def identifiers(self, quadrant: Quadrant) -> Iterator[int]:
        """Yield the identifiers of a quadrant in ascending order, page by page."""
        last: int | None = None
        while True:
            # A page begins behind the last one's end: pages by number change while sources are added.
            behind = {} if last is None else {"_id": {"$gt": last}}
            page = self.service.ask({
                "query_type": "find",
                "query": {"catalog": self.catalog, "filter": self._inside(quadrant) | behind, "projection": {"_id": 1}},
                "kwargs": {"limit": self.limit, "sort": [["_id", 1]]},
            })  # fmt: skip
            found = sorted(int(document["_id"]) for document in page)
            yield from found
            if len(found) < self.limit:
                return
            last = found[-1]

    def quadrants(self, fields: Sequence[int]) -> list[Quadrant]:
        """Return the quadrants of some fields that have sources, in order."""
        every = [Quadrant(f, ccd, quad) for f in sorted(set(fields)) for ccd in range(1, 17) for quad in range(1, 5)]
        counts = self.service.each(self._count, every)
        return [quadrant for quadrant, count in zip(every, counts, strict=True) if count]

    def _count(self, quadrant: Quadrant) -> int:
        query = {"catalog": self.catalog, "filter": self._inside(quadrant)}
        return int(self.service.ask({"query_type": "count_documents", "query": query}))

    def _inside(self, quadrant: Quadrant) -> dict[str, Any]:
        place: dict[str, Any] = {name: {"$eq": getattr(quadrant, name)} for name in ("field", "ccd", "quad")}
        return place | {"nobs": {"$gte": self.min_points}}

    def _fetch(self, ids: Sequence[int]) -> Iterator[LightCurves]:
        size = min(self.limit, MOST)
        pages = [list(ids[k : k + size]) for k in range(0, len(ids), size)]
        return self.service.each(self._page, pages)

    def _page(self, ids: list[int]) -> LightCurves:
        documents = self.service.ask({
            "query_type": "find",
            "query": {"catalog": self.catalog, "filter": {"_id": {"$in": ids}}, "projection": _PROJECTION},
        })  # fmt: skip
        return curves_of(sorted(documents, key=lambda document: int(document["_id"])))


def curves_of(documents: Sequence[Mapping[str, Any]]) -> LightCurves:
    """Return the light curves in documents of the collection; a point without a value is NaN, without flags bad.

    Raises
    ------
    ExternalFailed
        When a document has another shape.
    """
    try:
        counts = np.array([len(document.get("data") or ()) for document in documents], np.int64)
        points = [point for document in documents for point in document.get("data") or ()]
        values = {name: np.array([_number(point.get(name)) for point in points], np.float64) for name in _VALUES}
        flags = np.where(np.isfinite(values["catflags"]), values["catflags"], 1).astype(np.int64)
        places = np.array([place(document) for document in documents], np.float64).reshape(-1, 2)
        integers = {
            name: np.array([int(document.get(name, UNKNOWN)) for document in documents], np.int64)
            for name in ("filter", "field", "ccd", "quad")
        }
        identifiers = np.array([int(document["_id"]) for document in documents], np.int64)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ExternalFailed(f"Kowalski: a source of unknown shape ({error})") from error
    return LightCurves(
        id=identifiers, ra=places[:, 0], dec=places[:, 1], **integers,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), hjd=values["hjd"], mag=values["mag"],
        magerr=values["magerr"], catflags=flags,
    )  # fmt: skip


def place(document: Mapping[str, Any]) -> tuple[float, float]:
    """Return right ascension and declination of a document [deg]; NaN when it has none."""
    try:
        longitude, latitude = document["coordinates"]["radec_geojson"]["coordinates"]
    except KeyError:
        return np.nan, np.nan
    return (float(longitude) + 180.0) % 360.0, float(latitude)


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
