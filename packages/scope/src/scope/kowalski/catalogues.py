"""What Kowalski's other collections hold around the sources: bright stars, matches, alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from shared_io.errors import ExternalFailed

from scope.features.bright_stars import FAINTEST, unit_vectors
from scope.features.crossmatch import Catalogue
from scope.kowalski.client import Service
from scope.kowalski.light_curves import PLACE, place

CONES = 1000
"""Most positions in one query."""


@dataclass(frozen=True)
class KowalskiSky:
    """Collections of stars and alerts.

    Parameters
    ----------
    service : Service
        Where they are.
    gaia, alerts : str
        Names of the collections of Gaia and of alerts.
    limit : int
        Most positions of one query.
    """

    service: Service
    gaia: str = "Gaia_EDR3"
    alerts: str = "ZTF_alerts"
    limit: int = CONES

    def bright_stars(self, ra: np.ndarray, dec: np.ndarray, radius: float) -> Catalogue:
        """Return Gaia's stars of G < 13 in one cone around all sources.

        Parameters
        ----------
        ra, dec : ndarray of float64, (n,)
            Sources [deg].
        radius : float
            Reach of bright stars, added to that of the farthest source [arcsec].

        Returns
        -------
        Catalogue
            With phot_g_mean_mag and bp_rp [mag]; NaN where unknown.
        """
        known = np.isfinite(ra) & np.isfinite(dec)
        if not known.any():
            return _catalogue([], ("phot_g_mean_mag", "bp_rp"))
        sources = unit_vectors(ra[known], dec[known])
        centre = sources.mean(axis=0)
        centre /= np.linalg.norm(centre)
        reach = np.degrees(2 * np.arcsin(np.linalg.norm(sources - centre, axis=1).max() / 2)) * 3600 + radius
        position = (float(np.degrees(np.arctan2(centre[1], centre[0])) % 360), float(np.degrees(np.arcsin(centre[2]))))
        documents = self._cones(
            self.gaia, [position], float(reach), {"phot_g_mean_mag": {"$lt": FAINTEST}}, ("phot_g_mean_mag", "bp_rp")
        )
        return _catalogue(documents, ("phot_g_mean_mag", "bp_rp"))

    def catalogue(
        self, name: str, columns: Sequence[str], ra: np.ndarray, dec: np.ndarray, radius: float,
        condition: Mapping[str, Any] | None = None,
    ) -> Catalogue:  # fmt: skip
        """Return all entries of a collection within `radius` [arcsec] of any of the positions [deg]."""
        documents = self._cones(name, _positions(ra, dec), radius, condition or {}, columns)
        return _catalogue(documents, columns)

    def alert_packets(self, ra: np.ndarray, dec: np.ndarray, radius: float) -> Catalogue:
        """Return all alerts within `radius` [arcsec] of any of the positions [deg], with their braai scores."""
        documents = self._cones(self.alerts, _positions(ra, dec), radius, {}, ("classifications.braai",))
        flat = [{**d, "braai": (d.get("classifications") or {}).get("braai")} for d in documents]
        return _catalogue(flat, ("braai",))

    def _cones(
        self, name: str, positions: Sequence[tuple[float, float]], radius: float, condition: Mapping[str, Any],
        columns: Sequence[str],
    ) -> list[Mapping[str, Any]]:  # fmt: skip
        """Return the documents around the positions, each once, by identifier."""
        size = max(1, min(self.limit, CONES))
        pages = [positions[k : k + size] for k in range(0, len(positions), size)]

        def work(page: Sequence[tuple[float, float]]) -> Any:
            # Kowalski changes dots in names of objects; these have none, and are not needed again.
            radec = {f"o{k}": list(position) for k, position in enumerate(page)}
            return self.service.ask({
                "query_type": "cone_search",
                "query": {
                    "object_coordinates": {
                        "radec": radec, "cone_search_radius": radius, "cone_search_unit": "arcsec",
                    },
                    "catalogs": {name: {"filter": dict(condition),
                                        "projection": dict.fromkeys(("_id", *columns, PLACE), 1)}},
                },
            })  # fmt: skip

        found: dict[Any, Mapping[str, Any]] = {}
        for page, data in zip(pages, self.service.each(work, pages), strict=True):
            answers = data.get(name) if isinstance(data, Mapping) else None
            if not isinstance(answers, Mapping) or len(answers) != len(page):
                raise ExternalFailed(f"Kowalski: {name} did not answer for all {len(page)} positions")
            found |= {document["_id"]: document for cone in answers.values() for document in cone}
        return [found[key] for key in sorted(found, key=str)]


def _positions(ra: np.ndarray, dec: np.ndarray) -> list[tuple[float, float]]:
    return [(a, d) for a, d in zip(ra.tolist(), dec.tolist(), strict=True) if np.isfinite(a + d)]


def _catalogue(documents: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Catalogue:
    places = np.array([place(document) for document in documents], np.float64).reshape(-1, 2)
    values = {name: _column([document.get(name) for document in documents]) for name in columns}
    return Catalogue(places[:, 0], places[:, 1], values)


def _column(values: Sequence[Any]) -> np.ndarray:
    """Return numbers as float64, NaN where missing; identifiers and texts as they are."""
    if all(value is None or isinstance(value, float) for value in values):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return np.array(values, object)
