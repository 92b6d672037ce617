"""The card of a model: what binds weights to the network, the preprocessing and the threshold that they need."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared_io import atomic
from shared_io.errors import CorruptInput, InputNotFound, InputTooLarge, SchemaMismatch

from cosmic_conn.architecture import Architecture

__all__ = ["Card", "Front", "card_path", "read_card", "write_card"]

FORMAT = 1
_MOST_BYTES = 2**20


@dataclass(frozen=True)
class Front:
    """What the network is shown: ``scale * knee * asinh(z / knee)``, z the pixel above the sky in units of its noise.

    Attributes
    ----------
    knee
        Where compression begins [noise].
    scale
        Factor behind it; for networks trained on electrons, the usual noise of their training frames [e-].
    """

    knee: float = 4.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        for name in ("knee", "scale"):
            value = getattr(self, name)
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a number above zero, not {value!r}")


@dataclass(frozen=True)
class Card:
    """What is known of a model.

    Attributes
    ----------
    name
        What it is called.
    sha256
        Of the file of weights, hexadecimal.
    architecture
        Of the network.
    front
        Its preprocessing.
    threshold
        Probability from which a pixel is flagged.
    licence
        Of the weights.
    source
        Where they come from, in a sentence.
    training
        How they were made: the command, its settings, the data with their checksums.
    """

    name: str
    sha256: str
    architecture: Architecture
    front: Front
    threshold: float
    licence: str
    source: str
    training: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "sha256", "licence", "source"):
            if not isinstance(getattr(self, name), str):
                raise ValueError(f"{name} must be a text")
        if not (isinstance(self.threshold, int | float) and 0 < self.threshold < 1):
            raise ValueError(f"threshold must lie between 0 and 1, not {self.threshold!r}")
        if not isinstance(self.training, Mapping):
            raise ValueError("training must be a mapping")

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, as they are written."""
        return {"format": FORMAT, **dataclasses.asdict(self)}


def card_path(weights: str | os.PathLike[str]) -> Path:
    """Return where the card of a file of weights lies: beside it, with ``.json`` as its suffix."""
    return Path(weights).with_suffix(".json")


def write_card(card: Card, weights: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a card beside its file of weights.

    Raises
    ------
    OutputExists, WriteFailed
        When it cannot be put there.
    """
    path = card_path(weights)
    text = json.dumps(card.to_json(), indent=2, sort_keys=True) + "\n"
    atomic.write_text(path, text, overwrite=overwrite)
    return path


def read_card(weights: str | os.PathLike[str]) -> Card:
    """Read the card beside a file of weights.

    Raises
    ------
    InputNotFound
        When there is none: weights without a card are not used.
    CorruptInput, SchemaMismatch, InputTooLarge
        When it is not a card, or one that this version does not know.
    """
    path = card_path(weights)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputTooLarge("too large for a model card", path=path)
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        hint = "published checkpoints get one by 'cosmic-conn models import'"
        raise InputNotFound("this model has no card", path=path, hint=hint) from error
    except (ValueError, RecursionError, OSError) as error:
        raise CorruptInput(f"this model card cannot be read ({error})", path=path) from error
    return _card(content, path)


def _card(content: Any, path: Path) -> Card:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SchemaMismatch(f"not a model card of format {FORMAT}", path=path)
    values = {key: value for key, value in content.items() if key != "format"}
    try:
        values["architecture"] = _typed(Architecture, values.get("architecture"))
        values["front"] = _typed(Front, values.get("front"))
        return Card(**values)
    except (TypeError, ValueError) as error:
        raise SchemaMismatch(f"this model card does not fit: {error}", path=path) from error


def _typed(kind: type[Any], values: Any) -> Any:
    """Return a dataclass from a mapping, each value of the type of its default."""
    if not isinstance(values, dict):
        raise ValueError(f"no values of {kind.__name__.lower()}")
    for field_ in dataclasses.fields(kind):
        value, default = values.get(field_.name, field_.default), field_.default
        wanted = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
            raise ValueError(f"{field_.name} is {value!r}")
    return kind(**values)
