"""Features and periods of the variable sources of ZTF light curves."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Collections": "pipeline.inputs",
    "Cuts": "lightcurves.quality",
    "Folder": "lightcurves.folder",
    "FrequencyGrid": "periods.grid",
    "Inputs": "pipeline.inputs",
    "LightCurve": "lightcurves.record",
    "LightCurves": "lightcurves.record",
    "Options": "periods.search",
    "Periods": "periods.search",
    "Quadrant": "lightcurves.folder",
    "Recipe": "features.assembly",
    "Request": "pipeline.features",
    "Series": "periods.series",
    "clean": "lightcurves.quality",
    "dmdt": "features.dmdt",
    "find_periods": "periods.search",
    "fourier_features": "features.fourier",
    "generate": "pipeline.features",
    "measure": "features.assembly",
    "read_config": "config",
    "read_light_curves": "lightcurves.tables",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("scope")
    if name in _HOMES:
        return getattr(import_module(f"scope.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'scope' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
