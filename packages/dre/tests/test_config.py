"""Configuration files of SExtractor and PSFEx, as users write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dre.config import DETECTION, PSF_MODEL, Settings, parse, render


def test_what_is_written_is_read_back():
    for defaults in (DETECTION, PSF_MODEL):
        assert dict(parse(render(defaults, "title"), {}).values) == {key: value for key, (value, _) in defaults.items()}


def test_users_values_win_over_defaults_and_the_rest_stays():
    settings = parse("DETECT_THRESH\t3.5   # higher\n\n# BACK_SIZE 10\nphot_apertures 5, 10,20\n", DETECTION)
    assert settings.number("DETECT_THRESH") == 3.5
    assert settings.number("BACK_SIZE") == 64
    assert settings.numbers("PHOT_APERTURES") == (5, 10, 20)


@pytest.mark.parametrize(("text", "expected"), [("Y", True), ("y  ", True), ("N", False), ("", False)])
def test_flags(text, expected):
    assert parse(f"CLEAN {text}", DETECTION).flag("CLEAN") is expected


def test_a_word_where_a_number_belongs_names_the_key():
    with pytest.raises(ValueError, match=r"GAIN must be a number, not 'high'"):
        parse("GAIN high", DETECTION).number("GAIN")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z_]{1,12}", fullmatch=True), st.from_regex(r"[0-9A-Za-z.,/]{1,20}", fullmatch=True)
    )
)
def test_any_settings_survive_a_file(values):
    text = "".join(f"{key}   {value}  # comment\n" for key, value in values.items())
    assert parse(text, {}) == Settings(values)
