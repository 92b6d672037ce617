"""Cosmic rays in astronomical CCD images: found, marked and filled."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Camera": "detection",
    "Detection": "detection",
    "Detector": "detection",
    "Settings": "detection",
    "detect": "detection",
    "detect_FITS": "compatible",
    "detect_cosmics": "compatible",
    "detect_image": "compatible",
    "fill": "clean",
    "init_model": "compatible",
    "Rules": "labelling.stack",
    "Stack": "labelling.stack",
    "label_stack": "labelling.label",
    "read_masked": "files.sequences",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("cosmic-conn")
    if name in _HOMES:
        return getattr(import_module(f"cosmic_conn.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'cosmic_conn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
