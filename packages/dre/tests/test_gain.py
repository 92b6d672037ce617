"""The gain of an image from its header."""

import pytest

from dre.gain import gain_of


@pytest.mark.parametrize(
    ("header", "request_", "key", "expected"),
    [
        ({}, "2.5", "auto", 2.5),
        ({"GAIN": 1.5}, "counts", "auto", 1.5),
        ({"GAIN": 1.5, "EXPTIME": 100}, "cps", "auto", 150),
        ({"CCDGAIN": 2.0}, "counts", "auto", 2.0),
        ({"GAIN": 1.5, "CCDGAIN": 2.0}, "counts", "auto", 1.5),
        ({"GAIN": 1.5, "CCDGAIN": 2.0}, "counts", "CCDGAIN", 2.0),
    ],
)
def test_gain(header, request_, key, expected):
    assert gain_of(header, request_, key) == expected


@pytest.mark.parametrize(
    ("header", "request_", "key", "message"),
    [
        ({}, "counts", "auto", "no single gain keyword"),
        ({"GAIN1": 1, "GAIN2": 2}, "counts", "auto", "GAIN1, GAIN2"),
        ({"GAIN": 1}, "cps", "auto", "EXPTIME"),
        ({"GAIN": "high"}, "counts", "auto", "not a positive number"),
        ({"GAIN": -1}, "counts", "auto", "not a positive number"),
        ({}, "lots", "auto", "'counts', 'cps' or a number"),
        ({"GAIN": 1}, "counts", "EGAIN", "no EGAIN"),
    ],
)
def test_what_the_header_lacks_is_named(header, request_, key, message):
    with pytest.raises(ValueError, match=message):
        gain_of(header, request_, key)
