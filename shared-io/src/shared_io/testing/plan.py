"""What the laboratories shall do, and doing it with several processes."""

from __future__ import annotations

import logging
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from shared_io.testing import damage, failures, kills, writers
from shared_io.testing.tally import Tally

__all__ = ["LABORATORIES", "Plan", "together"]

LABORATORIES = ("kills", "failures", "damage")


@dataclass(frozen=True)
class Plan:
    """How much to do.

    Attributes
    ----------
    seed
        Of all that is random.
    kills
        Writers to kill.
    damaged
        Inputs to damage.
    share
        Of all failures of disks, how many to try.
    jobs
        Processes.
    """

    seed: int
    kills: int = 1000
    damaged: int = 2500
    share: float = 1.0
    jobs: int = 2


def together(name: str, plan: Plan) -> Tally:
    """Run one laboratory in ``plan.jobs`` processes and return what they counted."""
    with ProcessPoolExecutor(plan.jobs, mp_context=get_context("spawn")) as pool:
        first, *others = pool.map(partial(_part, name, plan), range(plan.jobs))
    for other in others:
        first.merge(other)
    return first


def _part(name: str, plan: Plan, part: int) -> Tally:
    """Do one process's part of a laboratory."""
    logging.disable(logging.WARNING)
    try:
        if name == "kills":
            return kills.run(plan.seed, plan.kills, part=part, parts=plan.jobs)
        if name == "failures":
            return failures.run(plan.seed, plan.share, part=part, parts=plan.jobs)
        return damage.run(plan.seed, plan.damaged, part=part, parts=plan.jobs)
    finally:
        writers.clear()
