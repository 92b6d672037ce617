"""Light curves of more sources than memory holds: their points lie in files that nobody else sees."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
from shared_io.errors import WriteFailed

from scope.lightcurves.record import LightCurves

_OF_SOURCES = ("id", "ra", "dec", "filter", "field", "ccd", "quad", "counts")
_AT_ONCE = 1000  # sources
_OF_POINTS = ("hjd", "mag", "magerr")


def spooled(pieces: Iterable[LightCurves], folder: Path | None = None) -> LightCurves:
    """Join clean light curves; their points are read from the disk when they are asked for.

    Parameters
    ----------
    pieces : iterable of LightCurves
        Clean (:func:`scope.lightcurves.quality.clean`); each is let go before the next one is drawn.
    folder : pathlib.Path, optional
        Where there is room: 24 bytes a point. The files have no names, so that nothing is left of them, however the
        program ends.  By default where the system keeps temporary files.

    Returns
    -------
    LightCurves
        Equal to ``LightCurves.concatenate(pieces)``; its points are memory maps, and flags, all 0, take no room.

    Raises
    ------
    WriteFailed
        When there is no room.
    """
    sources: dict[str, list[np.ndarray]] = {name: [] for name in _OF_SOURCES}
    with ExitStack() as stack:
        files = {name: stack.enter_context(tempfile.TemporaryFile(dir=folder)) for name in _OF_POINTS}
        for piece in pieces:
            for name, file in files.items():
                _append(file, getattr(piece, name), folder)
            for name in _OF_SOURCES:
                sources[name].append(getattr(piece, name))
        columns = {name: _joined(parts, name) for name, parts in sources.items()}
        offsets = np.concatenate([[0], np.cumsum(columns.pop("counts"), dtype=np.int64)])
        points = {name: _mapped(file, int(offsets[-1])) for name, file in files.items()}
    return LightCurves(
        **columns, offsets=offsets, **points, catflags=np.broadcast_to(np.int64(0), int(offsets[-1]))
    )  # fmt: skip


def some(curves: LightCurves, rows: np.ndarray, folder: Path | None = None) -> LightCurves:
    """Return some of spooled light curves, by index, spooled again."""
    return spooled((curves.take(rows[k : k + _AT_ONCE]) for k in range(0, len(rows), _AT_ONCE)), folder)


def _joined(parts: list[np.ndarray], name: str) -> np.ndarray:
    return np.concatenate([np.empty(0, np.float64 if name in ("ra", "dec") else np.int64), *parts])


def _append(file: IO[bytes], values: np.ndarray, folder: Path | None) -> None:
    try:
        file.write(np.ascontiguousarray(values, np.float64).data)
    except OSError as error:
        raise WriteFailed(
            f"no room for the light curves: {error.strerror or error}", path=folder, hint="free space on that disk"
        ) from error


def _mapped(file: IO[bytes], size: int) -> np.ndarray:
    file.flush()
    return np.asarray(np.memmap(file, np.float64, "r", shape=(size,))) if size else np.empty(0)
