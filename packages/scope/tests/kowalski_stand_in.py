"""A small Kowalski: a few sources, stars and alerts in memory, answering as the recorded service does.

Shapes, the change of dots in names to underscores, and the words of the errors are those of recorded answers; the
library's own client talks to it over HTTP, or it is asked directly.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from conftest import rr_lyrae

TOKEN = "a-secret-token"  # noqa: S105 - of the stand-in alone
SOURCES, ALERTS, GAIA = "ZTF_sources_20240515", "ZTF_alerts", "Gaia_EDR3"


def document(identifier: int, ra: float, dec: float, **more: Any) -> dict[str, Any]:
    """A document with its position as GeoJSON, whose longitude is ra - 180."""
    point = {"type": "Point", "coordinates": [ra - 180.0, dec]}
    return {"_id": identifier, "coordinates": {"radec_geojson": point}, **more}


def ztf_source(rng: np.random.Generator, number: int, ra: float, period: float, points: int = 60) -> dict[str, Any]:
    hjd, mag, err = rr_lyrae(rng, points, period)
    data = [
        {"hjd": t, "mag": m, "magerr": e, "catflags": 0, "programid": 1}
        for t, m, e in zip(hjd.tolist(), mag.tolist(), err.tolist(), strict=True)
    ]
    place = {"field": 297, "ccd": 3, "quad": 4, "filter": 1, "nobs": points}
    return document(10297032000000 + number, ra, 50.0, data=data, **place)


class StandIn:
    """What the service knows and what it was asked.

    Parameters
    ----------
    collections : mapping of str to list
        Documents by collection.
    """

    def __init__(self, collections: Mapping[str, list[dict[str, Any]]]) -> None:
        self.collections = collections
        self.asked: list[Mapping[str, Any]] = []
        self.failures: list[Any] = []

    def query(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as ``penquins.Kowalski.query`` does."""
        self.asked.append(query)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        body = query["query"]
        for name in [body["catalog"]] if "catalog" in body else body["catalogs"]:
            if name not in self.collections:
                raise ValueError(f"Catalog {name} is not available in any instance")
        return {"gloria": self.answer(query)}

    def answer(self, query: Mapping[str, Any]) -> dict[str, Any]:
        """Answer as the service does."""
        kind, body = query["query_type"], query["query"]
        if kind == "info":
            return success(list(self.collections))
        if kind in ("find", "count_documents") and "filter" not in body:
            return {"status": "error", "message": "ValidationError: Unsupported filter specification"}
        if kind == "count_documents":
            return success(len(self.find(body)))
        if kind == "find":
            found = [projected(d, body["projection"]) for d in self.find(body)]
            kwargs = query.get("kwargs", {})
            for key, order in kwargs.get("sort", []):
                found.sort(key=lambda d: d[key], reverse=order < 0)
            return success(found[kwargs.get("skip", 0) :][: kwargs.get("limit") or None])
        if kind == "cone_search":
            return success(self.cones(body))
        return {"status": "error", "message": f'KeyError: "query_type {kind} not in (...)"'}

    def find(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [d for d in self.collections[body["catalog"]] if fulfils(d, body["filter"])]

    def cones(self, body: Mapping[str, Any]) -> dict[str, Any]:
        where = body["object_coordinates"]
        assert where["cone_search_unit"] == "arcsec"
        out: dict[str, Any] = {}
        for name, catalog in body["catalogs"].items():
            out[name] = {}
            for key, (ra, dec) in where["radec"].items():
                near = [d for d in self.collections[name] if apart(d, ra, dec) <= where["cone_search_radius"]]
                found = [projected(d, catalog["projection"]) for d in near if fulfils(d, catalog["filter"])]
                out[name][key.replace(".", "_")] = found
        return out


def success(data: Any) -> dict[str, Any]:
    return {"status": "success", "message": "Successfully executed query", "data": data}


def fulfils(found: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
    tests = {
        "$eq": lambda a, b: a == b, "$gte": lambda a, b: a >= b, "$gt": lambda a, b: a > b, "$lt": lambda a, b: a < b,
        "$in": lambda a, b: a in b,
    }  # fmt: skip
    return all(tests[op](found[name], value) for name, ops in condition.items() for op, value in ops.items())


def projected(found: Mapping[str, Any], projection: Mapping[str, int]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for path in projection:
        head, *rest = path.split(".")
        if head not in found:
            continue
        if head == "data":
            kept = out.setdefault("data", [{} for _ in found["data"]])
            for point, there in zip(kept, found["data"], strict=True):
                point[rest[0]] = there[rest[0]]
        else:
            out[head] = found[head]
    return out


def apart(found: Mapping[str, Any], ra: float, dec: float) -> float:
    lon, lat = found["coordinates"]["radec_geojson"]["coordinates"]
    a, d, b, e = np.radians([lon + 180, lat, ra, dec])
    return (
        float(np.degrees(np.arccos(np.clip(np.sin(d) * np.sin(e) + np.cos(d) * np.cos(e) * np.cos(a - b), -1, 1))))
        * 3600
    )


def sky(rng: np.random.Generator, sources: int = 5) -> StandIn:
    """Five variable stars; one beside a bright star, one with alerts and matches."""
    arcsec = 1 / 3600
    ztf = [ztf_source(rng, k, 40.0 + 0.1 * k, 0.5 + 0.05 * k) for k in range(sources)]
    first = 40.0
    stretch = 1 / np.cos(np.radians(50.0))
    return StandIn({
        SOURCES: ztf,
        ALERTS: [document(900 + k, first + k * 0.5 * arcsec * stretch, 50.0, classifications={"braai": b})
                 for k, b in enumerate((0.9, 0.7, None))] + [document(990, 41.0, 50.0, classifications={})],
        GAIA: [document(1, 40.4 + 20 * arcsec * stretch, 50.0, phot_g_mean_mag=8.0, bp_rp=0.8),
               document(2, first + 0.2 * arcsec * stretch, 50.0, phot_g_mean_mag=15.5, bp_rp=0.6, parallax=0.25)],
        "AllWISE": [document(7, first + 1.5 * arcsec * stretch, 50.0, w1mpro=13.0, ph_qual="AAUU"),
                    document(8, first + 0.5 * arcsec * stretch, 50.0, w1mpro=12.0, ph_qual="ABUU")],
        "PS1_DR1": [],
    })  # fmt: skip


@contextmanager
def server(stand_in: StandIn) -> Iterator[int]:
    """Serve over HTTP on a free port of this machine, as Kowalski's API does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers["Authorization"] != TOKEN:
                return self.send(401, {"status": "error", "message": "auth required"})
            stand_in.asked.append(body)
            if stand_in.failures:
                return self.send(stand_in.failures.pop(0), "<html>Bad gateway</html>")
            content = stand_in.answer(body)
            return self.send(200 if content["status"] == "success" else 400, content)

        def send(self, code: int, content: Any) -> None:
            data = (content if isinstance(content, str) else json.dumps(content)).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield http.server_address[1]
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
