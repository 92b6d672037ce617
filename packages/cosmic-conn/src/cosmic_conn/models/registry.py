"""Models by name or path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from shared_io.errors import InputNotFound, SchemaMismatch

from cosmic_conn.models.card import Card, read_card
from cosmic_conn.models.store import load

if TYPE_CHECKING:
    from cosmic_conn.network import UNet

__all__ = ["DEFAULT", "find_model", "open_model", "shipped"]

DEFAULT = "ground_imaging"

_FOLDER = Path(__file__).parent / "weights"
_PUBLISHED = {"NRES", "HST_ACS_WFC"}


def shipped() -> dict[str, Card]:
    """Return the cards of the models that come with this package, by name."""
    return {path.stem: read_card(path) for path in sorted(_FOLDER.glob("*.safetensors"))}


def find_model(model: str | os.PathLike[str]) -> Path:
    """Return the file of weights meant by a shipped model's name or a path.

    Raises
    ------
    InputNotFound
        When there is no such model.
    SchemaMismatch
        When it is a checkpoint that has to be imported first.
    """
    text = os.fspath(model)
    if text.endswith((".pth", ".pth.tar", ".pt")):
        hint = f"import it first: cosmic-conn models import {text}"
        raise SchemaMismatch("checkpoints of torch are not used as they are", path=text, hint=hint)
    if text.endswith(".safetensors") or os.sep in text:
        return Path(text)
    path = _FOLDER / f"{text}.safetensors"
    if path.is_file():
        return path
    hint = f"shipped: {', '.join(shipped()) or 'none'}; others by the path of their .safetensors"
    if text in _PUBLISHED:
        hint = f"import the published one: cosmic-conn models import cosmic-conn_*{text}*.pth"
    raise InputNotFound(f"no model is called {text!r} here", hint=hint)


def open_model(model: str | os.PathLike[str] = DEFAULT) -> tuple[UNet, Card]:
    """Return a network and its card by name or path; errors as `find_model` and `load`."""
    return load(find_model(model))
