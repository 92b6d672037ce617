"""config.yaml: defaults, a user's file, what is refused, and secrets that stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from shared_io import cli
from shared_io.errors import SchemaMismatch, UnsafeInput

from scope.cli import app
from scope.config import read_config
from scope.features.cesium import NAMES as CESIUM
from scope.features.crossmatch import CATALOGUES
from scope.features.dmdt import DM_EDGES, DT_EDGES
from scope.kernels.statistics import NAMES as STATISTICS


def call(*words: str) -> int:
    return cli.execute(app, prog="scope", argv=["config", *words])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("KOWALSKI", "GLORIA", "MELMAN"):
        monkeypatch.delenv(f"{name}_INSTANCE_TOKEN", raising=False)
    return tmp_path


def written(here: Path, text: str, mode: int = 0o600) -> Path:
    path = here / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_shipped_defaults_are_those_of_the_library(here: Path) -> None:
    generation = read_config().settings.feature_generation
    assert {n: tuple(e.projection) for n, e in generation.external_catalog_features.items()} == CATALOGUES
    assert tuple(generation.cesium_features) == CESIUM
    assert tuple(generation.dmdt_ints.dtints) == DT_EDGES
    assert tuple(generation.dmdt_ints.dmints) == DM_EDGES


def test_the_feature_sets_are_the_published_ones(here: Path) -> None:
    features = read_config().settings.features
    counts = [(len(s), sum(f.include for f in s.values())) for s in (features.phenomenological, features.ontological)]
    assert counts == [(46, 35), (83, 61)]
    assert set(STATISTICS) - {"n"} <= {n for n, f in features.phenomenological.items() if f.include}


def test_the_default_algorithms_have_the_columns_that_inference_reads(here: Path) -> None:
    """The suffix of inference used to be that of an algorithm that did not run by default."""
    config = read_config()
    suffix = config.settings.features.info.period_suffix
    algorithms = config.settings.feature_generation.period_algorithms
    assert suffix in algorithms.CPU
    assert suffix in algorithms.GPU
    assert config.remarks() == []


def test_a_file_replaces_what_it_names(here: Path) -> None:
    path = written(here, "kowalski:\n  port: 444\nfeature_generation:\n  fields_to_run: [301]\n")
    settings = read_config(path).settings
    assert (settings.kowalski.port, settings.kowalski.protocol) == (444, "https")
    assert settings.feature_generation.fields_to_run == [301]
    assert read_config().settings == settings, "config.yaml of the folder is found by itself"
    sources = {row["key"]: row["source"] for row in read_config().rows()}
    assert sources["kowalski.port"] == "config.yaml"
    assert sources["kowalski.protocol"] == "default"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("feature_generaton: {}", r"feature_generaton: unknown key; did you mean feature_generation\?"),
        ("kowalski: {hots: {}}", r"kowalski\.hots: unknown key; did you mean hosts\?"),
        ("kowalski: {hosts: {me: {tokn: x}}}", r"kowalski\.hosts\.me\.tokn: unknown key; did you mean token\?"),
        ("features: {ontological: {ad: {inclde: true}}}", r"ad\.inclde: unknown key; did you mean include\?"),
        ("kowalski: {port: many}", r"kowalski\.port: .*integer"),
        ("feature_generation: {period_algorithms: {CPU: [PDM]}}", "no period algorithm is called 'PDM'"),
        ("feature_generation: {dmdt_ints: {dtints: [1, 0]}}", "27 items"),
        ("kowalski: {hosts: {me: {host: example.org, protocol: http}}}", "http would show the token"),
    ],
)
def test_mistakes_are_named(here: Path, text: str, says: str) -> None:
    with pytest.raises(SchemaMismatch, match=says):
        read_config(written(here, text))
    assert call("check", "config.yaml") == 4


def test_sections_of_later_parts_are_accepted_and_remarked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = "feature_generation: {period_search: {mag_bins: 10, max_freq: 100}}"
    written(here, f"training: {{dataset: x.csv}}\nwandb: {{project: y}}\n{search}\n")
    assert call("check") == 0
    said = capsys.readouterr()
    assert said.err.count("nothing of this release uses it") == 3
    assert read_config().settings.feature_generation.period_search.max_freq == 100
    assert "valid" in said.out


def test_a_token_that_others_can_read_is_refused(here: Path) -> None:
    text = "kowalski: {hosts: {kowalski: {token: abcdefgh}}}"
    with pytest.raises(UnsafeInput, match="chmod 600"):
        read_config(written(here, text, 0o644))
    host = read_config(written(here, text, 0o600)).settings.kowalski.hosts["kowalski"]
    assert host.token is not None
    assert host.token.get_secret_value() == "abcdefgh"


def test_tokens_are_not_shown(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    written(here, "kowalski: {hosts: {my-own: {token: abcdefgh}}}")
    monkeypatch.setenv("GLORIA_INSTANCE_TOKEN", "ijklmnop")
    assert call("show") == 0
    assert call("show", "--json") == 0
    said = capsys.readouterr().out
    assert "abcdefgh" not in said
    assert "ijklmnop" not in said
    assert "environment" in said
    config = read_config()
    assert "abcdefgh" not in repr(config.settings)
    monkeypatch.setenv("MY_OWN_INSTANCE_TOKEN", "qrst")
    token = read_config().settings.kowalski.hosts["my-own"].token
    assert token is not None
    assert token.get_secret_value() == "qrst", "the environment wins"


def test_options_of_a_command_are_still_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("show", "plot-lightcurve") == 0
    assert "--max-freq" in capsys.readouterr().out
    assert call("show", "plot-lightcurf") == 2
    assert call("show", "nowhere.yaml") == 4


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "!!python/object:os.system x", "[1, 2]", "a: 1\na: 2\n"])
def test_what_is_no_plain_mapping_is_refused(here: Path, text: str) -> None:
    written(here, text)
    assert call("check") == 4
