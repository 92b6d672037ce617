"""What a batch costs a unit: the work alone, with a ledger, by processes; and one fsync on this disk.

The units are tiny (they write 9 bytes), so that everything but the work shows.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

COUNT = 2000


def tiny(one) -> None:
    one.outputs[0].write_bytes(b"123456789")


def units(folder: Path) -> Iterator:
    from shared_io.batch import Unit
    from shared_io.provenance import Provenance

    for k in range(COUNT):
        yield Unit(f"u{k}", (folder / f"u{k}.txt",), Provenance("bench", "1", "batch", {"k": k}))


def seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def fsyncs(folder: Path) -> None:
    with (folder / "log").open("ab", 0) as file:
        for _ in range(COUNT):
            file.write(b"x" * 400)
            os.fsync(file.fileno())


def main() -> None:
    from shared_io import batch, ledger

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        rows = {"one append and fsync": seconds(lambda: fsyncs(root))}
        for label, workers, keeps in (("no ledger", 1, False), ("ledger", 1, True), ("ledger, 2 processes", 2, True)):
            folder = root / label
            home = ledger.home(folder, "bench", "batch") if keeps else None
            rows[label] = seconds(lambda: batch.run(units(folder), tiny, workers=workers, ledger=home))  # noqa: B023
            if keeps:
                again = seconds(lambda: batch.run(units(folder), tiny, workers=workers, ledger=home))  # noqa: B023
                rows[f"{label}, all done already"] = again
    print(f"{COUNT} units, microseconds a unit")
    for label, total in rows.items():
        print(f"{label:<40} {total / COUNT * 1e6:8.0f}")


if __name__ == "__main__":
    main()
