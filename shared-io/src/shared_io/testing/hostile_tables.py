"""Parquet, CSV and ECSV files that lie, expand, nest, or would run code."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from shared_io.testing import readers
from shared_io.testing.damage import TRAP, Case
from shared_io.testing.writers import OLD, WRITERS, pristine

__all__ = ["cases"]

Maker = Callable[[Path], object]


def cases() -> list[Case]:
    """Return them all."""
    found = [Case("Parquet hostile", w, "a.parquet", m, readers.TABLES) for w, m in _parquet().items()]
    found += [Case("CSV hostile", w, "a.csv", m, readers.TABLES) for w, m in _csv().items()]
    found += [Case("CSV hostile", w, "a.csv.gz", m, readers.TABLES) for w, m in _packed().items()]
    found += [Case("ECSV hostile", w, "a.ecsv", m, readers.TABLES) for w, m in _ecsv().items()]
    return found


def _bytes(raw: bytes) -> Maker:
    return lambda path: path.write_bytes(raw)


def _parquet() -> dict[str, Maker]:
    sound = pristine(next(w for w in WRITERS if w.name == "Parquet"), OLD).read_bytes()
    length = struct.unpack("<I", sound[-8:-4])[0]
    body, footer = sound[: -8 - length], sound[-8 - length : -8]
    found: dict[str, Maker] = {
        "another signature": _bytes(sound[:-4] + b"PARE"),
        "no pages": _bytes(b"PAR1" + footer + sound[-8:]),
        "pages of zeros": _bytes(b"PAR1" + bytes(len(body) - 4) + footer + sound[-8:]),
        "another footer behind": _bytes(sound + footer + sound[-8:]),
        "the seal cut out": _bytes(body[:-44] + footer + sound[-8:]),
        "a footer of zeros": _bytes(body + bytes(length) + sound[-8:]),
        "a footer that nests": _bytes(body + b"\x1c" * length + sound[-8:]),
        "a footer of long lists": _bytes(body + (b"\x19\xfc" + b"\xff" * 8 + b"\x7f") * 50 + _tail(550)),
    }
    for said in (0, 1, length - 1, length + 1, length // 2, 2**31 - 1, 2**32 - 1):
        found[f"a footer of {said} bytes"] = _bytes(sound[:-8] + struct.pack("<I", said) + b"PAR1")
    for name, columns in _columns().items():
        found[name] = lambda path, columns=columns: _write(path, columns())  # type: ignore[misc]
    for key in ("shared_io.columns", "shared_io.meta", "shared_io.seal", "scope"):
        for what, text in (("nonsense", b"{"), ("a list", b"[1]"), ("nesting", b"[" * 50_000)):
            found[f"{key}: {what}"] = lambda path, key=key, text=text: _write(path, {"a": [1]}, {key: text})  # type: ignore[misc]
    return found


def _tail(length: int) -> bytes:
    return struct.pack("<I", length) + b"PAR1"


def _columns() -> dict[str, Callable[[], dict[str, Any]]]:
    import pyarrow as pa

    long = "b" * 1_000_000
    return {
        "numbers that expand": lambda: {"a": np.zeros(60_000_000)},
        "one text, many times": lambda: {"a": pa.DictionaryArray.from_arrays(np.zeros(400, "i4"), [long])},
        "one long text": lambda: {"a": ["a"] * 10_000 + [long] + ["a"] * 10_000},
        "many missing values": lambda: {"a": pa.nulls(150_000_000, pa.int8())},
    }


def _write(path: Path, columns: dict[str, Any], metadata: dict[str, bytes] | None = None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(columns)
    with pq.ParquetWriter(path, table.schema) as out:
        out.write_table(table)
        out.add_key_value_metadata(metadata or {})


def _csv() -> dict[str, Maker]:
    described = "# shared_io.digest: null\n# shared_io.columns: %s\na\n1\n"
    found = {
        "rows of other lengths": b"a,b\n1,2\n3\n",
        "a row too long": b"a,b\n1,2,3\n",
        "one long text": b"a\n" + b"b\n" * 10_000 + b"c" * 1_000_000 + b"\n" + b"b\n" * 10_000,
        "200,000 columns": b",".join(b"c%d" % i for i in range(200_000)) + b"\n" + b",".join([b"1"] * 200_000) + b"\n",
        "zeros in the text": b"a,b\n1,\0\n",
        "comment lines without end": b"# a: 1\n" * 3_000_000,
        "a comment line of 20 MB": b"# a: " + b"1" * 20_000_000 + b"\na\n1\n",
        "no columns": b"# a: 1\n",
    }  # fmt: skip
    for dtype in ("O", "V8", "f4,f4", "U1000000000", "S2000000000", "nonsense", 3, None, ["f8"], "f16"):
        found[f"a column of {dtype}"] = (described % json.dumps([{"name": "a", "dtype": dtype}])).encode()
    for shape in ([10**9], [-1], ["x"], "22", [2**40, 2**40], [0], [1] * 70):
        columns = json.dumps([{"name": "a", "dtype": "f8", "shape": shape}])
        found[f"rows of shape {str(shape)[:30]}"] = (described % columns).encode()
    for what, text in (
        ("nesting", "[" * 100_000), ("an object", '{"a": 1}'), ("numbers", "[1, 2]"), ("a long number", "9" * 10_000),
    ):  # fmt: skip
        found[f"columns: {what}"] = (described % text).encode()
    for cell in ("[" * 50_000, '"[1,2"', "9" * 10_000, '"[[1],[2,3]]"', '"{}"', "null"):
        columns = json.dumps([{"name": "a", "dtype": "f8", "shape": [2]}])
        found[f"a cell {cell[:12]}"] = (described % columns).replace("\n1\n", f"\n{cell}\n").encode()
    return {what: _bytes(raw) for what, raw in found.items()}


def _packed() -> dict[str, Maker]:
    return {
        "zeros that expand": lambda path: path.write_bytes(gzip.compress(b"a\n" + b"0\n" * 80_000_000, 1)),
        "gzip cut": lambda path: path.write_bytes(gzip.compress(b"a\n" + b"1\n" * 1000)[:-9]),
        "gzip with a wrong sum": lambda path: path.write_bytes(gzip.compress(b"a\n1\n")[:-8] + bytes(8)),
        "gzip with junk behind": lambda path: path.write_bytes(gzip.compress(b"a\n1\n") + b"junk"),
    }


def _ecsv() -> dict[str, Maker]:
    laughs = "{a0: &a0 [x, x, x, x, x, x, x, x, x]" + "".join(
        f", a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)
    )
    metas = {
        "a call": f"{{x: !!python/object/apply:os.mkdir [{TRAP}]}}",
        "a name": "{x: !!python/name:os.system}",
        "a module": "{x: !!python/module:os}",
        "a new object": "{x: !!python/object/new:os.system [echo]}",
        "an array of objects": "{x: !numpy.ndarray {buffer: !!binary gAR9lC4=, dtype: object, order: C, shape: [1]}}",
        "a name of its own": "&a {x: *a}",
        "laughs": laughs + "}",
        "nesting": "{x: " + "[" * 20_000 + "}",
        "YAML that is none": "{x: [}",
    }
    head = "# %ECSV 1.0\n# ---\n# datatype:\n"
    plain = head + "# - {{name: a, datatype: int64}}\n# meta: {}\na\n1\n"
    found = {f"YAML: {what}": plain.format(meta) for what, meta in metas.items()}
    for kind in ("complex512", "nonsense", "!!python/name:os.system ''", "[1]"):
        found[f"a column of {kind}"] = f"{head}# - {{name: a, datatype: {kind}}}\na\n1\n"
    serialized = "{name: a, datatype: string, subtype: 'json'}"
    found["a cell of JSON that nests"] = f"{head}# - {serialized}\na\n{'[' * 50_000}\n"
    found["a mixin of another module"] = (
        f"{head}# - {{name: a, datatype: int64}}\n# meta: !!omap\n# - __serialized_columns__:\n"
        "#     b: {__class__: subprocess.Popen, args: !astropy.table.SerializedColumn {name: a}}\na\n1\n"
    )
    found["no columns"] = "# %ECSV 1.0\n# ---\n# meta: {}\n"
    found["only its first line"] = "# %ECSV 1.0\n"
    return {what: _bytes(text.encode()) for what, text in found.items()}
