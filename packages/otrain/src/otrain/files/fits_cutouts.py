"""FITS cut-outs of any kind -> parts of a cube."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io import stamps
from shared_io.errors import SchemaMismatch, SharedIOError

from otrain.cutouts import PLANES, Part, plane_name
from otrain.files import headers
from otrain.kernels import pixels

__all__ = ["read_parts"]

Array = npt.NDArray[Any]
CHUNK = 4096


def read_parts(paths: Iterable[str], *, planes: Sequence[str] = (), size: int = -1, workers: int = 1) -> Iterator[Part]:
    """Read cut-outs in memory that does not grow with their number.

    Files that are alike (of one size in bytes) are looked into once. A single image is read with all its planes. Of a
    file with several extensions DIFF is read where `planes` names no others.

    Parameters
    ----------
    paths : iterable of str
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
    reader = _Reader(tuple(planes), size, workers)
    rest = iter(paths)
    while chunk := list(itertools.islice(rest, CHUNK)):
        yield reader.chunk(chunk)


@dataclass(frozen=True)
class _Layout:
    """Which HDUs of alike files are read, their planes, and the shape of the (first) image."""

    hdu: int | tuple[int, ...] | None
    planes: tuple[str, ...]
    shape: tuple[int, ...]


def _look(path: str, planes: tuple[str, ...]) -> _Layout:
    from shared_io import fits

    infos = fits.inspect(path)
    images = [i for i in infos if i.kind in ("image", "compressed") and len(i.shape) in (2, 3) and 0 not in i.shape]
    if not images:
        raise SchemaMismatch("there is no image of two or three axes", path=path)
    named = {plane_name(info.name): info.index for info in images if info.name not in ("", "PRIMARY")}
    hdu, names = _chosen(images, named, planes, path)
    chosen = hdu if isinstance(hdu, tuple) else (images[0].index if hdu is None else hdu,)
    return _Layout(hdu, names, infos[chosen[0]].shape)


def _chosen(images: list[Any], named: dict[str, int], planes: tuple[str, ...], path: str
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


Piece = tuple[Array, list[int], dict[str, Array], Array, tuple[str, ...]]
"""Pixels, the places of their files, columns, edge flags, planes."""


@dataclass(frozen=True)
class _Simple:
    """The one image of a plain file, as `shared_io.fits` describes images."""

    shape: tuple[int, ...]
    index: int = 0
    name: str = ""


class _Reader:
    """Reads chunks and remembers what it has seen.

    Parameters
    ----------
    planes, size, workers
        As for `read_parts`.
    """

    def __init__(self, planes: tuple[str, ...], size: int, workers: int) -> None:
        self._planes, self._size, self._workers = planes, size, workers
        self._layouts: dict[tuple[str, int], _Layout] = {}
        self._simple = True  # whether files with one image were found so far

    def chunk(self, paths: Sequence[str]) -> Part:
        """Read some files: those with one image at once, the others by what they hold."""
        failed: dict[int, SharedIOError] = {}
        first, left = self._at_once(paths) if self._simple else (None, list(range(len(paths))))
        self._simple = first is not None
        groups: dict[_Layout, list[int]] = {}
        for place in left:
            found = self._layout(paths[place])
            if isinstance(found, SharedIOError):
                failed[place] = found
            else:
                groups.setdefault(found, []).append(place)
        pieces = [self._group(paths, layout, places, failed) for layout, places in groups.items()]
        again = self._mistaken(paths, groups, failed)
        pieces += [self._group(paths, layout, places, failed) for layout, places in again.items()]
        if first is not None:
            pieces.append(first)
        return _merged([piece for piece in pieces if piece[1]], paths, failed, self._planes)

    def _at_once(self, paths: Sequence[str]) -> tuple[Piece | None, list[int]]:
        """Read the files with one image, of the shape that most have; return the places of the others too."""
        (cut,) = stamps.chunks(paths, len(paths), keys=headers.ALL, workers=self._workers, simple=True)
        places = cut.columns["index"].data.tolist()
        left = sorted({*range(len(paths))}.difference(places)) if len(places) < len(paths) else []
        try:
            _, planes = _chosen([_Simple(cut.data.shape[1:])], {}, self._planes, paths[0])
            return (self._piece(cut, places, paths, planes), left) if places else (None, left)
        except (SchemaMismatch, ValueError):  # each file is told on its own
            return None, list(range(len(paths)))

    def _piece(self, cut: stamps.Stamps, rows: list[int], paths: Sequence[str], planes: tuple[str, ...]) -> Piece:
        data = cut.data[..., None] if cut.data.ndim == 3 else np.moveaxis(cut.data, 1, -1)
        data = pixels.crop(data, self._size)
        columns, edge = headers.columns(cut.columns, [paths[k].rpartition("/")[2] for k in rows])
        return np.asarray(data, np.float32), rows, columns, edge, planes

    def _group(self, paths: Sequence[str], layout: _Layout, places: list[int], failed: dict[int, SharedIOError]
               ) -> Piece:  # fmt: skip
        """Read files of one layout."""
        chosen = [paths[k] for k in places]
        hdu = list(layout.hdu) if isinstance(layout.hdu, tuple) else layout.hdu
        (cut,) = stamps.chunks(chosen, len(chosen), hdu=hdu, keys=headers.ALL, workers=self._workers)  # type: ignore[arg-type]
        index = dict(zip(chosen, places, strict=True))
        failed.update({index[path]: error for path, error in cut.failed})
        rows = [places[k] for k in cut.columns["index"].data.tolist()]
        try:
            return self._piece(cut, rows, paths, layout.planes)
        except ValueError as error:
            failed.update({place: SchemaMismatch(str(error), path=paths[place]) for place in rows})
            return np.zeros((0, 0, 0, 0), np.float32), [], {}, np.zeros(0, bool), ()

    def _mistaken(self, paths: Sequence[str], groups: dict[_Layout, list[int]], failed: dict[int, SharedIOError]
                  ) -> dict[_Layout, list[int]]:  # fmt: skip
        """Take those that failed because they are laid out in another way than files of their size."""
        again: dict[_Layout, list[int]] = {}
        for layout, places in groups.items():
            for place in [k for k in places if isinstance(failed.get(k), SchemaMismatch)]:
                try:
                    found = _look(paths[place], self._planes)
                except SharedIOError:
                    continue
                if found != layout:
                    again.setdefault(found, []).append(place)
                    del failed[place]
        return again

    def _layout(self, path: str) -> _Layout | SharedIOError:
        """The layout of a file: that of another one of the same size and suffix, or an error of its own."""
        suffix = path.rpartition("/")[2].rpartition(".")[2].lower()
        try:
            key = (suffix, os.stat(path).st_size)  # noqa: PTH116 (a Path takes longer to make than the answer)
        except OSError:
            key = (suffix, -1)
        if key not in self._layouts:
            try:
                found = _look(path, self._planes)
            except SharedIOError as error:
                return error
            if len(self._layouts) > 4 * CHUNK:
                self._layouts.clear()
            self._layouts[key] = found
        return self._layouts[key]


def _merged(
    pieces: list[Piece], paths: Sequence[str], failed: dict[int, SharedIOError], planes: tuple[str, ...]
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
            failed.update({k: odd_shape(data.shape[1:], shape, paths[k]) for k in rows})
    names = max((piece[4] for piece in kept), key=len) or planes
    if len(names) != shape[2]:
        names = ("difference",) if shape[2] == 1 else tuple(f"plane{k}" for k in range(shape[2]))
        names = tuple(PLANES) if shape[2] == 3 else names
    if len(kept) == 1:
        data, rows, columns, edge, _ = kept[0]
        return Part(data, columns, edge, [paths[k] for k in rows], names, _failures(paths, failed))
    places = np.concatenate([np.array(rows, int) for _, rows, *_ in kept])
    order = np.argsort(places, kind="stable")
    columns = {name: np.concatenate([piece[2][name] for piece in kept])[order] for name in kept[0][2]}
    data = np.concatenate([piece[0] for piece in kept])[order]
    return Part(
        data, columns, np.concatenate([piece[3] for piece in kept])[order],
        [paths[k] for k in places[order].tolist()], names, _failures(paths, failed),
    )  # fmt: skip


def odd_shape(found: tuple[int, ...], wanted: tuple[int, ...], path: str) -> SchemaMismatch:
    """Return the error of a cut-out whose shape is not that of the others."""
    text = " of ".join((f"{found[1]} x {found[0]} pixels", f"{found[2]} planes"))
    return SchemaMismatch(
        f"{text}, but the others have {wanted[1]} x {wanted[0]} of {wanted[2]}", path=path,
        hint="crop all to one size with --cutout-size",
    )  # fmt: skip


def _failures(paths: Sequence[str], failed: dict[int, SharedIOError]) -> list[tuple[str, SharedIOError]]:
    return [(paths[k], failed[k]) for k in sorted(failed)]
