"""The weights that are shipped: how they are made, in one call."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from shared_io import provenance
from shared_io.errors import OutputExists

from cosmic_conn.engine import one_thread
from cosmic_conn.files.stamps import read_stamps
from cosmic_conn.models.card import Card, Front, card_path
from cosmic_conn.models.store import check_name, save
from cosmic_conn.network import UNet
from cosmic_conn.training.loop import Recipe, train

__all__ = ["LEARNT", "make_weights"]

_log = logging.getLogger(__name__)

LEARNT = 100
"""How many of the stamps, from the first, are learnt from; the others are left to score."""

_SNAPSHOT = 500


def make_weights(
    path: str | os.PathLike[str],
    recipe: Recipe,
    *,
    stamps: str | os.PathLike[str] | None = None,
    threshold: float = 0.5,
    name: str = "ground_imaging",
    overwrite: bool = False,
    report: Callable[[int, float], None] | None = None,
) -> Card:
    """Train a network on simulated frames and write its weights and card.

    Parameters
    ----------
    path
        File of the weights, ending ``.safetensors``.
    recipe
        How to train.
    stamps
        JSON file of real cosmic rays (see `read_stamps`), of which the first 100 are injected beside the simulated.
    threshold
        That the card shall name.
    name
        That the card shall name.
    overwrite
        Whether files already there are replaced.
    report
        Called every 100 steps with the step and the mean loss.

    Returns
    -------
    Card

    Raises
    ------
    OutputExists, SchemaMismatch
        Before anything is done, when the weights cannot be put there.

    Notes
    -----
    Every 500 steps the weights so far are written to the same file.
    """
    check_name(path)
    if not overwrite and (Path(path).exists() or card_path(path).exists()):
        raise OutputExists("in the way", path=path, hint="--overwrite replaces it and its card")
    events = [] if stamps is None else read_stamps(stamps)[:LEARNT]
    data = {} if stamps is None else {Path(stamps).name: provenance.digest(stamps), "stamps used": f"0 to {LEARNT - 1}"}
    training = {"command": "cosmic-conn models train", "recipe": recipe.to_dict(), "data": data}
    card = Card(name, "", recipe.architecture, Front(recipe.knee), threshold, "BSD-3-Clause", _SOURCE, training)
    replace = overwrite

    def told(step: int, loss: float, network: UNet) -> None:
        nonlocal replace
        if report is not None:
            report(step, loss)
        if step % _SNAPSHOT == 0 or step == recipe.steps:
            save(network, card, path, overwrite=replace)
            replace = True

    with one_thread():  # sums in one order, the same each time
        network = train(recipe, events, told)
    return save(network, card, path, overwrite=True)


_SOURCE = "trained from nothing on simulated frames with simulated and, where the data name them, real cosmic rays"
