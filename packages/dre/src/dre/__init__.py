"""Fit elliptical galaxies with a grid of PSF-convolved Sersic models."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "BandsFit": "bands",
    "BandsFitter": "bands",
    "CLASSIC": "grid",
    "ConvolvedGrid": "grid",
    "Fit": "compare",
    "FitFlag": "flags",
    "Fitter": "profiles",
    "GridAxes": "grid",
    "ModelGrid": "grid",
    "NoiseCorrelation": "noise",
    "PSFModel": "psf",
    "Profile": "render",
    "ProfileFit": "profiles",
    "Renderer": "render",
    "SEARCH": "search",
    "SearchGrid": "search",
    "Selection": "cutouts",
    "Stamp": "stamp",
    "bands_table": "bands_results",
    "cut": "cutouts",
    "detect": "extract.detect",
    "fit": "interface",
    "fit_bands": "bands",
    "fit_profiles": "profiles",
    "fit_stamps": "compare",
    "measure": "extract.measure",
    "mosaic_panels": "mosaic",
    "profile_table": "results",
    "psf_from_stars": "extract.stars",
    "read_catalogue": "files.catalogue",
    "read_cube": "files.cube",
    "read_cuts": "files.cuts",
    "read_psf": "files.psf",
    "simulate_tile": "simulate",
    "summary_table": "summary",
    "write_cube": "files.cube",
    "write_cuts": "files.cuts",
}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("dre")
    if name in _HOMES:
        return getattr(import_module(f"dre.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'dre' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
