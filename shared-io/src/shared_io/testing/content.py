"""What a reader gave back, as one text to compare: equal if and only if every bit of the content is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

__all__ = ["fingerprint"]


def fingerprint(content: Any) -> str:
    """Return a digest of arrays, tables, headers, HDUs, dataclasses, and of containers of them.

    Paths are left out: the same content under another name is the same.
    """
    digest = hashlib.sha256()
    _feed(digest, content)
    return digest.hexdigest()


def _feed(digest: Any, content: Any) -> None:
    for part in _parts(content):
        if isinstance(part, bytes):
            digest.update(len(part).to_bytes(8, "little") + part)
        else:
            _feed(digest, part)


def _parts(content: Any) -> Iterable[Any]:
    kind = type(content).__name__
    if isinstance(content, np.ndarray):
        return _array(content, kind)
    if kind in ("Table", "QTable"):
        return _table(content)
    if kind == "Header":
        return [b"header", content.tostring(padding=False).encode("latin-1", "replace")]
    if kind.endswith("HDU"):
        return [b"hdu", kind.encode(), content.header, content.data]
    if is_dataclass(content) and not isinstance(content, type):
        return [kind.encode(), *(getattr(content, field.name) for field in fields(content))]
    if isinstance(content, Mapping):
        return [b"map", *(part for item in content.items() for part in item)]
    if isinstance(content, list | tuple):
        return [b"list", str(len(content)).encode(), *content]
    if isinstance(content, PurePath):
        return [b"path"]
    return [kind.encode(), repr(content).encode()]


def _array(content: Any, kind: str) -> Iterable[Any]:
    yield from (b"array", str(content.dtype).encode(), str(content.shape).encode())
    if isinstance(content, np.ma.MaskedArray):
        yield np.ma.getmaskarray(content).tobytes()
    plain = np.asarray(content)
    if plain.dtype.kind == "O":
        yield [value if isinstance(value, np.ndarray) else repr(value) for value in plain.ravel()]
    else:
        yield np.ascontiguousarray(plain).tobytes()


def _table(content: Any) -> Iterable[Any]:
    yield b"table"
    for name in content.colnames:
        column = content[name]
        yield [name, str(column.unit), column.info.description, type(column).__name__]
        yield np.ma.MaskedArray(column) if hasattr(column, "mask") else np.asarray(column)
    yield dict(content.meta)
