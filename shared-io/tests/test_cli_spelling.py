"""Every spelling of a line gives the same canonical words."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_io.cli.spelling import Spec, UsageProblem, match_name, normalise, suggest

SPECS = (
    Spec("help", ("--help", "-h"), negatives=("--no-help",), kind="flag"),
    Spec("snr_thres", ("--snr-thres",)),
    Spec("snr_thres_low", ("--snr-thres-low",)),
    Spec("cpu", ("--cpu", "-cpu")),
    Spec("zero_point", ("--zero-point", "-zp")),
    Spec("fwhm", ("--fwhm", "-fwhm")),
    Spec("sep", ("--sep", "-sep")),
    Spec("output", ("--output", "-o")),
    Spec("overwrite", ("--overwrite",), negatives=("--no-overwrite",), kind="flag"),
    Spec("resume", ("--resume",), negatives=("--no-resume",), kind="flag"),
    Spec("do_gpu", ("--doGPU",), negatives=("--no-doGPU",), kind="flag"),
    Spec("do_cesium", ("--doCesium",), negatives=("--no-doCesium",), kind="flag"),
    Spec("n_core", ("--Ncore",)),
    Spec("group_ids", ("--group-ids",), many=True, number=True),
    Spec("classification", ("--classification",), many=True),
    Spec("filter", ("--filter", "-f"), nargs=3, many=True),
    Spec("margin", ("--margin",)),
    Spec("quiet", ("--quiet", "-q"), negatives=("--no-quiet",), kind="flag"),
    Spec("verbose", ("--verbose", "-v"), kind="count"),
    Spec("token", ("--token", "-token"), secret=True),
)


def argv(line: str, required: int = 0) -> list[str]:
    return normalise(line.split(), SPECS, required=required).argv


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--snr_thres 5", "--snr-thres 5"),
        ("--snr_thres=5", "--snr-thres 5"),
        ("--SNR-Thres 5", "--snr-thres 5"),
        ("--snrthres 5", "--snr-thres 5"),
        ("-snr_thres 5", "--snr-thres 5"),
        ("-cpu 4", "--cpu 4"),
        ("--cpu=4", "--cpu 4"),
        ("-cpu=4", "--cpu 4"),
        ("-zp 25", "-zp 25"),
        ("-fwhm 3", "--fwhm 3"),
        ("-sep _", "--sep _"),
        ("--doGPU", "--doGPU"),
        ("--dogpu", "--doGPU"),
        ("--do-gpu", "--doGPU"),
        ("--do_gpu", "--doGPU"),
        ("--doGPU true", "--doGPU"),
        ("--doGPU True", "--doGPU"),
        ("--doGPU 1", "--doGPU"),
        ("--doGPU=yes", "--doGPU"),
        ("--doGPU false", "--no-doGPU"),
        ("--doGPU 0", "--no-doGPU"),
        ("--doGPU=off", "--no-doGPU"),
        ("--no-doGPU", "--no-doGPU"),
        ("--no_dogpu", "--no-doGPU"),
        ("--no-doGPU=false", "--doGPU"),
        ("--no-resume true", "--no-resume"),
        ("--margin -5", "--margin -5"),
        ("--margin -.5", "--margin -.5"),
        ("--margin -inf", "--margin -inf"),
        ("--margin=-5", "--margin -5"),
        ("--group_ids 360 361 --doGPU", "--group-ids 360 --group-ids 361 --doGPU"),
        ("--group_ids -1 -2", "--group-ids -1 --group-ids -2"),
        ("--group_ids=360 file", "--group-ids 360 -- file"),
        ("--group_ids 360 361 file", "--group-ids 360 --group-ids 361 -- file"),
        ("--group_ids 360 361 -- 5", "--group-ids 360 --group-ids 361 -- 5"),
        ("--classification a b -q", "--classification a --classification b --quiet"),
        ("-f MAG 1 2 --filter SNR -3 9", "--filter MAG 1 2 --filter SNR -3 9"),
        ("-f=MAG 1 2", "--filter MAG 1 2"),
        ("--ver", "--verbose"),
        ("-vv", "--verbose --verbose"),
        ("--verbose=2", "--verbose --verbose"),
        ("-vq", "--verbose --quiet"),
        ("-oOUT", "--output OUT"),
        ("-o=OUT", "--output OUT"),
        ("-qoOUT", "--quiet --output OUT"),
        ("-o -", "--output -"),
        ("model.fits --cpu 4", "--cpu 4 -- model.fits"),
        ("--cpu 4 model.fits", "--cpu 4 -- model.fits"),
        ("-5 -q", "--quiet -- -5"),
        ("-- --cpu", "-- --cpu"),
        ("--output=", "--output "),
    ],
)
def test_spelling(line: str, expected: str) -> None:
    got = " ".join(normalise(line.split(), SPECS).argv)
    canonical = {"-v": "--verbose", "-q": "--quiet", "-o": "--output", "-f": "--filter", "-cpu": "--cpu"}
    canonical |= {"-fwhm": "--fwhm", "-sep": "--sep", "-zp": "-zp"}
    assert " ".join(canonical.get(word, word) for word in got.split(" ")) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--snr_thre 5", "may be --snr-thres, --snr-thres-low"),
        ("--cpus 5", "no such option: --cpus; did you mean --cpu?"),
        ("--over_write_all", "did you mean --overwrite?"),
        ("--o x", "ambiguous option: --o may be --output, --overwrite"),
        ("--cpu", "--cpu needs a value"),
        ("--output --doGPU", "--output needs a value"),
        ("-f MAG 1", "-f needs 3 values"),
        ("-f MAG 1 --doGPU", "-f needs 3 values"),
        ("--doGPU=maybe", "takes true or false, not 'maybe'"),
        ("--verbose=lots", "takes a number from 0 to 9"),
        ("\u2014cpu 4", "typographic dash, not with '-'; did you mean --cpu?"),
        ("-x", "no such option: -x"),
        ("--zzzzzz", "no such option: --zzzzzz"),
    ],
)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        normalise(line.split(), SPECS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_exact_name_is_not_ambiguous_with_a_longer_one() -> None:
    assert argv("--snr-thres 5") == ["--snr-thres", "5"]


def test_a_value_may_look_like_an_unknown_option() -> None:
    assert normalise(["--output", "-strange name"], SPECS).argv == ["--output", "-strange name"]


def test_a_list_gives_back_the_positional_that_is_missing() -> None:
    assert argv("--classification a b model.fits", required=1)[-2:] == ["--", "model.fits"]
    assert argv("model.fits --classification a b", required=1)[-2:] == ["--", "model.fits"]


def test_the_index_of_a_positional_is_its_place_in_the_line() -> None:
    parsed = normalise(["--cpu", "4", "fit", "-q", "x"], SPECS)
    assert parsed.positionals == [(2, "fit"), (4, "x")]


def test_secrets_are_named() -> None:
    assert normalise(["-token", "abc", "--token=def"], SPECS).secrets == ["abc", "def"]


def test_suggestion_ignores_dashes_and_case() -> None:
    assert suggest("dogpus", ["--output", "--doGPU"]) == "; did you mean --doGPU?"
    assert suggest("qqq", ["--output"]) == ""


def test_names_differing_in_case_only_are_told_apart() -> None:
    assert match_name("Value", ["value", "Value"]) == ["Value"]
    assert match_name("VALUE", ["value", "Value"]) == ["value", "Value"]


words = st.text(string.ascii_letters + string.digits + "._/+ =", min_size=1, max_size=8)
values = words | st.floats(allow_nan=False).map(str) | st.integers().map(str)
singles = st.sampled_from([s for s in SPECS if s.kind == "value" and s.nargs == 1 and not s.many])


def respelt(draw: st.DrawFn, spelling: str) -> str:
    """The same name in another form."""
    body = spelling.lstrip("-")
    form = draw(st.sampled_from([str, str.upper, str.lower, lambda s: s.replace("-", "_")]))
    dashes = draw(st.sampled_from(["--", "-"])) if len(body) > 2 else spelling[: -len(body)]
    return dashes + form(body) if len(body) > 2 else spelling


@st.composite
def lines(draw: st.DrawFn) -> tuple[list[str], list[str], list[str]]:
    """One command line in plain and in free spelling, and its positionals."""
    plain: list[str] = []
    free: list[str] = []
    for _ in range(draw(st.integers(0, 5))):
        spec = draw(singles)
        value = draw(values)
        name = respelt(draw, spec.spellings[0])
        plain += [spec.spellings[0], value]
        free += [f"{name}={value}"] if draw(st.booleans()) else [name, value]
    rest = [w for w in draw(st.lists(words, max_size=2)) if w.lower() not in ("true", "false", "0", "1")]
    return plain, free, rest


@given(lines())
def test_any_spelling_parses_to_the_same_values(line: tuple[list[str], list[str], list[str]]) -> None:
    plain, free, rest = line
    expected = normalise(plain + rest, SPECS)
    got = normalise(free + rest, SPECS)
    assert [(s.name, w[1:]) for s, w in got.options] == [(s.name, w[1:]) for s, w in expected.options]
    assert [w for _, w in got.positionals] == rest


@given(lines())
def test_normalising_twice_changes_nothing(line: tuple[list[str], list[str], list[str]]) -> None:
    once = normalise(line[1] + line[2], SPECS).argv
    assert normalise(once, SPECS).argv == once


@given(st.lists(st.text(max_size=12), max_size=8))
def test_no_line_does_anything_but_parse_or_explain(line: list[str]) -> None:
    try:
        parsed = normalise(line, SPECS)
    except UsageProblem:
        return
    assert normalise(parsed.argv, SPECS).argv == parsed.argv


@given(st.lists(st.integers(-999, 999), min_size=1, max_size=6))
def test_a_list_is_the_same_as_its_option_repeated(numbers: list[int]) -> None:
    listed = ["--group_ids", *map(str, numbers)]
    repeated = [w for n in numbers for w in ("--group-ids", str(n))]
    assert normalise([*listed, "--doGPU"], SPECS).argv == normalise([*repeated, "--doGPU"], SPECS).argv
