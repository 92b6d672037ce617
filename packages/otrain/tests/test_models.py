from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from conftest import done, random_model, random_network, run, stars
from shared_io import hdf5
from shared_io.errors import CorruptInput, SchemaMismatch, SharedIOError, UnsafeInput

from otrain import graph
from otrain.files.keras_h5 import read_keras_h5
from otrain.files.load import load
from otrain.files.models import card_path, read_model, write_model
from otrain.inference import Classifier
from otrain.model import Card, Model
from otrain.network import Network, architecture


def test_a_model_comes_back(tmp_path: Path) -> None:
    model = random_model(planes=3, prior=0.2, threshold=0.7, training={"seed": 1})
    model = Model(model.card, model.onnx, np.array([1.0, -2.0]), np.array([True, False]))
    write_model(model, tmp_path / "m.h5")
    found = read_model(tmp_path / "m.h5")
    one, two = (json.dumps(card.described(), sort_keys=True) for card in (found.card, model.card))
    assert one == two
    assert found.onnx == model.onnx
    assert (found.z.tolist(), found.truth.tolist()) == ([1.0, -2.0], [True, False])
    assert json.loads(card_path(tmp_path / "m.h5").read_text())["threshold"] == 0.7
    first = (tmp_path / "m.h5").read_bytes()
    write_model(model, tmp_path / "m.h5", overwrite=True)
    assert (tmp_path / "m.h5").read_bytes() == first
    assert load(tmp_path / "m.h5").threshold == pytest.approx(0.7)


def rewritten(path: Path, **changes: Any) -> None:
    with hdf5.reader(path) as file:
        arrays, attrs = file.arrays("model"), file.attrs("model")
    attrs |= {k: v for k, v in changes.items() if k in attrs}
    arrays |= {k: v for k, v in changes.items() if k in arrays}
    with hdf5.writer(path, overwrite=True) as out:
        out.add("model", arrays, attrs)


@pytest.mark.parametrize("harm", ["weights", "card", "format", "json", "views"])
def test_models_that_were_altered_are_refused(harm: str, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    write_model(random_model(), path)
    card = read_model(path).card.described()
    changes: dict[str, Any] = {
        "weights": {"onnx": np.zeros(10, "u1")}, "card": {"card": json.dumps({**card, "layers": 3, "shape": "x"})},
        "format": {"format": "other"}, "json": {"card": "{"}, "views": {"card": json.dumps({**card, "views": 99})},
    }[harm]  # fmt: skip
    rewritten(path, **changes)
    with pytest.raises(CorruptInput if harm != "format" else SchemaMismatch):
        read_model(path)


def test_every_cut_model_file_is_refused(tmp_path: Path) -> None:
    write_model(random_model(), tmp_path / "m.h5")
    whole = (tmp_path / "m.h5").read_bytes()
    for part in np.linspace(0, len(whole) - 1, 12).astype(int).tolist():
        (tmp_path / "cut.h5").write_bytes(whole[:part])
        with pytest.raises(SharedIOError):
            read_model(tmp_path / "cut.h5")


def keras2(path: Path, network: Network, *, softmax: bool, config: dict[str, Any] | None = None) -> None:
    """Write a file as Keras 2 does: configuration as JSON, weights in groups."""
    layers = []
    for layer in network.layers:
        kind = {"conv": "Conv2D", "dense": "Dense", "maxpool": "MaxPooling2D", "avgpool": "AveragePooling2D",
                "flatten": "Flatten"}[layer.kind]  # fmt: skip
        own: dict[str, Any] = {"name": layer.name, "activation": layer.activation, "padding": layer.padding}
        if kind == "Conv2D":
            own |= {"filters": layer.size, "kernel_size": layer.kernel, "strides": [layer.stride] * 2}
        elif kind == "Dense":
            own |= {"units": 2 if softmax and layer is network.layers[-1] else layer.size}
        elif kind.endswith("2D"):
            own |= {"pool_size": layer.kernel, "strides": [layer.stride] * 2, "padding": "valid"}
        layers.append({"class_name": kind, "config": own})
    layers[0]["config"]["batch_input_shape"] = [None, *network.shape]
    layers[-1]["config"]["activation"] = "softmax" if softmax else "sigmoid"
    layers.insert(2, {"class_name": "Dropout", "config": {"name": "drop", "rate": 0.5}})
    described = {"class_name": "Sequential", "config": {"name": "x", "layers": layers}} if config is None else config
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(described)
        file.attrs["keras_version"] = "2.2.4-tf"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in network.weights]
        for name, (kernel, bias) in network.weights.items():
            if softmax and name == network.layers[-1].name:
                kernel, bias = np.concatenate([0 * kernel + 0.3, kernel + 0.3], axis=1), np.array([0.1, bias[0] + 0.1])
            group = root.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            group[f"{name}/kernel:0"], group[f"{name}/bias:0"] = kernel, bias


@pytest.mark.parametrize("softmax", [False, True])
def test_keras_2_models_are_rebuilt_layer_by_layer(softmax: bool, tmp_path: Path) -> None:
    network = random_network((16, 16, 1), "otrain")
    keras2(tmp_path / "old.h5", network, softmax=softmax)
    found = read_keras_h5(tmp_path / "old.h5")
    x = np.random.default_rng(0).normal(size=(9, 16, 16, 1)).astype("f4")
    np.testing.assert_allclose(found(x), network(x), atol=2e-5)
    done("otrain import old.h5 -o new.h5 --planes difference --normalisation none", tmp_path)
    classifier = load(tmp_path / "new.h5")
    expected = 1 / (1 + np.exp(-network(x).astype(float)))
    np.testing.assert_allclose(classifier.predict(x).probability, expected, atol=1e-5)


def test_models_of_todays_keras_are_rebuilt_too(tmp_path: Path) -> None:
    from otrain.training import framework

    keras = framework.load()
    of = keras.layers
    model = keras.Sequential([
        keras.Input((16, 16, 2)), of.Conv2D(4, 3, padding="same"), of.BatchNormalization(), of.ReLU(),
        of.MaxPooling2D(2), of.Conv2D(5, 3, strides=2, activation="relu"), of.BatchNormalization(),
        of.GlobalAveragePooling2D(), of.Dense(6, activation="tanh"), of.Dense(2), of.Softmax(),
    ])  # fmt: skip
    for weight in model.weights:
        if "moving" in weight.path:
            weight.assign(np.random.default_rng(0).uniform(0.5, 2, weight.shape))
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "today.h5")
    x = np.random.default_rng(1).normal(size=(7, 16, 16, 2)).astype("f4")
    wanted = np.asarray(model.predict_on_batch(x))[:, 1]
    found = read_keras_h5(tmp_path / "today.h5")(x)
    np.testing.assert_allclose(1 / (1 + np.exp(-found)), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "words"),
    [("Lambda", "class 'Lambda' is not known"), ("LSTM", "class 'LSTM'")],
)
def test_layers_that_run_code_or_are_unknown_are_refused(layer: str, words: str, tmp_path: Path) -> None:
    network = random_network((16, 16, 1))
    config = {"class_name": "Sequential", "config": {"layers": [
        {"class_name": layer, "config": {"name": "evil", "function": ["import os", None, None], "batch_input_shape":
                                         [None, 16, 16, 1]}}]}}  # fmt: skip
    keras2(tmp_path / "bad.h5", network, softmax=False, config=config)
    code, _, errors = run("otrain import bad.h5 -o new.h5 --preset otrain", tmp_path)
    assert code == 4
    assert words in errors
    assert not (tmp_path / "new.h5").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"class_name": "Sequential", "config": {"layers": [{}]}}', "3"])
def test_descriptions_that_are_none(text: str, tmp_path: Path) -> None:
    keras2(tmp_path / "bad.h5", random_network((16, 16, 1)), softmax=False)
    with h5py.File(tmp_path / "bad.h5", "a") as file:
        file.attrs["model_config"] = text
    with pytest.raises(SharedIOError, match=r"bad\.h5"):
        read_keras_h5(tmp_path / "bad.h5")


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("meaning", ["probability", "logit"])
def test_onnx_models_of_others(first: bool, meaning: str, tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(16 * 16 * 2, 2)).astype("f4") * 0.05
    size = ["n", 2, 16, 16] if first else ["n", 16, 16, 2]
    nodes = [helper.make_node("Flatten", ["in"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["two"])]
    if meaning == "probability":
        nodes.append(helper.make_node("Softmax", ["two"], ["out"], axis=1))
    end = "out" if meaning == "probability" else "two"
    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("in", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n", 2])], [numpy_helper.from_array(kernel, "w")],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.save(model, tmp_path / "other.onnx")
    line = f"otrain import other.onnx -o new.h5 --planes science difference --normalisation none --meaning {meaning}"
    done(line, tmp_path)
    x = rng.normal(size=(5, 16, 16, 2)).astype("f4")
    flat = (np.moveaxis(x, -1, 1) if first else x).reshape(5, -1)
    two = flat @ kernel
    wanted = 1 / (1 + np.exp(two[:, 0] - two[:, 1]))
    classifier = load(tmp_path / "new.h5")
    np.testing.assert_allclose(classifier.predict(x).probability, wanted, atol=1e-5)
    with pytest.raises(SchemaMismatch, match="occlusion"):
        _ = classifier.networks


def test_onnx_models_that_read_other_files_are_refused(tmp_path: Path) -> None:
    import onnx
    from onnx.external_data_helper import convert_model_to_external_data

    model = onnx.load_model_from_string(graph.to_onnx([random_network((16, 16, 2))]))
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, tmp_path / "other.onnx")
    code, _, errors = run("otrain import other.onnx -o n.h5 --planes a b --normalisation none", tmp_path)
    assert code == 4
    assert "other files" in errors
    with pytest.raises(CorruptInput):
        graph.checked(b"not a model at all")
    model = onnx.load_model_from_string(graph.to_onnx([random_network((16, 16, 2))]))
    model.opset_import.add().domain = "evil.ops"
    with pytest.raises(UnsafeInput, match=r"evil\.ops"):
        graph.checked(model.SerializeToString())


def test_export_gives_the_same_numbers(tmp_path: Path) -> None:
    import onnxruntime

    model = random_model(planes=3)
    write_model(model, tmp_path / "m.h5")
    done("otrain export m.h5 -o m.onnx", tmp_path)
    cube = stars(5, planes=3).pixels
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {"stamps": model.card.preprocessing(cube)})[0]
    np.testing.assert_allclose(found, Classifier(model).logits(cube), atol=1e-6)
    assert json.loads(session.get_modelmeta().custom_metadata_map["otrain.card"])["name"] == "random"
    assert "random" in done("otrain card m.h5", tmp_path)


def test_cards_that_make_no_sense() -> None:
    good = random_model().card.described()
    for changes in ({"views": 0}, {"slope": float("nan")}, {"shape": []}, {"preprocessing": {}}, {"members": 0}):
        with pytest.raises(ValueError, match=r"card|preprocessing|sense|min"):
            Card.from_json({**good, **changes})
    assert len(architecture("otrain")) == 15
