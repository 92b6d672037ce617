"""Simulated nights on disk: exposures, truths and, on request, aligned files; and labels compared with the truth."""

from __future__ import annotations

import dataclasses
import os
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from shared_io import batch, fits, ledger
from shared_io.provenance import Provenance, digest

from cosmic_conn.files.nights import CHARGE, shot_name, write_shot, write_truth
from cosmic_conn.files.sequences import read_masked
from cosmic_conn.files.stamps import read_stamps
from cosmic_conn.kernels.labels import split_small
from cosmic_conn.labelling.aligning import align
from cosmic_conn.labelling.grouping import GroupRules
from cosmic_conn.labelling.naming import RAW
from cosmic_conn.pipeline.aligning import AlignRequest, align_files
from cosmic_conn.pipeline.labelling import Request
from cosmic_conn.pipeline.reducing import Source, plan
from cosmic_conn.simulate.nights import Night, camera_of, field_of, shot_of

__all__ = ["TRUTH", "Score", "align_night", "make_night", "score_masked"]

TRUTH = "truth"
"""Folder of the truths, beside that of the exposures."""


@dataclasses.dataclass(frozen=True)
class Score:
    """Labels beside the truth, outside of what they ignore for another reason than size.

    Attributes
    ----------
    strong, found
        Pixels with a charge of eight sigma of the sky in tracks of two pixels or more, and those of them labelled.
    labelled, true
        Pixels labelled, and those of them with charge.
    """

    strong: int
    found: int
    labelled: int
    true: int

    @property
    def completeness(self) -> float:
        """Share of the strong pixels that are labelled."""
        return self.found / self.strong if self.strong else 1.0

    @property
    def purity(self) -> float:
        """Share of the labelled pixels that hold charge of a cosmic ray."""
        return self.true / self.labelled if self.labelled else 1.0


def make_night(
    folder: Path, night: Night, stamps: Path | None = None, *, overwrite: bool = False, resume: bool = True
) -> batch.Report:
    """Write the exposures of a night and the truth about them.

    Parameters
    ----------
    folder
        Exposures go into ``banzai_frms`` in it, truths into ``truth``.
    night
        What it is like.
    stamps
        JSON of real cosmic rays, which then make half of the tracks.
    overwrite, resume
        As for `shared_io.batch.run`.
    """
    from cosmic_conn import __version__

    inputs = {} if stamps is None else {stamps.name: digest(stamps)}
    units = []
    for index in np.ndindex(night.fields, night.frames):
        name = shot_name(night, cast(tuple[int, int], index))
        outputs = (folder / RAW / f"{name}.fits", folder / TRUTH / f"{name}.fits")
        made = Provenance(
            "cosmic-conn", __version__, "simulate night", {**dataclasses.asdict(night), "index": index}, inputs
        )
        units.append(batch.Unit(name, outputs, made, index))
    return batch.run(
        units, partial(_work, night=night, stamps=stamps), overwrite=overwrite, resume=resume, what="exposures",
        ledger=ledger.home(folder, "cosmic-conn", "simulate"),
    )  # fmt: skip


def align_night(folder: Path, *, overwrite: bool = False, resume: bool = True) -> batch.Report:
    """Align the exposures of a night, as phase one of a reduction does; the files go into ``aligned_fits``."""
    request = Request()
    planned = plan([Source(folder / RAW, folder)], GroupRules(), request, aligned=False)
    return align_files(planned.sequences, AlignRequest(preview=False), folder, overwrite=overwrite, resume=resume)


def score_masked(path: str | os.PathLike[str], truth: Path) -> Score:
    """Compare the labels of a masked file with the truths of its frames.

    Parameters
    ----------
    path
        A masked file of a simulated night.
    truth
        Folder of the truths.

    Raises
    ------
    InputNotFound
        When a truth is not there.
    """
    masked = read_masked(path)
    names = [str(header["FILENAME"]) for header in masked.headers]
    charge = np.stack(
        [_aligned_charge(truth / f"{name}.fits", header) for name, header in zip(names, masked.headers, strict=True)]
    )
    sky = np.array([h["L1MEDIAN"] * h["GAIN"] + h["RDNOISE"] ** 2 for h in masked.headers])
    sigma = np.sqrt(sky)[:, None, None]
    strong = (charge >= 8 * sigma) & _in_tracks(charge >= sigma) & ((masked.ignore & 7) == 0)
    return Score(
        int(strong.sum()), int((strong & masked.cr).sum()), int(masked.cr.sum()), int((masked.cr & (charge > 0)).sum())
    )


def _work(unit: batch.Unit, *, night: Night, stamps: Path | None) -> str:
    index = cast(tuple[int, int], unit.payload)
    camera = camera_of(night)
    shot = shot_of(night, camera, field_of(night, index[0]), index, read_stamps(stamps) if stamps else ())
    write_shot(unit.outputs[0], night, camera, shot, index, unit.provenance)
    write_truth(unit.outputs[1], night, shot, index, unit.provenance)
    return f"{int((shot.charge > 0).sum())} pixels with charge of cosmic rays"


def _aligned_charge(path: Path, header: Any) -> npt.NDArray[np.float32]:
    """Return the charge of a frame on the grid that a header describes, 0 where there is none."""
    from astropy.wcs import WCS

    truth = fits.read_image(path, CHARGE)
    charge = truth.data.astype(np.float32)
    with fits.quiet():
        systems = [truth.wcs.celestial, WCS(header).celestial]
    return align([charge, np.zeros_like(charge)], systems)[0][0]


def _in_tracks(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the 8-connected objects of two pixels or more in each plane."""
    return np.stack([split_small(plane, 2)[0] for plane in mask])
