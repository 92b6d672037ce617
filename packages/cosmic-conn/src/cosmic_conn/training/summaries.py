"""Scalars for TensorBoard, where the package tensorboard is installed (the extra ``tensorboard``)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared_io.errors import ExternalFailed

__all__ = ["summaries"]

_NAMES = {"train_loss": "loss/train_loss", "valid_cr_loss": "loss/valid_cr_loss", "lr": "para/lr_mask"}


@contextmanager
def summaries(
    folder: str | os.PathLike[str], wanted: bool | None = None
) -> Iterator[Callable[[int, Mapping[str, Any]], None]]:
    """Give a function that writes an epoch's line of the log.

    Parameters
    ----------
    folder
        Of the event files.
    wanted
        Whether they are written; None: where tensorboard is installed.

    Raises
    ------
    ExternalFailed
        When they are wanted and it is not.
    """
    installed = wanted is not False and _is_installed()
    if wanted and not installed:
        raise ExternalFailed("tensorboard is not installed", hint="pip install tensorboard, or leave --tensorboard out")
    if not installed:
        yield lambda epoch, line: None
        return
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(os.fspath(folder)) as writer:
        yield lambda epoch, line: _write(writer, epoch, line)


def _is_installed() -> bool:
    try:
        import tensorboard  # noqa: F401 (torch writes through it)
    except ImportError:
        return False
    return True


def _write(writer: Any, epoch: int, line: Mapping[str, Any]) -> None:
    for name, value in line.items():
        if name != "epoch" and value is not None:
            writer.add_scalar(_NAMES.get(name, f"valid/{name}"), value, epoch)
    writer.flush()
