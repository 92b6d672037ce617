"""Published checkpoints of Cosmic-CoNN (``.pth``, ``.pth.tar``): checked, translated, written as safetensors.

The files hold a dictionary of tensors, or ``{"epoch", "state_dict_mask", "optimizer_mask"}``; both convolutions of a
block name the same normalisation. They are opened with ``weights_only``: what would run code is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared_io import limits, provenance
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch, UnsafeInput

from cosmic_conn.models.card import Card, Front
from cosmic_conn.models.store import save
from cosmic_conn.network import Architecture, Norm, UNet

__all__ = ["PUBLISHED", "Published", "import_checkpoint", "read_checkpoint"]


@dataclass(frozen=True)
class Published:
    """A checkpoint that is known: its name here, its file, and what its numbers are."""

    name: str
    file: str
    front: Front


# Frames of LCO have a noise of about 14 e-; exposures of the ACS of about 10 e-.
PUBLISHED = {
    "f8c4ea75dc9b212b8786a95d583dd9cd0b8ec95a53fd3d4cfbfe40c4c0cf267b": Published(
        "published_ground_imaging", "cosmic-conn_ground_imaging_v0.2.8.pth", Front(25.0, 14.0)
    ),
    "2f676afb81286c0810facf81236e3ef1651a04a2142d6443388ec76313a8a5be": Published(
        "published_NRES", "cosmic-conn_LCO_NRES_v0.2.8.pth", Front(25.0, 14.0)
    ),
    "e4bcde26104c9c93548c6d68f2d455e5b9b6af985d62b15cb0157c54bcf4eb00": Published(
        "published_HST_ACS_WFC", "cosmic-conn_HST_ACS_WFC_v0.2.8.pth", Front(25.0, 10.0)
    ),
}
"""Known checkpoints by the sha256 of their file."""

_LICENCE = "that of the file it was imported from; Cosmic-CoNN is published under the GPL-3"


def import_checkpoint(
    source: str | os.PathLike[str], target: str | os.PathLike[str] | None = None, *, overwrite: bool = False
) -> tuple[Path, Card]:
    """Translate a checkpoint into a file of weights and its card.

    Parameters
    ----------
    source
        A ``.pth`` or ``.pth.tar`` file.
    target
        Where to write the weights; by default the model's name, ending ``.safetensors``, in the current folder.
    overwrite
        Whether files already there are replaced.

    Returns
    -------
    path : Path
        Of the weights.
    card : Card

    Raises
    ------
    SharedIOError
        When the file is missing, damaged, would run code, or holds another network.
    """
    network = read_checkpoint(source)
    checksum = provenance.digest(source)
    name = Path(source).name
    known = PUBLISHED.get(checksum)
    called = known.name if known else re.sub(r"\.pth(\.tar)?$", "", name)
    front = known.front if known else Front(25.0, 14.0)
    origin = f"imported from {name}" + (" (a published file, known by its sha256)" if known else "")
    training = {"imported": {name: checksum}}
    card = Card(called, "", network.architecture, front, 0.5, _LICENCE, origin, training)
    path = Path(target) if target is not None else Path(f"{called}.safetensors")
    return path, save(network, card, path, overwrite=overwrite)


def read_checkpoint(source: str | os.PathLike[str]) -> UNet:
    """Return the network of a checkpoint, in evaluation mode.

    Raises
    ------
    InputNotFound, CorruptInput, UnsafeInput
        When it cannot be read.
    SchemaMismatch
        When it holds something else than a U-Net of this family.
    """
    state = _state(_content(source), source)
    try:
        architecture = _architecture(state)
        translated = {ours: state[theirs] for theirs, ours in _names(architecture).items()}
        network = UNet(architecture)
        network.load_state_dict(translated, strict=True)
    except (KeyError, ValueError, RuntimeError, IndexError) as error:
        what = "its tensors are not those of a network of this family"
        raise SchemaMismatch(what, path=source, hint="ground imaging, NRES and HST checkpoints are known") from error
    left = set(state) - set(_names(architecture)) - {k for k in state if re.search(_DOUBLED, k)}
    if left:
        raise SchemaMismatch(f"tensors that this network has no place for: {', '.join(sorted(left)[:3])}", path=source)
    return network.eval()


_DOUBLED = r"\.conv\.4\.\w+$"  # the shared normalisation under its second name


def _content(source: str | os.PathLike[str]) -> Any:
    import torch

    path = Path(source)
    if not path.is_file():
        raise InputNotFound("no such file", path=path)
    limits.check_bytes(path.stat().st_size, path=path, what="checkpoint")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch raises over a damaged file
        if type(error).__name__ == "UnpicklingError":
            raise UnsafeInput("holds more than tensors, or is damaged; it was not opened", path=path) from error
        raise CorruptInput("not a checkpoint of torch, or damaged", path=path) from error


def _state(content: Any, source: str | os.PathLike[str]) -> Mapping[str, Any]:
    import torch

    if isinstance(content, Mapping) and "state_dict_mask" in content:
        content = content["state_dict_mask"]
    if not isinstance(content, Mapping) or not all(isinstance(v, torch.Tensor) for v in content.values()):
        raise SchemaMismatch("not a checkpoint of Cosmic-CoNN", path=source)
    return {str(key).removeprefix("module."): value for key, value in content.items()}


def _architecture(state: Mapping[str, Any]) -> Architecture:
    hidden = int(state["inc.conv.conv.0.weight"].shape[0])
    batch = "inc.conv.conv.1.running_mean" in state
    affine = "inc.conv.conv.1.weight" in state
    norm: Norm = "batch" if batch else "group" if affine else "instance"
    return Architecture(hidden=hidden, norm=norm, affine=affine, deeper="down3.down_cov.1.conv.0.weight" in state)


def _names(architecture: Architecture) -> dict[str, str]:
    """Return the names of the tensors there -> here."""
    ends = ("weight", "bias")
    norms = ends if architecture.affine else ()
    if architecture.norm == "batch":
        norms = (*norms, "running_mean", "running_var", "num_batches_tracked")
    blocks = {"inc.conv": "stem"}
    found = {f"outc.conv.{end}": f"head.{end}" for end in ends}
    for step in range(architecture.steps):
        blocks[f"down{step + 1}.down_cov.1"] = f"down.{step}.1"
        blocks[f"up{step + 1}.conv"] = f"up.{step}"
        found |= {f"up{step + 1}.up_conv.{end}": f"grow.{step}.{end}" for end in ends}
    for theirs, ours in blocks.items():
        for place, name in (("0", "first"), ("3", "second")):
            found |= {f"{theirs}.conv.{place}.{end}": f"{ours}.{name}.{end}" for end in ends}
        found |= {f"{theirs}.conv.1.{end}": f"{ours}.norm.{end}" for end in norms}
    return found
