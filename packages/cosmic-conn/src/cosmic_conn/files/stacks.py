"""From an aligned file to a stack in electrons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from cosmic_conn.files.keywords import Keywords, number, text
from cosmic_conn.files.sequences import Aligned
from cosmic_conn.labelling.naming import base_name
from cosmic_conn.labelling.spectra import without_overscan
from cosmic_conn.labelling.stack import Stack

__all__ = ["frame_names", "gains_of", "spectra_of", "stack_of"]


def frame_names(aligned: Aligned) -> list[str]:
    """Return the names of the frames: what their headers say, else their numbers."""
    named = (text(h, "FILENAME") for h in aligned.headers)
    return [base_name(name) if name else f"frame {index}" for index, name in enumerate(named, 1)]


def gains_of(aligned: Aligned, keywords: Keywords) -> list[float]:
    """Return the gain of each frame, 1 where its header has none [e-/ADU]."""
    known = (number(h, keywords.gain, 1.0) or 1.0 for h in aligned.headers)
    return [gain if gain > 0 else 1.0 for gain in known]


def spectra_of(aligned: Aligned, keywords: Keywords) -> tuple[Stack, npt.NDArray[np.bool_]]:
    """Return spectra in electrons, their overscan at 0, and where they are beyond the linear range."""
    frames, full = without_overscan(aligned.frames)
    gains = np.array(gains_of(aligned, keywords), dtype=np.float32)
    noises = np.array([max(number(h, keywords.read_noise) or 0.0, 0.0) for h in aligned.headers])
    return Stack(frames * gains[:, None, None], aligned.valid, noises), full


def stack_of(aligned: Aligned, keywords: Keywords, *, compat: bool = False) -> Stack:
    """Return the frames in electrons, with what their headers tell of the camera.

    Parameters
    ----------
    aligned
        The file.
    keywords
        Which cards to read.
    compat
        Whether the gain is left out and a read noise needed, as in Cosmic-CoNN.

    Raises
    ------
    SchemaMismatch
        With `compat`, when a header has no read noise.
    """
    noises = [number(h, keywords.read_noise) for h in aligned.headers]
    if compat and None in noises:
        raise SchemaMismatch(f"no {keywords.read_noise} in the header of a frame", hint="name its card with --keywords")
    gains = np.ones(len(noises)) if compat else np.array(gains_of(aligned, keywords))
    levels = [number(h, keywords.saturation) for h in aligned.headers]
    full = [level * gain for level, gain in zip(levels, gains, strict=True) if level and level > 0]
    return Stack(
        frames=aligned.frames * gains[:, None, None].astype(np.float32),
        valid=aligned.valid,
        read_noise=np.array([max(noise or 0.0, 0.0) for noise in noises]),
        saturation=min(full, default=float("inf")),
        small=frame_names(aligned)[0][3:6] == "0m4",
    )
