"""The fast way for the common cut-out: one simple image in a plain file.

A file that is in any way unusual is declined, not judged: `shared_io.stamps.general` reads it or says what is wrong.
So there is one place only that refuses files, and both ways give the same pixels, values and errors.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

import numpy as np

from shared_io import limits
from shared_io.fits.checksum import ones_sum
from shared_io.fits.structure import BLOCK
from shared_io.stamps.cards import ODD, Value, parse
from shared_io.stamps.layout import CARD, NAME, Form, Layout, layout_of

__all__ = ["FLAGS", "Quick"]

FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_LARGEST = 2**22  # bytes of a file; larger ones gain nothing here
_LAYOUTS = 1024  # kept; files of more kinds than that gain little either
_FULL = 0xFFFFFFFF
_END = b"END" + b" " * (CARD - 3)
_PLAIN_KEY = re.compile(r"[A-Z0-9_ -]+")


class Quick:
    """Reads files one after the other and remembers how headers are laid out.

    Parameters
    ----------
    keys
        The cards wanted.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        names = [key.upper().removeprefix("HIERARCH ") for key in keys]
        self._keys = tuple(name.encode().ljust(8) for name in names)
        self._usable = all(_PLAIN_KEY.fullmatch(name) for name in names)
        self._layouts: dict[bytes, Layout | None] = {}
        active = limits.current()
        self._most = min(_LARGEST, active.object_bytes, active.header_bytes)

    def read(self, path: str | os.PathLike[str]) -> tuple[Form, bytes, list[Value]] | None:
        """Read one file.

        Returns
        -------
        form : Form
            The shape and the type of the pixels.
        pixels : bytes
            As stored.
        values : list
            One for each key.

        or None if this file needs the general way.
        """
        found = self._opened(path)
        if found is None or not _sound(found[0], found[1]):
            return None
        raw, layout, form = found
        values: list[Value] = [
            None if at < 0 else parse(raw[at : at + CARD - NAME])  # type: ignore[misc]
            for at in layout.wanted
        ]
        return None if ODD in values else (form, raw[layout.size : layout.size + form.size], values)

    def look(self, path: str | os.PathLike[str]) -> tuple[bytes, Layout, Form] | None:
        """Return the header of a simple image with what it declares, or None; checksums are not looked at."""
        found = self._opened(path)
        return None if found is None else (found[0][: found[1].size], found[1], found[2])

    def _opened(self, path: str | os.PathLike[str]) -> tuple[bytes, Layout, Form] | None:
        raw = self._bytes(path) if self._usable else None
        layout = None if raw is None else self._layout(raw)
        form = None if raw is None or layout is None else layout.form(raw)
        if raw is None or layout is None or form is None or form.total != len(raw):
            return None
        return raw, layout, form

    def _bytes(self, path: str | os.PathLike[str]) -> bytes | None:
        """Return a whole file, or None if it is missing, no regular file, or large."""
        try:
            descriptor = os.open(path, FLAGS)
        except (OSError, ValueError):
            return None
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or not BLOCK < found.st_size <= self._most:
                return None
            return os.read(descriptor, found.st_size + 1)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def _layout(self, raw: bytes) -> Layout | None:
        end = raw.find(_END)
        while end % CARD:  # also where there is none: -1
            if end < 0:
                return None
            end = raw.find(_END, end + 1)
        cards = np.frombuffer(raw, np.uint8, end).reshape(-1, CARD)
        names = cards[:, :NAME].tobytes()
        try:
            return self._layouts[names]
        except KeyError:
            if len(self._layouts) >= _LAYOUTS:
                self._layouts.clear()
            size = -(-(end + CARD) // BLOCK) * BLOCK
            starts = raw.startswith(b"SIMPLE  =")
            found = self._layouts[names] = layout_of(names, size, end, self._keys) if starts else None
            return found


def _sound(raw: bytes, layout: Layout) -> bool:
    """Tell whether the checksums that there are fit."""
    if layout.datasum < 0 and layout.checksum < 0:
        return True
    found = ones_sum(memoryview(raw)[layout.size :])
    if layout.datasum >= 0:
        stated = parse(raw[layout.datasum : layout.datasum + CARD - NAME])
        if not isinstance(stated, str) or not stated.strip().isdigit() or int(stated) != found:
            return False
    return layout.checksum < 0 or ones_sum(memoryview(raw)[: layout.size], found) in (0, _FULL)
