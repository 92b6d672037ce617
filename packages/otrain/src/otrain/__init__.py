"""Tell real transients from bogus ones on image cut-outs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Card": "model",
    "Classifier": "inference",
    "Cube": "cutouts",
    "Decision": "model",
    "Evaluation": "evaluation",
    "Model": "model",
    "Network": "network",
    "Plan": "training.ensemble",
    "Prediction": "inference",
    "Preprocessing": "preprocessing",
    "Recipe": "training.loop",
    "evaluate": "evaluation",
    "find_cutouts": "files.sources",
    "grad_cam": "attention",
    "leaks": "splits",
    "load": "files.load",
    "occlusion": "attention",
    "read_cube": "files.datacube",
    "read_cutouts": "files.sources",
    "read_model": "files.models",
    "split": "splits",
    "write_cube": "files.datacube",
    "write_model": "files.models",
}
_THERE = {"find_cutouts": "find", "read_cutouts": "read"}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"otrain.{_HOMES[name]}"), _THERE.get(name, name))
    raise AttributeError(f"module 'otrain' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
