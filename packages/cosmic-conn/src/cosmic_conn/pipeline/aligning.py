"""Phase one of a reduction: sequences of exposures into aligned files."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from shared_io import batch, fits, ledger
from shared_io.errors import SchemaMismatch, SharedIOError
from shared_io.provenance import Provenance, digest

from cosmic_conn.files.exposures import Frame, read_frame, with_system_of
from cosmic_conn.files.keywords import LCO, Keywords, number
from cosmic_conn.files.sequences import Aligned, write_aligned
from cosmic_conn.labelling.aligning import align, reference_of
from cosmic_conn.labelling.naming import aligned_name, base_name

__all__ = ["AlignRequest", "Sequence", "align_files"]

PREVIEWS = "aligned_png"


@dataclass(frozen=True)
class AlignRequest:
    """How to align.

    Attributes
    ----------
    order
        Interpolation.
    keywords
        Which cards mean what.
    preview
        Whether previews are drawn.
    compat
        Whether bad pixels are filled and taken for valid, as in Cosmic-CoNN.
    """

    order: str = "nearest-neighbor"
    keywords: Keywords = field(default=LCO)
    preview: bool = True
    compat: bool = False


@dataclass(frozen=True)
class Sequence:
    """Exposures of one field, and the folder of their aligned file."""

    paths: tuple[Path, ...]
    folder: Path

    @property
    def target(self) -> Path:
        """The aligned file."""
        return self.folder / aligned_name(self.paths[0].name, len(self.paths))

    @property
    def preview(self) -> Path:
        """Its picture."""
        return self.folder.parent / PREVIEWS / f"{base_name(self.target)}.png"


def align_files(
    sequences: Iterable[Sequence],
    request: AlignRequest,
    home: Path,
    *,
    overwrite: bool = False,
    resume: bool = True,
    cpus: int = 1,
) -> batch.Report:
    """Align sequences, each by itself: a bad one never stops the others, and the exposures are only read.

    Parameters
    ----------
    sequences
        What to align.
    request
        How.
    home
        Folder of the ledger.
    overwrite, resume, cpus
        As ``overwrite``, ``resume`` and ``workers`` of `shared_io.batch.run`.
    """
    units = [_unit(sequence, request) for sequence in sequences]
    return batch.run(
        units, partial(_work, request=request), overwrite=overwrite, resume=resume, what="alignments", workers=cpus,
        ledger=ledger.home(home, "cosmic-conn", "align"),
    )  # fmt: skip


def _unit(sequence: Sequence, request: AlignRequest) -> batch.Unit:
    from cosmic_conn import __version__

    try:
        inputs, wrong = {path.name: digest(path) for path in sequence.paths}, None
    except SharedIOError as error:
        inputs, wrong = {}, str(error)
    config = dataclasses.asdict(dataclasses.replace(request, preview=True))  # it changes nothing
    made = Provenance("cosmic-conn", __version__, "align", config, inputs)
    outputs = (sequence.target, sequence.preview) if request.preview else (sequence.target,)
    return batch.Unit(str(sequence.paths[0]), outputs, made, (sequence, wrong))


def _work(unit: batch.Unit, *, request: AlignRequest) -> str:
    sequence, wrong = cast(tuple[Sequence, str | None], unit.payload)
    if wrong:
        raise SharedIOError(wrong)
    frames = [read_frame(path) for path in sequence.paths]
    middle = reference_of(len(frames))
    pixels, valid = align([_cleaned(f, request) for f in frames], _systems(frames, sequence), request.order)
    if not valid.any():
        raise SchemaMismatch("its exposures have no pixel in common", path=sequence.paths[0])
    headers = tuple(
        with_system_of(frame.header, frames[middle].header, base_name(path))
        for frame, path in zip(frames, sequence.paths, strict=True)
    )
    made = Aligned(pixels, valid, headers, _primary(sequence, request), frames[middle].catalogue)
    if request.preview:
        from cosmic_conn.figures import save, stack_sheet

        save(stack_sheet([base_name(path) for path in sequence.paths], pixels), sequence.preview)
    write_aligned(sequence.target, made, unit.provenance)
    return f"{len(frames)} frames, {100 * valid.mean():.1f} % of the pixels in common"


def _systems(frames: list[Frame], sequence: Sequence) -> list[Any]:
    from astropy.wcs import WCS

    found = []
    for frame, path in zip(frames, sequence.paths, strict=True):
        try:
            with fits.quiet():
                found.append(WCS(frame.header).celestial)
        except ValueError as error:
            raise SchemaMismatch(f"its world coordinates cannot be read: {error}", path=path) from error
    return found


def _cleaned(frame: Frame, request: AlignRequest) -> npt.NDArray[np.float32]:
    """Return the pixels with bad ones lost (NaN), or as Cosmic-CoNN fills them."""
    if frame.bad is None:
        return frame.pixels
    if not request.compat:
        return np.where(frame.bad & 1, np.float32(np.nan), frame.pixels)
    filled = np.where(frame.bad & 1, np.float32(np.median(frame.pixels)), frame.pixels)
    full = number(frame.header, request.keywords.saturation)
    return filled if full is None else np.where(frame.bad == 2, np.float32(0.9 * full), filled)


def _primary(sequence: Sequence, request: AlignRequest) -> Any:
    from astropy.io.fits import Header

    header = Header()
    header["ALIGNREF"] = (base_name(sequence.paths[reference_of(len(sequence.paths))]), "frame that defines the grid")
    header["ALIGNORD"] = (request.order, "interpolation of the others")
    return header
