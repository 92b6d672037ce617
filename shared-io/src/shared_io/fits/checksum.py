"""The checksums of the FITS standard (section 4.4.2.7 and appendix J), at the speed of memory."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shared_io.errors import CorruptInput
from shared_io.fits.structure import OURS, Block

__all__ = ["OURS", "check_header", "check_sums", "check_total", "encode", "ones_sum", "ones_sums", "text_of"]

log = logging.getLogger(__name__)

_FULL = 0xFFFFFFFF
_FEW_BITS = 6
_ALTERED = "the file was altered or damaged: fetch or copy it again"
_SCRATCH = 2**18  # bytes of rows that are added up at once: they stay in the cache
_WORDS = 2**26  # of 4 bytes, added up at once: far from overflowing 64 bits
# Characters that the encoding must not contain: punctuation between digits, capitals and small letters.
_EXCLUDED = frozenset(b":;<=>?@[\\]^_`")


def ones_sum(data: bytes | bytearray | memoryview | npt.NDArray[np.uint8], total: int = 0) -> int:
    """Return the 32-bit ones'-complement sum of the big-endian words of `data`.

    With S the plain sum of the words, the ones'-complement sum is S with all carries out of the low 32
    bits added back in: S mod (2^32 - 1), where a sum that is not zero never becomes zero.

    Parameters
    ----------
    data
        Any number of bytes; the last word is filled up with zeros.
    total
        The sum of what came before (in whole words).

    Returns
    -------
    int
        0 <= sum < 2^32.
    """
    raw = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data
    whole = raw.size // 4 * 4
    words = raw[:whole].view(">u4")
    for start in range(0, words.size, _WORDS):
        total = _fold(total + int(words[start : start + _WORDS].sum(dtype=np.uint64)))
    if whole != raw.size:
        total += int.from_bytes(raw[whole:].tobytes().ljust(4, b"\0"), "big")
    return _fold(total)


def ones_sums(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the `ones_sum` of each row.

    Two words are added at a time: the sums of the high ones are exact, those of the low ones follow from the sums
    of both, which are known modulo 2^64.

    Parameters
    ----------
    rows : ndarray of uint8, shape (n, bytes)
        The bytes of a row lie side by side; they are whole pairs of words, fewer than 2^32 of them.
    """
    total = np.empty(len(rows), np.uint64)
    step = max(_SCRATCH // rows.shape[1], 1)
    scratch = np.empty((min(step, len(rows)), rows.shape[1] // 4), np.uint32)
    for start in range(0, len(rows), step):
        some = rows[start : start + step].view(">u4")
        words = scratch[: len(some)]
        words[:] = some
        pairs = words.view(np.uint64)
        both = pairs.sum(axis=1)
        pairs >>= np.uint64(32)
        high = pairs.sum(axis=1)
        total[start : start + step] = (both - (high << np.uint64(32))) + high
    for _ in range(2):
        total = (total & np.uint64(_FULL)) + (total >> np.uint64(32))
    return total.astype(np.int64)


def encode(total: int) -> str:
    """Return the 16 characters of CHECKSUM that bring the sum of an HDU to all ones.

    Parameters
    ----------
    total
        The sum of the HDU while its CHECKSUM is sixteen zeros ('0').
    """
    value = _FULL - total
    columns = []
    for byte in value.to_bytes(4, "big"):
        quotient, rest = divmod(byte, 4)
        four = [quotient + rest + 48, quotient + 48, quotient + 48, quotient + 48]
        columns.append(_without_punctuation(four))
    # Byte i of the value is spread over characters i, i + 4, i + 8, i + 12; then turned right by one.
    text = bytes(columns[i][j] for j in range(4) for i in range(4))
    return (text[-1:] + text[:-1]).decode("ascii")


def check_sums(data: npt.NDArray[np.uint8], block: Block, path: str | os.PathLike[str]) -> bool:
    """Verify DATASUM and CHECKSUM where they exist.

    Programs that cut or copy images often leave behind the checksums of the image that the header came
    from. Such cards fit neither the data nor their own header, whereas damage to the data leaves the header
    fitting the DATASUM that it states. They are therefore passed over with a remark in the log, unless the
    difference looks like a few flipped bits or the cards are our own.

    Parameters
    ----------
    data
        The data of the HDU with the filling.
    block
        The HDU.
    path
        For messages.

    Returns
    -------
    bool
        Whether there was something to verify, and it was sound.

    Raises
    ------
    CorruptInput
        When the HDU was altered.
    """
    return check_total(lambda: ones_sum(data), block, path)


def check_total(sum_of_data: Callable[[], int], block: Block, path: str | os.PathLike[str]) -> bool:
    """Verify as `check_sums` does, with the `ones_sum` of data that do not lie in memory; asked for if needed."""
    check_header(block, path)
    stated, seal = text_of(block, "DATASUM"), text_of(block, "CHECKSUM")
    if not stated and not seal:
        return False
    found = sum_of_data()
    wrong_data = bool(stated) and (not stated.isdigit() or int(stated) != found)
    rest = ones_sum(block.header, found) if seal else 0
    wrong = bool(seal) and rest not in (0, _FULL)
    if wrong_data and wrong and _left_behind(block, int(stated) if stated.isdigit() else 0, found, rest):
        log.warning(
            "%s[%s]: its CHECKSUM and DATASUM belong to another image (the header was copied); not verified",
            os.fspath(path),
            block.place,
        )
        return False
    if wrong_data or wrong:
        what = (
            f"the data do not match their DATASUM ({found}, not {stated})"
            if wrong_data
            else ("the header does not match its CHECKSUM" if stated else "the HDU does not match its CHECKSUM")
        )
        raise CorruptInput(
            what,
            path=path,
            hdu=block.place,
            hint=_ALTERED,
        )
    return True


def check_header(block: Block, path: str | os.PathLike[str]) -> None:
    """Verify a header of ours by itself: its CHECKSUM, with the DATASUM that it states.

    Raises
    ------
    CorruptInput
        When it was altered.
    """
    if OURS.encode() not in block.header:
        return
    stated = text_of(block, "DATASUM")
    complete = stated.isdigit() and text_of(block, "CHECKSUM")
    if not complete or ones_sum(block.header, int(stated)) not in (0, _FULL):
        raise CorruptInput(
            "the header does not match its CHECKSUM",
            path=path,
            hdu=block.place,
            hint=_ALTERED,
        )


def _left_behind(block: Block, stated: int, found: int, rest: int) -> bool:
    """Tell whether the checksums were left behind in a header that was made into another one."""
    ours = any(OURS in block.cards[key] for key in ("CHECKSUM", "DATASUM"))
    certified = ones_sum(block.header, stated) in (0, _FULL)
    few = min(_signed_bits(found - stated), _signed_bits(rest)) <= _FEW_BITS
    return not (ours or certified or few)


def _signed_bits(difference: int) -> int:
    """Return how many signed powers of two make up a difference of sums (modulo 2^32 - 1), at least."""
    value = difference % _FULL
    return min(_weight(value), _weight(_FULL - value))


def _weight(value: int) -> int:
    """Return the number of digits other than 0 in the non-adjacent form."""
    return (value ^ (3 * value)).bit_count()


def text_of(block: Block, key: str) -> str:
    """Return the value of a text card without quotes; empty if there is none."""
    value = block.cards.get(key, "").strip()
    if not value.startswith("'"):
        return value.partition("/")[0].strip()
    return value[1:].partition("'")[0].strip()


def _without_punctuation(four: list[int]) -> list[int]:
    while any(c in _EXCLUDED for c in four):
        for i in (0, 2):
            if four[i] in _EXCLUDED or four[i + 1] in _EXCLUDED:
                four[i] += 1
                four[i + 1] -= 1
    return four


def _fold(total: int) -> int:
    while total > _FULL:
        total = (total & _FULL) + (total >> 32)
    return total
