"""What happens to pixels before a network sees them; it is part of every model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.kernels import pixels

__all__ = ["NORMALISATIONS", "Preprocessing"]

Array = npt.NDArray[Any]

NORMALISATIONS = ("robust", "none", "l2_rows", "l2_stamps")


@dataclass(frozen=True)
class Preprocessing:
    """Planes, crop and normalisation.

    Attributes
    ----------
    planes : tuple of str
        What the planes of a cut-out are, in order, such as ``science``, ``template``, ``difference``.
    size : int
        Side of the central square that is used [pixel]; -1 for all of it.
    normalisation : str
        ``robust``: by median and MAD, with a plane for missing pixels; ``l2_rows`` and ``l2_stamps``: those of braai
        d6_m7 and d6_m9; ``none``: the pixels as they are, missing ones 0.
    """

    planes: tuple[str, ...]
    size: int = -1
    normalisation: str = "robust"

    def __post_init__(self) -> None:
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(f"no normalisation is called {self.normalisation!r}")

    @property
    def channels(self) -> int:
        """Channels of the network's input."""
        return len(self.planes) + (self.normalisation == "robust")

    def input_shape(self, ny: int, nx: int) -> tuple[int, int, int]:
        """Return the shape of the network's input for cut-outs of ny x nx pixels."""
        return (ny, nx, self.channels) if self.size < 0 else (self.size, self.size, self.channels)

    def __call__(self, cube: Array) -> Array:
        """Return the network's input.

        Parameters
        ----------
        cube : ndarray, shape (n, ny, nx, planes)

        Returns
        -------
        ndarray of float32, shape (n, size, size, channels)

        Raises
        ------
        SchemaMismatch
            If the cut-outs are too small or have other planes.
        """
        if cube.shape[-1] != len(self.planes):
            raise SchemaMismatch(
                f"cut-outs of {cube.shape[-1]} planes, the model takes {len(self.planes)}: {', '.join(self.planes)}",
                hint="choose the planes with --planes",
            )
        try:
            square = pixels.crop(cube, self.size)
        except ValueError as error:
            raise SchemaMismatch(f"the model takes {self.size} x {self.size} pixels: {error}") from error
        if self.normalisation == "robust":
            return pixels.robust(square)
        if self.normalisation == "none":
            return np.nan_to_num(np.asarray(square, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        return (pixels.l2_rows if self.normalisation == "l2_rows" else pixels.l2_stamps)(square)

    def described(self) -> dict[str, Any]:
        """The values for a JSON card."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Preprocessing:
        """Return what `described` described.

        Raises
        ------
        ValueError
            If that is no description of it.
        """
        try:
            planes = tuple(str(name) for name in content["planes"])
            return cls(planes, int(content["size"]), str(content["normalisation"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no description of preprocessing: {error}") from error
