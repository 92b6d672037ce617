"""FITS cut-outs of any kind -> parts of a cube."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import fits, stamps
from shared_io.errors import SchemaMismatch, SharedIOError

from otrain.cutouts import PLANES, Part, plane_name
from otrain.files import headers
from otrain.kernels import pixels

__all__ = ["read_parts"]

Array = npt.NDArray[Any]
CHUNK = 4096


def read_parts(
    paths: Iterable[Path], *, planes: Sequence[str] = (), size: int = -1, workers: int = 1
) -> Iterator[Part]:
    """Read cut-outs in memory that does not grow with their number.

    Files that are alike (of one size in bytes) are looked into once. A single image is read with all its planes. Of a
    file with several extensions DIFF is read where `planes` names no others.

    Parameters
    ----------
    paths : iterable of Path
    planes : sequence of str
        Planes to stack, by the names of `PLANES`, extensions or their numbers; ``all`` for all that have known names.
    size : int
        Crop to this side [pixel]; -1 for no crop.
    workers : int
        Processes that read.

    Yields
    ------
    Part
        For each 4096 files, those that could be read in their order, and the errors of the others.
    """
    layouts: dict[tuple[str, int], _Layout] = {}
    rest = iter(paths)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield _chunk(chunk, tuple(planes), size, workers, layouts)


@dataclass(frozen=True)
class _Layout:
    """Which HDUs of alike files are read, their planes, and the shape of the (first) image."""

    hdu: int | tuple[int, ...] | None
    planes: tuple[str, ...]
    shape: tuple[int, ...]


def _look(path: Path, planes: tuple[str, ...]) -> _Layout:
    infos = fits.inspect(path)
    images = [i for i in infos if i.kind in ("image", "compressed") and len(i.shape) in (2, 3) and 0 not in i.shape]
    if not images:
        raise SchemaMismatch("there is no image of two or three axes", path=path)
    named = {plane_name(info.name): info.index for info in images if info.name not in ("", "PRIMARY")}
    hdu, names = _chosen(images, named, planes, path)
    chosen = hdu if isinstance(hdu, tuple) else (images[0].index if hdu is None else hdu,)
    return _Layout(hdu, names, infos[chosen[0]].shape)


def _chosen(images: list[Any], named: dict[str, int], planes: tuple[str, ...], path: Path
            ) -> tuple[int | tuple[int, ...] | None, tuple[str, ...]]:  # fmt: skip
    """Return the HDUs to read and the names of their planes; no names if the one image tells how many there are."""
    if planes == ("all",):
        found = tuple(plane for plane in PLANES if plane in named)
        planes = found if len(found) > 1 else ()
    elif len(images) == 1 and len(images[0].shape) == 3:
        return None if images[0].index == 0 else images[0].index, planes
    if not planes:
        if len(images) > 1 and "difference" in named:
            return named["difference"], ("difference",)
        return None if images[0].index == 0 else images[0].index, ()
    if len(images) == 1 and len(planes) == 1:
        return None if images[0].index == 0 else images[0].index, planes
    numbers = []
    for plane in planes:
        number = int(plane) if plane.isdigit() else named.get(plane_name(plane))
        if number is None:
            raise SchemaMismatch(
                f"no extension {plane}", path=path, hint=f"there are {', '.join(named) or 'images without a name'}"
            )
        numbers.append(number)
    return tuple(numbers), tuple(plane_name(plane) for plane in planes)


def _chunk(paths: Sequence[Path], planes: tuple[str, ...], size: int, workers: int,
           layouts: dict[tuple[str, int], _Layout]) -> Part:  # fmt: skip
    groups: dict[_Layout, list[int]] = {}
    failed: dict[int, SharedIOError] = {}
    for place, path in enumerate(paths):
        found = _layout(path, planes, layouts)
        if isinstance(found, SharedIOError):
            failed[place] = found
        else:
            groups.setdefault(found, []).append(place)
    parts = [_group(paths, layout, places, size, workers, failed) for layout, places in groups.items()]
    again = _mistaken(paths, planes, groups, failed)
    parts += [_group(paths, layout, places, size, workers, failed) for layout, places in again.items()]
    return _merged([part for part in parts if part[1]], paths, failed, planes)


def _mistaken(paths: Sequence[Path], planes: tuple[str, ...], groups: dict[_Layout, list[int]],
              failed: dict[int, SharedIOError]) -> dict[_Layout, list[int]]:  # fmt: skip
    """Take those that failed because they are laid out in another way than files of their size."""
    again: dict[_Layout, list[int]] = {}
    for layout, places in groups.items():
        for place in [k for k in places if isinstance(failed.get(k), SchemaMismatch)]:
            try:
                found = _look(paths[place], planes)
            except SharedIOError:
                continue
            if found != layout:
                again.setdefault(found, []).append(place)
                del failed[place]
    return again


def _layout(path: Path, planes: tuple[str, ...], layouts: dict[tuple[str, int], _Layout]) -> _Layout | SharedIOError:
    """The layout of a file: that of another one of the same size and suffix, or an error of its own."""
    try:
        key = (path.suffix.lower(), path.stat().st_size)
    except OSError:
        key = (path.suffix.lower(), -1)
    if key not in layouts:
        try:
            found = _look(path, planes)
        except SharedIOError as error:
            return error
        if len(layouts) > 4 * CHUNK:
            layouts.clear()
        layouts[key] = found
    return layouts[key]


Piece = tuple[Array, list[int], dict[str, Array], Array, tuple[str, ...]]


def _group(paths: Sequence[Path], layout: _Layout, places: list[int], size: int, workers: int,
           failed: dict[int, SharedIOError]) -> Piece:  # fmt: skip
    """Read files of one layout: pixels, their places, columns, edge flags, planes."""
    chosen = [paths[k] for k in places]
    hdu = list(layout.hdu) if isinstance(layout.hdu, tuple) else layout.hdu
    (cut,) = stamps.chunks(chosen, len(chosen), hdu=hdu, keys=headers.ALL, workers=workers)  # type: ignore[arg-type]
    index = {str(path): place for path, place in zip(chosen, places, strict=True)}
    failed.update({index[path]: error for path, error in cut.failed})
    data = cut.data[..., None] if cut.data.ndim == 3 else np.moveaxis(cut.data, 1, -1)
    rows = [places[k] for k in np.asarray(cut.table["index"]).tolist()]
    try:
        data = pixels.crop(data, size)
    except ValueError as error:
        failed.update({place: SchemaMismatch(str(error), path=paths[place]) for place in rows})
        return data[:0], [], {}, np.zeros(0, bool), ()
    columns, edge = headers.columns(cut.table, [paths[k].name for k in rows])
    return np.asarray(data, np.float32), rows, columns, edge, layout.planes


def _merged(
    pieces: list[Piece], paths: Sequence[Path], failed: dict[int, SharedIOError], planes: tuple[str, ...]
) -> Part:
    """Put pieces of one shape together in the order of the files; those of rarer shapes have failed."""
    if not pieces:
        return Part(np.zeros((0, 0, 0, 0), np.float32), {}, np.zeros(0, bool), [], planes, _failures(paths, failed))
    count: dict[tuple[int, ...], int] = {}
    for data, rows, *_ in pieces:
        count[data.shape[1:]] = count.get(data.shape[1:], 0) + len(rows)
    shape = max(count, key=lambda one: count[one])
    kept = [piece for piece in pieces if piece[0].shape[1:] == shape]
    for data, rows, *_ in pieces:
        if data.shape[1:] != shape:
            failed.update({k: odd_shape(data.shape[1:], shape, str(paths[k])) for k in rows})
    places = np.concatenate([np.array(rows, int) for _, rows, *_ in kept])
    order = np.argsort(places, kind="stable")
    columns = {name: np.concatenate([piece[2][name] for piece in kept])[order] for name in kept[0][2]}
    names = max((piece[4] for piece in kept), key=len) or planes
    if len(names) != shape[2]:
        names = ("difference",) if shape[2] == 1 else tuple(f"plane{k}" for k in range(shape[2]))
        names = tuple(PLANES) if shape[2] == 3 else names
    data = np.concatenate([piece[0] for piece in kept])[order] if len(kept) > 1 else kept[0][0]
    return Part(
        data, columns, np.concatenate([piece[3] for piece in kept])[order],
        [str(paths[k]) for k in places[order]], names, _failures(paths, failed),
    )  # fmt: skip


def odd_shape(found: tuple[int, ...], wanted: tuple[int, ...], path: str) -> SchemaMismatch:
    """Return the error of a cut-out whose shape is not that of the others."""
    text = " of ".join((f"{found[1]} x {found[0]} pixels", f"{found[2]} planes"))
    return SchemaMismatch(
        f"{text}, but the others have {wanted[1]} x {wanted[0]} of {wanted[2]}", path=path,
        hint="crop all to one size with --cutout-size",
    )  # fmt: skip


def _failures(paths: Sequence[Path], failed: dict[int, SharedIOError]) -> list[tuple[str, SharedIOError]]:
    return [(str(paths[k]), failed[k]) for k in sorted(failed)]
