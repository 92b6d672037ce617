"""Where a training stands: tensors and plain facts in one file of safetensors, so that reading it runs nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared_io import atomic, limits
from shared_io.errors import CorruptInput, InputNotFound
from torch import Tensor, nn, optim

__all__ = ["load_state", "module_state", "optimiser_state", "restore_module", "restore_optimiser", "save_state"]

_FORMAT = "cosmic-conn training state 1"  # name of the entry that holds the facts


def save_state(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and facts, in place of what was there, whole or not at all.

    Parameters
    ----------
    path
        Of the file.
    tensors
        By name.
    facts
        Plain values, as JSON has them.

    Raises
    ------
    WriteFailed
        When it cannot be put there.
    """
    import safetensors.torch

    kept = {name: value.detach().cpu().contiguous() for name, value in sorted(tensors.items())}
    about = {_FORMAT: json.dumps(facts, sort_keys=True)}  # one entry: the order of several is not defined
    atomic.write_bytes(path, safetensors.torch.save(kept, about), overwrite=True)


def load_state(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save_state` wrote.

    Raises
    ------
    InputNotFound, CorruptInput
        When there is no such file, or it is another or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise InputNotFound("no such training state", path=path)
    limits.check_bytes(Path(path).stat().st_size, path=path, what="training state")
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            facts = json.loads(about[_FORMAT])
            return {name: file.get_tensor(name) for name in file.keys()}, facts  # noqa: SIM118 (no mapping)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CorruptInput("not a training state, or damaged", path=path) from error


def optimiser_state(optimiser: optim.Optimizer) -> dict[str, Tensor]:
    """Return what an optimiser remembers of each parameter, named ``optimiser.NUMBER.NAME``."""
    return {
        f"optimiser.{number}.{name}": value
        for number, values in optimiser.state_dict()["state"].items()
        for name, value in values.items()
    }


def restore_optimiser(optimiser: optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser what `optimiser_state` returned; its settings stay as they are."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            _, number, name = key.split(".")
            state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def module_state(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a module, each name behind the prefix and a dot."""
    return {f"{prefix}.{name}": value for name, value in module.state_dict().items()}


def restore_module(prefix: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a module what `module_state` returned."""
    start = f"{prefix}."
    module.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
