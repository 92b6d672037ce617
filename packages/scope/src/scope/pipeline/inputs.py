"""Where a run's light curves and what is around them come from: local files, or Kowalski."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scope import files
from scope.features.alerts import SCORES
from scope.features.bright_stars import spoilt
from scope.features.crossmatch import CATALOGUES, Catalogue
from scope.lightcurves.folder import Folder, Quadrant
from scope.lightcurves.quality import Cuts, clean
from scope.lightcurves.record import LightCurves
from scope.lightcurves.source import Source
from scope.lightcurves.spool import some, spooled

if TYPE_CHECKING:
    from scope.kowalski.catalogues import KowalskiSky
    from scope.kowalski.client import Service


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collections:
    """Names of Kowalski's collections.

    Parameters
    ----------
    sources, alerts, gaia : str
        ZTF light curves, ZTF alerts, Gaia.
    """

    sources: str = "ZTF_sources_20240515"
    alerts: str = "ZTF_alerts"
    gaia: str = "Gaia_EDR3"


@dataclass(frozen=True)
class Inputs:
    """Local files win where they are given; for all else Kowalski is asked, if there is a service.

    Parameters
    ----------
    light_curves : pathlib.Path or None
        A folder of survey files, or one file; None: Kowalski.
    identifiers : pathlib.Path or None
        Sources wanted (:func:`scope.files.read_identifiers`) instead of a quadrant's.
    bright_stars : pathlib.Path or None
        Table of Gaia stars: ra, dec [deg], phot_g_mean_mag, bp_rp [mag].
    skip_close : bool
        Keep sources near bright stars.
    bright_radius, match_radius : float
        Reach of a bright star; farthest match or alert [arcsec].
    catalogues : pathlib.Path or None
        Folder of catalogues to match with.
    matched : mapping of str to tuple of str
        Columns taken from each.
    conditions : mapping of str to mapping
        Queries that entries of a collection must fulfil.
    alerts : pathlib.Path or None
        Table of alerts: ra, dec [deg], braai.
    collections : Collections
        Of Kowalski.
    page : int
        Most sources of one query.
    limit : int or None
        Stop after so many sources.
    """

    light_curves: Path | None = None
    identifiers: Path | None = None
    bright_stars: Path | None = None
    skip_close: bool = False
    bright_radius: float = 300.0
    match_radius: float = 2.0
    catalogues: Path | None = None
    matched: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: CATALOGUES)
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    alerts: Path | None = None
    collections: Collections = Collections()
    page: int = 10000
    limit: int | None = None

    @property
    def names(self) -> dict[int, str | None]:
        """Return the names of the sources wanted, by identifier; empty for a quadrant."""
        return {} if self.identifiers is None else files.read_identifiers(self.identifiers)

    def local(self, quadrant: Quadrant | None) -> list[Path]:
        """Return all files that are read, in order."""
        found = [] if self.light_curves is None else Folder(self.light_curves).files(quadrant)
        found += [p for p in (self.identifiers, self.bright_stars, self.alerts) if p is not None]
        if self.catalogues is not None and self.catalogues.is_dir():
            found += [p for p in sorted(self.catalogues.iterdir()) if p.is_file()]
        return found

    def curves(
        self, quadrant: Quadrant | None, cuts: Cuts, service: Service | None, room: Path | None = None
    ) -> LightCurves:
        """Read the light curves of a quadrant (None: of the identifiers), clean, away from bright stars.

        Parameters
        ----------
        quadrant, cuts, service
            Which, what is kept of them, and whom to ask.
        room : pathlib.Path, optional
            Folder where their points may lie meanwhile (:func:`scope.lightcurves.spool.spooled`).

        Raises
        ------
        InputNotFound
            When there are none. Where none survives the cuts, the answer is empty, with a warning.
        ExternalFailed
            When Kowalski fails.
        """
        seen = 0

        def cleaned() -> Iterator[LightCurves]:
            nonlocal seen
            for piece in self._pieces(quadrant, cuts, service):
                seen += len(piece)
                yield clean(piece, cuts)

        found = spooled(cleaned(), room)
        bright = self._bright(found, service)
        if bright is not None:
            g, colour = (np.asarray(bright.columns[name], np.float64) for name in ("phot_g_mean_mag", "bp_rp"))
            far = ~spoilt(found.ra, found.dec, bright.ra, bright.dec, g, colour, radius=self.bright_radius)
            found = found if far.all() else some(found, np.flatnonzero(far), room)
        if not len(found):
            log.warning(
                "none of %d light curves has %d good points away from bright stars: the table is empty; "
                "--min-n-lc-points keeps shorter ones", seen, cuts.min_points,
            )  # fmt: skip
        return some(found, np.arange(self.limit), room) if self.limit and self.limit < len(found) else found

    def surroundings(
        self, curves: LightCurves, service: Service | None
    ) -> tuple[dict[str, Catalogue], Catalogue | None]:
        """Return the catalogues to match with, and the alerts; None without any source of alerts."""
        known = files.read_catalogues(self.catalogues, self.matched)
        alerts = None if self.alerts is None else files.read_catalogue(self.alerts, numbers=SCORES)
        sky = self._sky(service)
        if sky is None:
            return known, alerts
        ra, dec = curves.ra, curves.dec
        for name, columns in self.matched.items():
            if name not in known:
                condition = self.conditions.get(name)
                known[name] = sky.catalogue(name, columns, ra, dec, self.match_radius, condition)
        return known, sky.alert_packets(ra, dec, self.match_radius) if alerts is None else alerts

    def _pieces(self, quadrant: Quadrant | None, cuts: Cuts, service: Service | None) -> Iterator[LightCurves]:
        source: Source
        if self.light_curves is not None:
            source = Folder(self.light_curves)
        elif service is not None:
            from scope.kowalski.light_curves import KowalskiSources

            source = KowalskiSources(service, self.collections.sources, self.page, cuts.min_points, self.limit)
        else:
            raise ValueError("light curves or a service are needed")
        if quadrant is not None:
            return source.pieces(quadrant)
        if self.identifiers is None:
            raise ValueError("a quadrant or a table of identifiers is needed")
        return source.pieces(list(self.names))

    def _bright(self, curves: LightCurves, service: Service | None) -> Catalogue | None:
        if self.skip_close:
            return None
        if self.bright_stars is not None:
            return files.read_catalogue(self.bright_stars, needed=("phot_g_mean_mag", "bp_rp"))
        sky = self._sky(service)
        return None if sky is None else sky.bright_stars(curves.ra, curves.dec, self.bright_radius)

    def _sky(self, service: Service | None) -> KowalskiSky | None:
        if service is None:
            return None
        from scope.kowalski.catalogues import KowalskiSky

        return KowalskiSky(service, self.collections.gaia, self.collections.alerts, self.page)
