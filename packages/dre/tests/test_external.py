"""External programs: found under any name, and every way of failing explained."""

from pathlib import Path

import numpy as np
import pytest
from shared_io.errors import ExternalFailed, InputNotFound

from dre.config import DETECTION, PSF_MODEL, parse
from dre.external import programs, psfex, sextractor
from dre.files import catalogue


def script(folder: Path, name: str, body: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("name", ["source-extractor", "sex", "sextractor"])
def test_sextractor_is_found_under_each_of_its_names(name, tmp_path, monkeypatch):
    script(tmp_path, name, "echo 'Source Extractor version 2.25.0 (2018-02-08)'")
    monkeypatch.setenv("PATH", str(tmp_path))
    program = programs.find("SExtractor")
    assert program.path.name == name
    assert program.version() == "2.25.0"


def test_a_missing_program_is_an_error_that_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("PSFEx") is None
    with pytest.raises(ExternalFailed, match=r"PSFEx was not found.*install it.*--engine stars"):
        programs.require("PSFEx")


def test_a_failing_program_is_quoted_without_its_screen_codes(tmp_path):
    path = script(tmp_path, "sex", r"printf '\033[1M> Setting up\n\033[1A> *ERROR*: cannot read it\n' >&2; exit 3")
    with pytest.raises(ExternalFailed, match=r"tile.fits: SExtractor ended with status 3: \*ERROR\*: cannot read it"):
        programs.Program("SExtractor", path).run([], subject=Path("tile.fits"))


def test_a_program_that_cannot_be_started_is_an_error(tmp_path):
    path = tmp_path / "sex"
    path.write_text("no program")
    with pytest.raises(ExternalFailed, match="could not be started"):
        programs.Program("SExtractor", path).run([], subject=Path("tile.fits"))


def recorder(tmp_path: Path) -> programs.Program:
    return programs.Program("SExtractor", script(tmp_path, "sex", f'printf "%s\\n" "$@" > {tmp_path}/arguments'))


def test_what_sextractor_is_told(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    for name in ("default.conv", "default.nnw"):
        (tmp_path / name).write_text("x")
    config = tmp_path / "my.sex"
    config.write_text("DETECT_THRESH 3")
    (tmp_path / "default.param").write_text("NUMBER")
    sextractor.run(
        recorder(tmp_path),
        [Path("a.fits"), Path("b.fits")],
        work,
        parse("", DETECTION),
        config,
        overrides={"GAIN": "2"},
    )
    told = (tmp_path / "arguments").read_text().splitlines()
    pairs = dict(zip(told[1::2], told[2::2], strict=True))
    assert told[0] == "a.fits,b.fits"
    assert pairs["-c"] == str(config)
    assert pairs["-CATALOG_TYPE"] == "FITS_LDAC"
    assert pairs["-CHECKIMAGE_TYPE"] == "-BACKGROUND,BACKGROUND_RMS,SEGMENTATION"
    assert pairs["-GAIN"] == "2"
    for key, name in (
        ("PARAMETERS_NAME", "default.param"),
        ("FILTER_NAME", "default.conv"),
        ("STARNNW_NAME", "default.nnw"),
    ):
        assert pairs[f"-{key}"] == str(tmp_path / name)
    assert all(Path(pairs[f"-{key}"]).is_absolute() for key in ("CATALOG_NAME", "PARAMETERS_NAME"))


def test_a_folder_with_a_blank_in_its_name(tmp_path):
    """SExtractor would read "my files/default.param" as two words."""
    home, work = tmp_path / "my files, old", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    for name in ("default.conv", "default.nnw", "default.param", "my.sex"):
        (home / name).write_text(name)
    sextractor.run(recorder(tmp_path), [Path("a.fits")], work, parse("", DETECTION), home / "my.sex", overrides={})
    told = (tmp_path / "arguments").read_text().splitlines()
    pairs = dict(zip(told[1::2], told[2::2], strict=True))
    for key, name in (("c", "my.sex"), ("PARAMETERS_NAME", "default.param"), ("STARNNW_NAME", "default.nnw")):
        assert " " not in pairs[f"-{key}"]
        assert Path(pairs[f"-{key}"]).read_text() == name


def test_a_parameter_file_that_the_user_named_and_that_is_missing_is_an_error(tmp_path):
    config = tmp_path / "my.sex"
    config.write_text("PARAMETERS_NAME nowhere.param")
    with pytest.raises(InputNotFound, match=r"nowhere.param.*PARAMETERS_NAME"):
        sextractor.run(
            recorder(tmp_path), [Path("a.fits")], tmp_path, parse(config.read_text(), DETECTION), config, overrides={}
        )


def test_stars_with_blank_pixels_in_their_core_are_kept_from_psfex(tmp_path):
    """PSFEx would take them as they are, and a column of NaN would take the side of the PSF with it."""
    source = Path(__file__).parent / "data" / "tile_cat.fits"
    table, heads = catalogue.read_extensions(source)[0], catalogue.read_heads(source)
    table["VIGNET"][table["VIGNET"] < -1e29] = 0
    table["VIGNET"][3, 0, 0] = -1e30  # far from the core: of no concern
    star, middle = int(np.argmin(table["FLUX_RADIUS"])), table["VIGNET"].shape[1] // 2
    for name, rows in (("sound", len(table)), ("wounded", len(table) - 1)):
        work = tmp_path / name
        work.mkdir()
        catalogue.write_ldac(work / "cat.fits", [table], heads)
        copy = script(tmp_path, "psfex", f'cp "$1" {work}/seen.fits; touch {work}/stars.psf')
        psfex.run(programs.Program("PSFEx", copy), work / "cat.fits", work, parse("", PSF_MODEL), None)
        assert catalogue.count_sources(work / "seen.fits") == rows
        table["VIGNET"][star, middle, middle + 2] = -1e30
