"""What made a file: tool, version, configuration and inputs, carried by every output.

>>> from shared_io.provenance import Provenance
>>> made = Provenance("dre", "0.1.0", "fit", {"workers": 2}, {"tile.fits": "ab12"})
>>> made.key == Provenance("dre", "0.1.0", "fit", {"workers": 2}, {"tile.fits": "ab12"}).key
True

No time, host or folder is part of it: the same work gives the same key anywhere.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, cast

from shared_io import _source
from shared_io.errors import CorruptInput

if TYPE_CHECKING:
    from astropy.io.fits import Header

__all__ = ["ATTRIBUTE", "KEY_ATTRIBUTE", "Provenance", "digest", "read"]

ATTRIBUTE = "shared_io.provenance"
KEY_ATTRIBUTE = "shared_io.provenance_key"
_CARDS = ("PROVTOOL", "PROVVERS", "PROVVERB", "PROVKEY", "PROVJSON")


@dataclass(frozen=True)
class Provenance:
    """What made a file.

    Attributes
    ----------
    tool, version, verb
        Who did what.
    config
        The resolved configuration; anything JSON can hold.
    inputs
        Name of each input file (without its folder) -> sha256 of its bytes, hexadecimal.
    model
        sha256 of the model used, if any.
    """

    tool: str
    version: str
    verb: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None

    @property
    def json(self) -> str:
        """The canonical JSON: sorted keys, no spaces, ASCII."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), default=_plain)

    @property
    def key(self) -> str:
        """The sha256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.json.encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Return what `json` was made from.

        Raises
        ------
        ValueError
            When the text is not such JSON.
        """
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("not a JSON object")
        try:
            return cls(**content)
        except TypeError as error:
            raise ValueError(str(error)) from error

    def to_attrs(self) -> dict[str, str]:
        """Return it as two text attributes, for HDF5 and Parquet."""
        return {ATTRIBUTE: self.json, KEY_ATTRIBUTE: self.key}

    def to_header(self, header: Header) -> None:
        """Put it into a FITS header as PROVTOOL, PROVVERS, PROVVERB, PROVKEY and PROVJSON."""
        for card in _CARDS:
            header.remove(card, ignore_missing=True, remove_all=True)
        header["PROVTOOL"] = (self.tool, "program that made this file")
        header["PROVVERS"] = (self.version, "its version")
        header["PROVVERB"] = (self.verb, "what it did")
        header["PROVKEY"] = self.key
        header["PROVJSON"] = self.json.replace("&", "\\u0026").replace("'", "\\u0027")


def digest(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file's bytes, hexadecimal.

    Raises
    ------
    InputNotFound, CorruptInput
        When there is no such regular file.
    """
    with _source.open_input(path) as file:
        return hashlib.file_digest(cast(io.FileIO, file), "sha256").hexdigest()


def read(path: str | os.PathLike[str]) -> Provenance | None:
    """Return the provenance that a file carries, or None.

    Parameters
    ----------
    path
        A FITS, HDF5, Parquet, CSV or ECSV file; of another kind of file None is returned.

    Raises
    ------
    SharedIOError
        When the file is missing, damaged or hostile.
    """
    head = _source.magic(path)
    name = os.fspath(path).lower()
    if head.startswith(b"SIMPLE") or (head.startswith(b"\x1f\x8b") and not name.endswith(".csv.gz")):
        text = _from_fits(path)
    elif head.startswith(b"\x89HDF"):
        from shared_io import hdf5

        with hdf5.reader(path) as file:
            text = file.attrs().get(ATTRIBUTE)
    elif head.startswith(b"PAR1"):
        from shared_io.table import parquet

        text = parquet.key_values(path).get(ATTRIBUTE)
    elif head.startswith((b"# shared_io", b"# %ECSV", b"\x1f\x8b")):
        text = _from_text(path)
    else:
        _check_name(path, head)
        return None
    return None if text is None else _parse(text, path)


def _check_name(path: str | os.PathLike[str], head: bytes) -> None:
    """Refuse a file of a format that carries provenance where not even the signature of that format is left."""
    from shared_io import locate

    signed = (*locate.FITS_SUFFIXES, *locate.HDF5_SUFFIXES, ".parquet", ".ecsv")
    if locate.suffix(path, signed):
        raise CorruptInput(f"not what its name says but {_source.describe(head)}", path=path)
    if locate.suffix(path, (".csv",)):
        from shared_io.table import text

        with _source.open_input(path) as file:
            text.check_lost(file.read(4096), path)


def _parse(text: object, path: str | os.PathLike[str]) -> Provenance:
    try:
        return Provenance.from_json(str(text))
    except (ValueError, RecursionError) as error:
        raise CorruptInput(f"the provenance cannot be read: {error}", path=path) from error


def _from_fits(path: str | os.PathLike[str]) -> str | None:
    if not _source.magic(path).startswith(b"SIMPLE") and not os.fspath(path).lower().endswith(".gz"):
        return None
    from shared_io import fits

    value = fits.inspect(path)[0].header.get("PROVJSON")
    return None if value is None else str(value)


def _from_text(path: str | os.PathLike[str]) -> str | None:
    from shared_io.table import text

    return text.provenance(path)


def _plain(value: object) -> object:
    """Return what JSON can hold for paths, sets and the scalars of numpy."""
    if isinstance(value, os.PathLike):
        return PurePath(value).name
    if isinstance(value, set | frozenset):
        return sorted(value)
    item = getattr(value, "tolist", None)
    if item is not None:
        return item()
    raise TypeError(f"{type(value).__name__} cannot be part of a provenance")
