"""Models seen through a PSF, kept on disk under a name made from their content: drawn once, whatever asks for them.

The folder is ``$DRE_CACHE``, else ``dre`` in the user's cache folder; ``DRE_CACHE=off`` keeps nothing. It holds
4 GB, then what was not used for longest goes. A file is a checksum and the models; one that is damaged is made anew.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shared_io import atomic
from shared_io.errors import SharedIOError

LARGEST = 4 * 2**30
"""Bytes in the folder."""

_SUM = 32
_DRAWING = 2
"""Number of the way models are drawn: others of before are not taken for them."""

log = logging.getLogger(__name__)


def folder() -> Path | None:
    """Where grids are kept; None: nowhere."""
    named = os.environ.get("DRE_CACHE")
    if named is not None:
        return None if named in {"", "off"} else Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dre"


def kept(
    content: tuple[object, ...], shape: tuple[int, ...], make: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Return the array that is kept for some content, or make and keep it.

    Parameters
    ----------
    content : tuple
        All that decides what the array holds: values with an exact ``repr``, and bytes.
    shape : tuple of int
    make : callable
        Makes the array, of float32 and that shape.
    """
    from dre import __version__

    home = folder()
    if home is None:
        return make()
    digest = sha256(repr((__version__, _DRAWING, shape)).encode())
    for part in content:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
    path = home / f"{digest.hexdigest()}.grid"
    found = _read(path, shape)
    if found is None:
        found = np.ascontiguousarray(make(), np.dtype("<f4"))
        _write(path, found)
    return found


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    models = np.empty(shape, np.dtype("<f4"))
    try:
        with path.open("rb", buffering=0) as file:
            total = file.read(_SUM)
            size = file.readinto(models.data.cast("B")) if models.size else 0
        if size != models.nbytes or sha256(models.data.cast("B")).digest() != total:
            log.info("%s is damaged and is made again", path)
            return None
        os.utime(path)
    except OSError:
        return None
    return models


def _write(path: Path, models: NDArray[np.float32]) -> None:
    try:
        with atomic.atomic_path(path, overwrite=True) as temporary, temporary.open("wb") as file:
            data = models.data.cast("B")
            file.write(sha256(data).digest())
            file.write(data)
        _make_room(path)
    except (OSError, SharedIOError) as error:
        log.info("the models are not kept: %s", error)


def _make_room(newest: Path) -> None:
    files = sorted(((path.stat().st_mtime, path) for path in newest.parent.glob("*.grid")), reverse=True)
    total = 0
    for _, path in files:
        total += path.stat().st_size
        if total > LARGEST and path != newest:
            path.unlink(missing_ok=True)
