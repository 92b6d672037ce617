"""ONNX models of others -> graphs that take our cut-outs and give logits; and ours as ONNX files."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io import atomic, limits
from shared_io.errors import InputNotFound, SchemaMismatch

from otrain import graph
from otrain.model import Model

if TYPE_CHECKING:
    import onnx

__all__ = ["Meaning", "read_onnx", "write_onnx"]


class Meaning(StrEnum):
    """What the output of a model is."""

    PROBABILITY = "probability"
    LOGIT = "logit"


def read_onnx(path: Path, planes: int, meaning: Meaning) -> tuple[bytes, tuple[int, int, int]]:
    """Read a model and put nodes around it: (n, ny, nx, planes) -> logits (n, 1).

    Parameters
    ----------
    path : Path
    planes : int
        Channels of its input; they may come first or last.
    meaning : Meaning
        Of its output, of shape (n, 1) or (n, 2), the second being the class of real objects.

    Returns
    -------
    data : bytes
    shape : tuple of int
        Of the input: (ny, nx, planes).

    Raises
    ------
    SchemaMismatch
        If inputs or outputs are others.
    """
    try:
        limits.check_bytes(path.stat().st_size, path=path, what="model")
        model = graph.checked(path.read_bytes(), str(path))
    except OSError as error:
        raise InputNotFound(f"cannot be read: {error.strerror}", path=path) from error
    own = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in own]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise SchemaMismatch(f"{len(inputs)} inputs and {len(model.graph.output)} outputs, not one each", path=path)
    size = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    units = [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim]
    if len(size) != 4 or planes not in (size[1], size[3]) or len(units) != 2 or units[1] not in (1, 2):
        raise SchemaMismatch(f"an input of shape {size} and an output of shape {units}", path=path,
                             hint="cut-outs of the named planes in, one or two classes out")  # fmt: skip
    first = size[3] != planes
    shape = (size[2], size[3], planes) if first else (size[1], size[2], planes)
    _wrapped(model, first=first, two=units[1] == 2, meaning=meaning, shape=shape)
    return model.SerializeToString(deterministic=True), shape


def _wrapped(model: onnx.ModelProto, *, first: bool, two: bool, meaning: Meaning, shape: tuple[int, int, int]) -> None:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    inner, outer = model.graph.input[0].name, model.graph.output[0].name
    own = {tensor.name for tensor in model.graph.initializer}
    inner = next(value.name for value in model.graph.input if value.name not in own)
    perm = [0, 3, 1, 2] if first else [0, 1, 2, 3]
    nodes = [helper.make_node("Transpose", ["otrain/stamps"], [inner], perm=perm)]
    after = []
    if two:
        difference = np.array([[-1.0], [1.0]] if meaning is Meaning.LOGIT else [[0.0], [1.0]], np.float32)
        model.graph.initializer.append(numpy_helper.from_array(difference, "otrain/second"))
        after.append(helper.make_node("MatMul", [outer, "otrain/second"], ["otrain/one"]))
        outer = "otrain/one"
    if meaning is Meaning.PROBABILITY:
        for name, value in (("low", 1e-12), ("unit", 1.0)):
            model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"otrain/{name}"))
        after += [
            helper.make_node("Sub", ["otrain/unit", outer], ["otrain/rest"]),
            helper.make_node("Max", ["otrain/rest", "otrain/low"], ["otrain/rest+"]),
            helper.make_node("Max", [outer, "otrain/low"], ["otrain/part+"]),
            helper.make_node("Div", ["otrain/part+", "otrain/rest+"], ["otrain/odds"]),
            helper.make_node("Log", ["otrain/odds"], ["otrain/logits"]),
        ]
    else:
        after.append(helper.make_node("Identity", [outer], ["otrain/logits"]))
    kept = list(model.graph.node)
    del model.graph.node[:], model.graph.input[:], model.graph.output[:]
    model.graph.node.extend([*nodes, *kept, *after])
    model.graph.input.append(helper.make_tensor_value_info("otrain/stamps", TensorProto.FLOAT, ["n", *shape]))
    model.graph.output.append(helper.make_tensor_value_info("otrain/logits", TensorProto.FLOAT, ["n", 1]))


def write_onnx(model: Model, path: Path, *, overwrite: bool = False) -> None:
    """Write the network of a model as an ONNX file, with its card in the metadata.

    Parameters
    ----------
    model : Model
    path : Path
        ``NAME.onnx``.
    overwrite : bool
    """
    import onnx

    made = onnx.load_model_from_string(model.onnx)
    entry = made.metadata_props.add()
    entry.key, entry.value = "otrain.card", json.dumps(model.card.described(), sort_keys=True)
    atomic.write_bytes(path, made.SerializeToString(deterministic=True), overwrite=overwrite)
