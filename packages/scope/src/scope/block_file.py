"""Files of blocks: what was measured of some stars, until the table of all of them is put together.

A file is ``scope block 1``, what it was made from, and a sum over that and all that follows, a line each; then an Arrow
table.  The sum is verified before anything is made of the bytes: libraries may end the program over damaged ones.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from shared_io import atomic
from shared_io.errors import CorruptInput

_MAGIC = b"scope block 1"


def write_block(path: Path, table: Any, key: str) -> None:
    """Write a block, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where to; what is there is replaced.
    table : pyarrow.Table
        Its features.
    key : str
        What it was made from (:attr:`shared_io.provenance.Provenance.key`).

    Raises
    ------
    WriteFailed
        When it cannot be written.
    """
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    payload = sink.getvalue().to_pybytes()
    head = b"\n".join((_MAGIC, key.encode(), _sum(key.encode(), payload), b""))
    atomic.write_bytes(path, head + payload, overwrite=True)


def read_block(path: Path) -> tuple[str, Any]:
    """Read a block.

    Returns
    -------
    str
        What it was made from.
    pyarrow.Table
        Its features.

    Raises
    ------
    CorruptInput
        When a byte of it is not what it was.
    """
    import pyarrow as pa

    try:
        magic, key, total, payload = Path(path).read_bytes().split(b"\n", 3)
    except (OSError, ValueError) as error:
        raise CorruptInput("no whole file of a block", path=path) from error
    if magic != _MAGIC or total != _sum(key, payload):
        raise CorruptInput("its sum is not that of its bytes", path=path)
    return key.decode(), pa.ipc.open_file(payload).read_all()


def _sum(key: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(key + b"\n" + payload).hexdigest().encode()
