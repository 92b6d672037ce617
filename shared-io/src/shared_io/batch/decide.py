"""What is to be done with a unit before any work: skip it, refuse it, or do it."""

from __future__ import annotations

import os
from pathlib import Path

from shared_io.batch.units import Entry, Unit
from shared_io.errors import CorruptInput, SharedIOError
from shared_io.ledger import Ledger, Record, Seal

__all__ = ["decide"]


def decide(unit: Unit, ledger: Ledger, *, overwrite: bool, resume: bool) -> Entry | None:
    """Return the entry of a unit that needs no work or may not be worked on; None if it is to be done.

    A unit that is done without the ledger's knowledge is noted there.
    """
    there = [path for path in unit.outputs if os.path.lexists(path)]
    if not there:
        return None
    key = unit.provenance.key
    known = {path: _of(ledger.find(path), key) for path in there} if resume else {}
    if resume and len(there) == len(unit.outputs) and all(_intact(path, key, known[path]) for path in there):
        if any(record is None for record in known.values()):
            ledger.done(unit.name, key, unit.outputs, [Seal.of(path) for path in unit.outputs])
        return Entry(unit.name, "skipped", unit.names)
    strange = [path for path in there if not (resume and _ours(path, key, known[path]))]
    if strange and not overwrite:
        why = " (made from other inputs or settings)" if _outdated(strange[0], key, ledger) else ""
        return Entry(unit.name, "refused", unit.names, f"{strange[0]} is in the way{why}; --overwrite replaces it")
    return None


def _outdated(path: Path, key: str, ledger: Ledger) -> bool:
    """Whether what lies at a path is what an earlier run made there, of something else."""
    record = ledger.find(path)
    return record is not None and record.key != key and record.seal is not None and record.seal.matches(path)


def _of(record: Record | None, key: str) -> Record | None:
    """The record if it speaks of this very work."""
    return record if record is not None and record.key == key else None


def _intact(path: Path, key: str, record: Record | None) -> bool:
    """Whether an output is complete; what was begun and not noted as done is not."""
    if record is not None:
        return record.seal is not None and record.seal.matches(path)
    return _carries(path, key) and _sound(path)


def _ours(path: Path, key: str, record: Record | None) -> bool:
    """Whether what lies at a path is this unit's: an earlier result, or what damage or a kill left of it."""
    from shared_io import provenance

    if not path.is_file():
        return False
    try:
        found = provenance.read(path)
    except (SharedIOError, OSError, ValueError):  # damaged, or not of the format at all
        return record is not None and (record.seal is None or record.seal.left(path))
    if found is not None:
        return found.key == key
    return record is not None and (record.seal is None or record.seal.resembles(path))


def _carries(path: Path, key: str) -> bool:
    """Whether a file was written by this unit's work; a damaged or foreign file was not."""
    from shared_io import provenance

    try:
        found = provenance.read(path)
    except (SharedIOError, OSError, ValueError):
        return False
    return found is not None and found.key == key


def _sound(path: Path) -> bool:
    """Whether the checksums inside a file hold, for the formats that have them."""
    from shared_io import _source

    head = _source.magic(path)
    try:
        if head.startswith(b"SIMPLE"):
            from shared_io import fits

            fits.verify(path)
        elif head.startswith(b"\x89HDF"):
            from shared_io import hdf5

            with hdf5.reader(path) as file:
                for name in file.names:
                    file.arrays(name) if file.is_group(file.node(name)) else file.array(name)
    except CorruptInput:
        return False
    return True
