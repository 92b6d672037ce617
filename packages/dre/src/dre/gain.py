"""The detector gain of an image from its header."""

from __future__ import annotations

from collections.abc import Mapping


def gain_of(header: Mapping[str, object], request: str, key: str = "auto") -> float:
    """Return the effective gain of an image [e-/ADU].

    Parameters
    ----------
    header : mapping
        Header cards of the image.
    request : str
        A number [e-/ADU]; 'counts': the header's gain; 'cps': the header's gain times EXPTIME, for images in counts
        per second.
    key : str
        Header keyword of the gain; 'auto': GAIN, else the only keyword that contains GAIN.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the header does not hold what is needed, or not as a positive number; the message says which.
    """
    if request not in {"counts", "cps"}:
        return _positive(request, "--gain must be 'counts', 'cps' or a number [e-/ADU]")
    name = _gain_keyword(header) if key == "auto" else key
    if name not in header:
        raise ValueError(f"the header has no {name}; name the keyword with --gain-key")
    gain = _positive(header[name], f"{name} is not a positive number")
    if request == "counts":
        return gain
    if "EXPTIME" not in header:
        raise ValueError("the header has no EXPTIME, which --gain cps needs")
    return gain * _positive(header["EXPTIME"], "EXPTIME is not a positive number")


def _gain_keyword(header: Mapping[str, object]) -> str:
    if "GAIN" in header:
        return "GAIN"
    matches = sorted({name for name in header if "GAIN" in name})
    if len(matches) != 1:
        found = ", ".join(matches) or "none"
        raise ValueError(f"no single gain keyword in the header (found: {found}); name it with --gain-key")
    return matches[0]


def _positive(value: object, complaint: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"{complaint}: {value!r}") from None
    if not 0 < number < float("inf"):
        raise ValueError(f"{complaint}: {value!r}")
    return number
