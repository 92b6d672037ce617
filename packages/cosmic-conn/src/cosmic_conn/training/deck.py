"""Which files an epoch learns from, and how they are divided: decided by numbers, not by what went before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cosmic_conn.training.datasets import Entry

__all__ = ["divided", "files_of_epoch"]


def divided(entries: Sequence[Entry], ratio: float, most: int, seed: int) -> tuple[list[Entry], list[Entry]]:
    """Divide files into those to learn from and those to validate on.

    Files of one field (OBJECT of the header) stay together, as long as there are other fields.

    Parameters
    ----------
    entries
        All files.
    ratio
        Share to validate on; one file at least where it is above zero and there are two.
    most
        Their number, where it is above zero; then the ratio says nothing.
    seed
        Of the shuffling.
    """
    wanted = min(most or round(ratio * len(entries)) or int(ratio > 0), len(entries) - 1)
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.field, []).append(entry)
    if len(groups) == 1:
        groups = {str(entry.path): [entry] for entry in entries}
    names = [sorted(groups)[i] for i in np.random.default_rng([seed, 3]).permutation(len(groups))]
    held: list[Entry] = []
    for name in names:
        if len(held) + len(groups[name]) <= wanted:
            held += groups[name]
    if wanted > 0 and not held:  # all fields are larger than that: the smallest
        held = groups[min(names, key=lambda name: len(groups[name]))]
    return [entry for entry in entries if entry not in held], [entry for entry in entries if entry in held]


def files_of_epoch(number: int, most: int, epoch: int, seed: int) -> list[int]:
    """Return which of `number` files an epoch (from 1) learns from, in its order.

    Shuffled, `most` at a time (0: all), none twice before all have been drawn.
    """
    size = min(most, number) if most > 0 else number
    start = (epoch - 1) * size
    return [int(_shuffled(number, place // number, seed)[place % number]) for place in range(start, start + size)]


def _shuffled(number: int, turn: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, 4, turn]).permutation(number)
