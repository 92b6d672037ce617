"""Many units of work, each from files to files: skipped when done, isolated when they fail, reported.

A unit is done when the run's ledger says so and its outputs hold the very bytes that it noted; where there is no
word of a ledger, when all outputs are sound and carry the unit's provenance key, which stands for tool, version,
configuration and inputs. So a second run skips it, a run after an interruption goes on with the rest, damage
is repaired, and a file that somebody else put there is never overwritten unasked.

The work is done in this process, by several processes, or by the workers of a Dask cluster:

>>> from shared_io import batch, ledger
>>> batch.run(units, work, workers=4, ledger=ledger.home("Chi", "dre", "fit"))  # doctest: +SKIP
"""

from __future__ import annotations

from shared_io.batch.attempt import note, started
from shared_io.batch.executors import scheduler
from shared_io.batch.loop import run
from shared_io.batch.units import MOST as MOST
from shared_io.batch.units import Entry, Report, State, Unit

__all__ = ["Entry", "Report", "State", "Unit", "note", "run", "scheduler", "started"]
