"""Model files: HDF5 with the ONNX graph, the objects of the calibration and the card; beside it the card as JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shared_io import atomic, hdf5
from shared_io.errors import CorruptInput, SchemaMismatch, SharedIOError
from shared_io.provenance import Provenance

from otrain.model import Card, Model

__all__ = ["card_path", "read_model", "write_model"]

FORMAT = "otrain model 1"


def card_path(path: Path) -> Path:
    """Return where the readable copy of a model's card lies: ``NAME_card.json``."""
    return path.with_name(f"{path.stem}_card.json")


def write_model(model: Model, path: Path, *, overwrite: bool = False, provenance: Provenance | None = None) -> None:
    """Write a model and the readable copy of its card.

    Parameters
    ----------
    model : Model
    path : Path
        ``NAME.h5``.
    overwrite : bool
        Replace files that are there.
    provenance : Provenance, optional
    """
    card = json.dumps(model.card.described(), sort_keys=True, allow_nan=False)
    arrays: dict[str, npt.ArrayLike] = {
        "onnx": np.frombuffer(model.onnx, np.uint8), "z": np.asarray(model.z, np.float64),
        "truth": np.asarray(model.truth, np.uint8),
    }  # fmt: skip
    attrs = {"format": FORMAT, "card": card, "sha256": hashlib.sha256(model.onnx).hexdigest()}
    with hdf5.writer(path, compression="none", overwrite=overwrite, provenance=provenance) as out:
        out.add("model", arrays, attrs)
    readable = json.dumps(model.card.described(), indent=1, sort_keys=True) + "\n"
    atomic.write_text(card_path(path), readable, overwrite=overwrite)


def read_model(path: Path) -> Model:
    """Read a model; nothing in it is executed but the network's own arithmetic.

    Raises
    ------
    InputNotFound, CorruptInput
        If the file cannot be read.
    SchemaMismatch
        If it is another program's model: it has no card.
    """
    with hdf5.reader(path) as file:
        if "model" not in file.names:
            raise SchemaMismatch(
                "a model without a card: how its input is normalised is not known", path=path,
                hint="import it once: otrain import FILE -o NAME.h5 --planes ... --normalisation ...",
            )  # fmt: skip
        arrays, attrs = file.arrays("model"), file.attrs("model")
    try:
        if attrs["format"] != FORMAT:
            raise SchemaMismatch(f"a model of format {attrs['format']!r}, not {FORMAT!r}", path=path)
        card = Card.from_json(json.loads(attrs["card"]))
        onnx = arrays["onnx"].astype(np.uint8).tobytes()
        if hashlib.sha256(onnx).hexdigest() != attrs["sha256"]:
            raise CorruptInput("the network is not the one that the card was made for", path=path)
        return Model(card, onnx, arrays["z"].astype(np.float64), arrays["truth"].astype(bool))
    except SharedIOError:
        raise
    except (KeyError, ValueError) as error:
        raise CorruptInput(f"this model file is not sound: {error}", path=path) from error
