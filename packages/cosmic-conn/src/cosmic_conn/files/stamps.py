"""Charge of single cosmic rays, cut out of real frames."""

from __future__ import annotations

import json
import os

import numpy as np
import numpy.typing as npt
from shared_io.errors import CorruptInput, InputNotFound

__all__ = ["read_stamps"]

Array = npt.NDArray[np.float32]


def read_stamps(path: str | os.PathLike[str]) -> list[Array]:
    """Read charge stamps of real cosmic rays: a JSON list of objects with ``flux`` [e-] and ``flagged``, both 2-D.

    Pixels more than two away from a flagged one are set to zero: they hold noise of the frame that the stamp is from.

    Raises
    ------
    InputNotFound, CorruptInput
        When there is no such file, or it holds something else.
    """
    from scipy.ndimage import binary_dilation

    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if not isinstance(content, list) or not content:
            raise ValueError("not a list")
        flux = [np.array(item["flux"], dtype=np.float32) for item in content]
        if any(f.ndim != 2 or np.shape(item["flagged"]) != f.shape for f, item in zip(flux, content, strict=True)):
            raise ValueError("shapes differ")
        near = [binary_dilation(np.array(item["flagged"], dtype=bool), np.ones((3, 3))) for item in content]
        return [np.where(n, np.maximum(f, 0), np.float32(0)) for f, n in zip(flux, near, strict=True)]
    except FileNotFoundError as error:
        raise InputNotFound("no such file", path=path) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptInput("not a list of cosmic-ray stamps with flux and flagged", path=path) from error
