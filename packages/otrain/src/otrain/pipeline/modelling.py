"""Models of other programs -> models with a card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared_io.errors import SchemaMismatch
from shared_io.provenance import digest

from otrain import graph
from otrain.files.keras_h5 import read_keras_h5
from otrain.files.models import write_model
from otrain.files.onnx_files import Meaning, read_onnx
from otrain.model import Card, Model
from otrain.pipeline.running import provenance
from otrain.preprocessing import Preprocessing

__all__ = ["PRESETS", "ImportRequest", "import_model"]

TRIPLET = ("science", "template", "difference")

PRESETS: dict[str, tuple[tuple[str, ...], str]] = {
    "otrain": (("difference",), "none"), "braai": (TRIPLET, "l2_rows"), "braai-d6_m9": (TRIPLET, "l2_stamps"),
}  # fmt: skip
"""Planes and normalisation of published families of models."""


@dataclass(frozen=True)
class ImportRequest:
    """A model of another program; see the options of ``otrain import``."""

    source: Path
    output: Path
    planes: tuple[str, ...] = ()
    normalisation: str | None = None
    preset: str | None = None
    architecture: Path | None = None
    meaning: Meaning = Meaning.PROBABILITY
    threshold: float = 0.5
    licence: str = ""


def import_model(request: ImportRequest, *, overwrite: bool = False) -> Card:
    """Rebuild a Keras (.h5) or ONNX model layer by layer and write it with a card.

    Parameters
    ----------
    request : ImportRequest
    overwrite : bool
        Replace files that are there.

    Returns
    -------
    Card
        Calibration is none: the probabilities are the model's own.

    Raises
    ------
    SchemaMismatch
        If planes or normalisation are not told, or do not fit the model.
    """
    planes, normalisation = PRESETS.get(request.preset or "", (request.planes, request.normalisation or ""))
    planes, normalisation = request.planes or planes, request.normalisation or normalisation
    if not planes or not normalisation:
        raise SchemaMismatch(
            "the planes of the cut-outs and their normalisation are not in the file", path=request.source,
            hint=f"give --planes and --normalisation, or --preset {', '.join(PRESETS)}",
        )  # fmt: skip
    layers: list[dict[str, object]] = []
    if request.source.suffix.lower() == ".onnx":
        channels = len(planes) + (normalisation == "robust")
        data, shape = read_onnx(request.source, channels, request.meaning)
    else:
        network = read_keras_h5(request.source, request.architecture)
        data, shape, layers = graph.to_onnx([network]), network.shape, network.described()
    prepare = Preprocessing(planes, shape[0] if shape[0] == shape[1] else -1, normalisation)
    if shape[2] != prepare.channels:
        raise SchemaMismatch(f"the model takes {shape[2]} channels, not {prepare.channels}", path=request.source)
    name = request.output.stem
    training = {"imported_sha256": digest(request.source)}
    card = Card(name, "imported", shape, 1, layers, prepare, threshold=request.threshold, training=training,
                licence=request.licence, source=request.source.name)  # fmt: skip
    made = provenance("import", {"planes": list(planes), "normalisation": normalisation}, [request.source])
    write_model(Model(card, data), request.output, overwrite=overwrite, provenance=made)
    return card
