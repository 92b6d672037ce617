"""Names of folders and files of a reduction, those that users of Cosmic-CoNN know."""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["ALIGNED", "LOG", "MASKED", "PREVIEWS", "RAW", "REJECTED", "aligned_name", "base_name", "masked_name"]

RAW, ALIGNED, MASKED = "banzai_frms", "aligned_fits", "masked_fits"
"""Folders of exposures, of aligned files, of masked files."""

PREVIEWS, REJECTED = "train_set_png", "rejected_frms"
"""Folders of previews where no comment is given, and of pictures of sequences with frames that give no labels."""

LOG = "CR_reduction_log"

_SUFFIXES = (".fits.fz", ".fits.gz", ".fitz", ".fits", ".fit", ".fts", ".fz")
_ALIGNED = "_aligned"


def base_name(path: str | PurePath) -> str:
    """Return the name of a file without its suffix."""
    name = PurePath(path).name
    return next((name[: -len(s)] for s in _SUFFIXES if name.lower().endswith(s) and len(name) > len(s)), name)


def aligned_name(first: str, frames: int) -> str:
    """Return the name of the aligned file of so many frames, ``FIRST_3frms_aligned.fits``."""
    return f"{base_name(first)}_{frames}frms{_ALIGNED}.fits"


def masked_name(aligned: str) -> str:
    """Return the name of the masked file that belongs to an aligned one, ``FIRST_3frms_masks.fits``."""
    return f"{base_name(aligned).removesuffix(_ALIGNED)}_masks.fits"
