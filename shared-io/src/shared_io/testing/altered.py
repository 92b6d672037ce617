"""Sound files of ours, truncated and altered: every such change is noticed or harmless."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from shared_io.testing import readers
from shared_io.testing.damage import Case
from shared_io.testing.writers import OLD, WRITERS, Writer, pristine

__all__ = ["CHANGES", "boundaries", "random"]

_BLOCK = 2880
_READERS = {
    ".fits": (*readers.FITS, readers.one_table),
    ".fits.gz": readers.FITS,
    ".fits.fz": readers.FITS,
    ".csv": readers.TABLES,
    ".csv.gz": readers.TABLES,
    ".ecsv": readers.TABLES,
    ".h5": (readers.groups, readers.one_table, readers.origin),
    ".parquet": readers.TABLES,
}


def boundaries() -> list[Case]:
    """Return truncations at every FITS block boundary, one byte before and one after."""
    found = []
    for writer in _sealed():
        if writer.suffix not in (".fits", ".fits.fz"):
            continue
        size = pristine(writer, OLD).stat().st_size
        for block in range(0, size + 1, _BLOCK):
            found += [
                _case(writer, f"cut at byte {cut}", lambda raw, cut=cut: raw[:cut])  # type: ignore[misc]
                for cut in (block - 1, block, block + 1)
                if 0 <= cut < size and (writer.name == "FITS extensions" or block < 5 * _BLOCK)
            ]
    return found


def random(seed: int, count: int) -> list[Case]:
    """Return `count` random changes, shared evenly by the formats and by the kinds of change."""
    found = []
    writers = _sealed()
    for number in range(count):
        writer = writers[number % len(writers)]
        rng = np.random.default_rng([seed, number])
        kinds = [kind for kind in _KINDS if kind != "exchange" or ".fits" not in writer.suffix]
        kind = kinds[number // len(writers) % len(kinds)]
        found.append(_case(writer, f"{kind} [{seed}, {number}]", functools.partial(CHANGES[kind], rng=rng)))
    return found


def cut(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return the beginning."""
    return raw[: rng.integers(len(raw))]


def flip(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with one bit flipped."""
    return _flipped(raw, int(rng.integers(len(raw))), int(rng.integers(8)))


def flip_early(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with one bit flipped among the first bytes, where the formats have their names."""
    return _flipped(raw, int(rng.integers(min(len(raw), 600))), int(rng.integers(8)))


def flip_late(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with one bit flipped among the last bytes."""
    return _flipped(raw, len(raw) - 1 - int(rng.integers(min(len(raw), 600))), int(rng.integers(8)))


def flip_several(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with up to eight bits flipped."""
    for _ in range(int(rng.integers(2, 9))):
        raw = flip(raw, rng)
    return raw


def overwrite(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with a piece replaced by zeros or by chance."""
    start, length = int(rng.integers(len(raw))), int(rng.integers(1, 600))
    piece = bytes(length) if rng.integers(2) else rng.bytes(length)
    return raw[:start] + piece[: len(raw) - start] + raw[start + length :]


def remove(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it without a piece."""
    start = int(rng.integers(len(raw)))
    return raw[:start] + raw[start + int(rng.integers(1, 3000)) :]


def insert(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with a piece of itself repeated, or with something strange behind."""
    start, length = int(rng.integers(len(raw))), int(rng.integers(1, 3000))
    return raw[:start] + raw[start : start + length] + raw[start:] if rng.integers(2) else raw + rng.bytes(length)


def exchange(raw: bytes, rng: np.random.Generator) -> bytes:
    """Return it with two blocks exchanged, which the checksums of FITS are not made to notice."""
    blocks = [raw[i : i + 512] for i in range(0, len(raw), 512)]
    i, j = rng.integers(len(blocks), size=2)
    blocks[i], blocks[j] = blocks[j], blocks[i]
    return b"".join(blocks)


CHANGES: dict[str, Callable[..., bytes]] = {
    "cut": cut,
    "flip": flip,
    "flip early": flip_early,
    "flip late": flip_late,
    "flip several": flip_several,
    "overwrite": overwrite,
    "remove": remove,
    "insert": insert,
    "exchange": exchange,
}
_KINDS = (
    "flip",
    "cut",
    "flip",
    "flip early",
    "overwrite",
    "flip",
    "cut",
    "flip late",
    "remove",
    "flip",
    "insert",
    "flip several",
    "flip early",
    "exchange",
)


def _sealed() -> list[Writer]:
    return [writer for writer in WRITERS if writer.suffix in _READERS]


def _case(writer: Writer, what: str, change: Callable[[bytes], bytes]) -> Case:
    original = pristine(writer, OLD)

    def make(path: Path) -> None:
        path.write_bytes(change(original.read_bytes()))

    row = f"{writer.suffix} {'cut' if what.startswith('cut') else 'altered'}"
    return Case(row, f"{writer.name}, {what}", f"a{writer.suffix}", make, _READERS[writer.suffix], original)


def _flipped(raw: bytes, place: int, bit: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
