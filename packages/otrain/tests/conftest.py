from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits as afits
from shared_io import cli

from otrain import graph
from otrain.cli import app
from otrain.cutouts import Cube
from otrain.model import Card, Model
from otrain.network import Network, architecture, one_logit
from otrain.preprocessing import Preprocessing

SIDE = 20


def pytest_configure() -> None:
    """Training in tests runs on one thread, as the machines that test have few."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")


def run(words: str | list[str], folder: Path) -> tuple[int, str, str]:
    """Run a command line in this process; return exit code, standard output and standard error."""
    listed = words.split() if isinstance(words, str) else words
    program, verb = listed[0], listed[0].removeprefix("otrain-") if "-" in listed[0] else None
    verb = "plot-results" if verb == "plots-results" else verb
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = cli.execute(app, prog=program, verb=verb, argv=[str(word) for word in listed[1:]])
    return code, out.getvalue(), errors.getvalue()


def done(words: str | list[str], folder: Path) -> str:
    """Run a command line that must succeed; return its output."""
    code, out, errors = run(words, folder)
    assert code == 0, out + errors
    return out


def stamp(rng: np.random.Generator, *, real: bool, side: int = SIDE) -> np.ndarray:
    """A star, or a cosmic ray, on a noisy sky."""
    y, x = np.mgrid[:side, :side] - side // 2
    picture = rng.normal(100, 3, (side, side))
    if real:
        return (picture + rng.uniform(60, 200) * np.exp(-(x**2 + y**2) / 6)).astype(np.float32)
    angle = rng.uniform(0, np.pi)
    line = np.abs(x * np.sin(angle) - y * np.cos(angle)) < 0.6
    return (picture + rng.uniform(60, 200) * (line & (np.hypot(x, y) < 7))).astype(np.float32)


def stars(number: int, *, seed: int = 0, side: int = SIDE, planes: int = 1) -> Cube:
    """A labelled cube of `number` stars and as many cosmic rays."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([1, 0], number)
    pixels = np.stack([
        np.stack([stamp(rng, real=bool(label), side=side) for _ in range(planes)], axis=-1) for label in labels
    ])  # fmt: skip
    n = len(labels)
    columns = {
        "candid": np.array([f"c{k}" for k in range(n)]), "mag": rng.uniform(15, 21, n),
        "magerr": rng.uniform(0.01, 0.3, n), "filter": np.array(["g", "r"])[rng.integers(0, 2, n)],
        "fwhm": rng.uniform(2, 4, n), "object": np.array([f"o{k // 2}" for k in range(n)]),
    }  # fmt: skip
    names = ("difference",) if planes == 1 else ("science", "template", "difference")
    return Cube(pixels, labels, columns, names)


def write_fits(
    path: Path, data: np.ndarray, cards: Mapping[str, Any], more: Mapping[str, np.ndarray] | None = None
) -> None:
    """Write a cut-out by astropy: a primary image, or named extensions behind an empty primary one."""
    primary = afits.PrimaryHDU(None if more else data)
    for key, value in cards.items():
        primary.header[key] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    hdus = [primary, *(afits.ImageHDU(plane, name=name) for name, plane in (more or {}).items())]
    afits.HDUList(hdus).writeto(path, overwrite=True)


CARDS = {"MAG": 18.5, "MAGERR": 0.1, "FILTER": "r", "FWHM": 2.5, "EDGE": "False"}


@pytest.fixture
def cutouts(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of a folder with true/ and false/ cut-outs of one kind."""

    def make(true: int = 6, false: int = 6, side: int = SIDE, **cards: Any) -> Path:
        rng = np.random.default_rng(1)
        for name, number in (("true", true), ("false", false)):
            for k in range(number):
                header = {**CARDS, "CANDID": f"{name}{k}", **cards}
                data = stamp(rng, real=name == "true", side=side)
                kept = {key: value for key, value in header.items() if value is not None}
                write_fits(tmp_path / "cutouts" / name / f"{k:03d}.fits", data, kept)
        return tmp_path / "cutouts"

    return make


def random_network(shape: tuple[int, int, int], name: str = "small", seed: int = 0) -> Network:
    """A network of an architecture with random weights, made without any framework."""
    rng = np.random.default_rng(seed)
    weights: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    at: tuple[int, ...] = shape
    for layer in architecture(name):
        if layer.kind in ("conv", "dense"):
            inputs = at[-1]
            size = (*layer.kernel, inputs, layer.size) if layer.kind == "conv" else (inputs, layer.size)
            kernel = rng.normal(0, (2 / np.prod(size[:-1])) ** 0.5, size)
            weights[layer.name] = (kernel.astype("f4"), rng.normal(0, 0.1, layer.size).astype("f4"))
            at = (
                (-(-at[0] // layer.stride), -(-at[1] // layer.stride), layer.size)
                if layer.kind == "conv"
                else (layer.size,)
            )
        elif layer.kind in ("maxpool", "avgpool"):
            at = (at[0] // 2, at[1] // 2, at[2])
        elif layer.kind == "flatten":
            at = (int(np.prod(at)),)
    layers, weights = one_logit(architecture(name), weights)
    return Network(layers, shape, weights)


def random_model(planes: int = 1, size: int = 16, members: int = 2, **card: Any) -> Model:
    """A model with random weights."""
    names = ("difference",) if planes == 1 else ("science", "template", "difference")
    prepare = Preprocessing(names, size)
    networks = [random_network((size, size, prepare.channels), seed=k) for k in range(members)]
    made = Card("random", "small", networks[0].shape, members, networks[0].described(), prepare, **card)
    return Model(made, graph.to_onnx(networks))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cube and a model that was trained on it by the command, once for all tests."""
    from otrain.files.datacube import write_cube

    folder = tmp_path_factory.mktemp("trained")
    write_cube(folder / "stars.npz", stars(90))
    done(TRAIN, folder)
    return folder


TRAIN = "otrain-train --cube stars.npz --model-path models --model-name m --epochs 3 --members 2 --frac 0.2"
MODEL = Path("models/CNN_training/m/m.h5")
VALIDATION = Path("models/CNN_training/m/validation_set/datacube/cube_validation.npz")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it are skipped where it is not given."""
    place = os.environ.get("ASTRO_TEST_DATA")
    if not place or not Path(place, "otrain").is_dir():
        pytest.skip("ASTRO_TEST_DATA does not name a folder with otrain/ in it")
    return Path(place, "otrain")
