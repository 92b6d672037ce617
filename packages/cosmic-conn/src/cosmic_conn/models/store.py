"""Files of weights: safetensors, believed only where their card and their checksum say so."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from shared_io import atomic, limits
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from cosmic_conn.models.card import Card, read_card, write_card

if TYPE_CHECKING:
    from cosmic_conn.network import UNet

__all__ = ["check_name", "load", "read", "save"]


def save(network: UNet, card: Card, path: str | os.PathLike[str], *, overwrite: bool = False) -> Card:
    """Write weights and their card.

    Parameters
    ----------
    network
        Its state is written in float32, by sorted names.
    card
        Its ``sha256`` is replaced by that of the written file.
    path
        Ending ``.safetensors``.
    overwrite
        Whether files already there are replaced.

    Returns
    -------
    Card
        As written.

    Raises
    ------
    OutputExists, WriteFailed
        When they cannot be put there.
    SchemaMismatch
        When the name has another ending.
    """
    import safetensors.torch

    check_name(path)
    data = safetensors.torch.save({k: v.detach().contiguous() for k, v in sorted(network.state_dict().items())})
    card = replace(card, sha256=hashlib.sha256(data).hexdigest())
    atomic.write_bytes(path, data, overwrite=overwrite)
    write_card(card, path, overwrite=overwrite)
    return card


def check_name(path: str | os.PathLike[str]) -> None:
    """Refuse a name for a file of weights that does not end ``.safetensors``, by `SchemaMismatch`."""
    if Path(path).suffix != ".safetensors":
        raise SchemaMismatch("the name of a file of weights ends .safetensors", path=path)


def load(path: str | os.PathLike[str]) -> tuple[UNet, Card]:
    """Read a network and its card.

    Parameters
    ----------
    path
        A file of weights, its card beside it.

    Returns
    -------
    network : UNet
        In evaluation mode, on the CPU.
    card : Card

    Raises
    ------
    InputNotFound
        When the weights or the card are missing.
    CorruptInput
        When the file is not the one that the card speaks of, or damaged.
    SchemaMismatch
        When its tensors do not fit the network of the card.
    """
    import safetensors.torch
    from safetensors import SafetensorError

    from cosmic_conn.network import UNet

    data, card = _believed(path)
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CorruptInput(f"not a file of safetensors ({error})", path=path) from error
    network = UNet(card.architecture)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise SchemaMismatch("these tensors do not fit the network of the card", path=path) from error
    return network.eval(), card


def read(path: str | os.PathLike[str]) -> tuple[dict[str, npt.NDArray[np.float32]], Card]:
    """Read weights by name, and their card, without torch; errors as `load`, but that nobody asks whether they fit."""
    import safetensors.numpy
    from safetensors import SafetensorError

    data, card = _believed(path)
    try:
        tensors = safetensors.numpy.load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CorruptInput(f"not a file of safetensors ({error})", path=path) from error
    return {name: np.asarray(values, dtype=np.float32) for name, values in tensors.items()}, card


def _believed(path: str | os.PathLike[str]) -> tuple[bytes, Card]:
    """Return the bytes of a file of weights that is the one its card speaks of."""
    try:
        limits.check_bytes(Path(path).stat().st_size, path=path, what="file of weights")
        data = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise InputNotFound("there is no such file of weights", path=path) from error
    card = read_card(path)
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise CorruptInput("these are not the weights that their card speaks of (sha256)", path=path)
    return data, card
