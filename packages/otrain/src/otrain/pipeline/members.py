"""Finished members of an ensemble, kept until the whole is written: what a killed training goes on from."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
from shared_io import hdf5
from shared_io.errors import SharedIOError

from otrain.network import Layer, Network
from otrain.training.loop import Fitted

__all__ = ["Members"]


class Members:
    """Hidden files, one a member, that hold for one training only.

    Parameters
    ----------
    folder : Path
        Of the model.
    key : str
        Stands for data, settings and version; members of another training are not taken.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key

    def _path(self, number: int) -> Path:
        return self._folder / f".member{number}.h5"

    def load(self, number: int) -> Fitted | None:
        """Return a member, or None if it was not finished."""
        if not self._path(number).is_file():
            return None
        try:
            with hdf5.reader(self._path(number)) as file:
                arrays, attrs = file.arrays("member"), file.attrs("member")
            if attrs["key"] != self._key:
                return None
            said = json.loads(attrs["member"])
            layers = tuple(Layer.from_json(layer) for layer in said["layers"])
            weights = {name: (arrays[f"{name}.0"], arrays[f"{name}.1"]) for name in said["weighted"]}
            ny, nx, channels = said["shape"]
            return Fitted(
                Network(layers, (ny, nx, channels), weights), said["history"], said["best"], said["parameters"]
            )
        except (SharedIOError, KeyError, ValueError):  # it is trained again
            return None

    def save(self, number: int, fitted: Fitted) -> None:
        """Keep a member that is finished."""
        network = fitted.network
        arrays = {
            f"{name}.{k}": np.asarray(part) for name, pair in network.weights.items() for k, part in enumerate(pair)
        }
        said = {
            "layers": network.described(), "weighted": list(network.weights), "shape": list(network.shape),
            "history": fitted.history, "best": fitted.best, "parameters": fitted.parameters,
        }  # fmt: skip
        with hdf5.writer(self._path(number), compression="none", overwrite=True) as out:
            out.add("member", arrays, {"key": self._key, "member": json.dumps(said)})

    def clear(self, count: int) -> None:
        """Forget all of them."""
        for number in range(count):
            with contextlib.suppress(OSError):
                self._path(number).unlink(missing_ok=True)
