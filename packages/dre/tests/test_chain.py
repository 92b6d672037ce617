"""``dre run``, ``dre report`` and ``dre export`` on a small survey."""

from __future__ import annotations

import hashlib

import h5py
import numpy as np
import pytest
from astropy.io import fits as afits
from shared_io import provenance, table
from survey import MODELS, write_tile

from dre.simulate import Recipe, simulate_tile

RUN = "dre run Tiles -o work --engine sep --psf-engine stars --gain counts -zp 25 -m small.fits"


@pytest.fixture(scope="module")
def tile():
    recipe = Recipe(size=420, galaxies=5, stars=20, flux=(4e4, 3e5), log_r=(0.4, 0.8), index=2.0)
    return simulate_tile(recipe, np.random.default_rng(3))


@pytest.fixture
def folder(tmp_path, tile, run):
    write_tile(tmp_path / "Tiles" / "image1.fits", tile.image)
    line = MODELS.replace("0.2 0.2 5 --angle", "0.2 0.25 5 --angle") + " --index 1 1.5 3 --box 32"
    assert run(tmp_path, f"dre {line}")[0] == 0
    return tmp_path


def fingerprints(folder):
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".ledger")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_the_whole_chain_finds_the_truth_and_is_resumed_to_the_same_bytes(run, folder, tile):
    code, out = run(folder, RUN)
    assert code == 0, out + run.errors
    rows = table.read(folder / "work" / "Summary" / "image1_tab.fits")
    galaxies = tile.truth[tile.truth["KIND"] == "galaxy"]
    found = 0
    for row in rows:
        distance = np.hypot(galaxies["X_IMAGE"] - row["X_FIT"], galaxies["Y_IMAGE"] - row["Y_FIT"])
        if distance.min() < 1:
            true = galaxies[int(np.argmin(distance))]
            found += 1
            assert abs(row["LOGR"] - true["LOGR"]) < 0.06
            assert abs(row["FLUX"] / true["FLUX"] - 1) < 0.1
            assert row["MAG"] == pytest.approx(25 - 2.5 * np.log10(row["FLUX"]))
    assert found >= 4
    page = (folder / "work" / "Report" / "index.html").read_text()
    assert page.count("<article") == len(rows)
    assert provenance.read(folder / "work" / "Summary" / "image1_tab.fits").config["statistic"] == "chi2"
    before = fingerprints(folder / "work")
    reports = run.json(folder, RUN)
    assert [report["step"] for report in reports] == ["sources", "PSFs", "profiles", "sheets", "page"]
    entries = [entry for report in reports for entry in report["entries"]]
    assert {entry["state"] for entry in entries} == {"skipped"}
    for product in ("Summary/image1_tab.fits", "Report/image1_sheet1.png", "Report/index.html"):
        (folder / "work" / product).unlink()
    assert run(folder, RUN)[0] == 0
    assert fingerprints(folder / "work") == before
    exported(run, folder, rows)


def test_stamps_from_memory_give_the_same_table_and_pictures_as_files_of_cuts(run, folder, tile):
    """What is cut in memory is what make_cuts writes, to the last bit, in both statistics."""
    image, first = tile.image.copy(), tile.truth[tile.truth["KIND"] == "galaxy"][0]
    image[int(first["Y_IMAGE"]) + 30, int(first["X_IMAGE"])] = np.nan
    write_tile(folder / "Tiles" / "image1.fits", image)
    assert run(folder, f"dre {MODELS.replace('small', 'big')}")[0] == 0, run.errors
    for options in ("", "--statistic dre -m big.fits"):
        line = f"{RUN} {options} --overwrite -f FLUX_AUTO 0 1e9 --warn"
        assert run(folder, line)[0] == 0, run.errors
        assert "is left out" in run.errors
        assert not (folder / "work" / "Cuts").exists()
        assert run(folder, line.replace("-o work", "-o kept") + " --keep-cuts")[0] == 0, run.errors
        memory, files = (table.read(folder / name / "Summary" / "image1_tab.fits") for name in ("work", "kept"))
        assert len(memory) >= 3
        assert memory.colnames == files.colnames
        for column in memory.colnames:
            np.testing.assert_array_equal(memory[column], files[column])
        sheets = [(folder / name / "Report" / "image1_sheet1.png").read_bytes() for name in ("work", "kept")]
        assert sheets[0] == sheets[1]
    assert ("CHI" in memory.colnames, (folder / "work" / "Chi" / "image1_chi.h5").exists()) == (True, True)
    number = memory["NUMBER"][0]
    assert run(folder / "kept", f"dre export image1 {number}")[0] == 0, run.errors
    feedme = (folder / "kept" / "Export" / f"image1_00_{number:04d}.feedme").read_text()
    assert f" 4) {10 ** memory['LOGR'][0]:.5f} 1" in feedme


def exported(run, folder, rows):
    """The exported pixels and values are those of the fit; nothing is overwritten unasked."""
    row = rows[0]
    line = f"dre export image1 {row['NUMBER']} -i Summary --psf PSF"
    assert run(folder / "work", line)[0] == 4
    assert "--images" in run.errors
    line += " --images ../Tiles"
    assert run(folder / "work", line)[0] == 0
    stem = folder / "work" / "Export" / f"image1_00_{row['NUMBER']:04d}"
    assert afits.getdata(f"{stem}.fits").shape == (128, 128)
    assert afits.getdata(f"{stem}_psf.fits").sum() == pytest.approx(1)
    noise, centre = afits.getdata(f"{stem}_sigma.fits"), np.s_[60:68, 60:68]
    assert np.median(noise[:20, :20]) < 1.2 * np.median(afits.getdata(folder / "work/Sextracted/image1_rms.fits"))
    data = afits.getdata(f"{stem}.fits")[centre].sum()  # of a gain of 1
    assert (noise[centre] ** 2).sum() == pytest.approx(data + 64 * np.median(noise[:20, :20]) ** 2, rel=0.05)
    assert afits.getheader(f"{stem}.fits")["EXPTIME"] == 1
    assert f"{row['R_E']:.5f}" in stem.with_suffix(".feedme").read_text()
    assert f"{row['INDEX']:.5f}" in stem.with_suffix(".imfit").read_text()
    assert run(folder / "work", line)[0] == 6
    assert run(folder / "work", line + " --overwrite")[0] == 0
    code, _ = run(folder / "work", "dre export image1 9999")
    assert (code, len(run.errors.strip().splitlines())) == (4, 1)


def test_a_bad_image_fails_alone(run, folder):
    (folder / "Tiles" / "bad.fits").write_bytes((folder / "Tiles" / "image1.fits").read_bytes()[:50_000])
    code, out = run(folder, RUN)
    assert code == 3
    assert "bad.fits" in out
    assert (folder / "work" / "Report" / "image1_sheet1.png").exists()


def test_nothing_goes_on_where_nothing_is_left(run, folder):
    (folder / "Tiles" / "image1.fits").write_text("<html>not found</html>")
    code, out = run(folder, RUN)
    assert code == 3
    assert "image1.fits" in out
    assert "PSFs" not in out
    assert run.errors == ""


def test_extensions_and_a_damaged_cut(run, folder, tile):
    """A camera of two chips: one broken cut is named, and no other is lost or waited for."""
    write_tile(folder / "Tiles" / "image1.fits", tile.image, tile.image[::-1].copy())
    assert run(folder, RUN + " --keep-cuts")[0] == 0
    before = table.read(folder / "work" / "Summary" / "image1_tab.fits")
    assert set(before["EXT_NUMBER"]) == {1, 2}
    with h5py.File(folder / "work" / "Cuts" / "image1_cuts.h5", "r+") as cuts:
        broken = next(iter(cuts))
        del cuts[broken]["rms"]
    code, out = run(folder / "work", "dre fit ../small.fits --overwrite")
    assert code == 3
    assert f"[{broken}]" in out
    assert len(table.read(folder / "work" / "Summary" / "image1_tab.fits")) == len(before) - 1


def test_an_unknown_gain_is_said(run, folder):
    assert run(folder, RUN + " --keep-cuts")[0] == 0
    code, out = run(folder / "work", "dre fit ../small.fits --catalogs Nowhere --summary Other")
    assert code == 0
    assert "gain not known" in out


def test_dry_run_writes_nothing(run, folder):
    code, out = run(folder, RUN + " --dry-run")
    assert code == 0
    assert "would fit: Tiles/image1.fits" in out
    assert not (folder / "work").exists()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("dre run Nowhere", 4, "Nowhere"),
        ("dre run -i Nowhere", 4, "Nowhere"),
        ("dre run", 2, "name an image"),
        ("dre report", 4, "dre fit"),
        ("dre export image1 what", 4, "EE_NNNN"),
        ("dre fit --gain -3", 2, "gain"),
        ("dre fit --statistic other", 2, "other"),
    ],
)
def test_wrong_input_is_one_clear_line(run, tmp_path, line, code, words):
    assert run(tmp_path, line)[0] == code
    assert words in run.errors
    assert len(run.errors.strip().splitlines()) == 1


def test_another_table_is_not_drawn(run, tmp_path):
    from astropy.table import Table

    (tmp_path / "Summary").mkdir()
    for folder in ("Cuts", "PSF"):
        (tmp_path / folder).mkdir()
    table.write(Table({"NUMBER": [1], "CHI": [1.0]}), tmp_path / "Summary" / "a_tab.fits")
    (tmp_path / "Cuts" / "a_cuts.h5").write_bytes(b"")
    (tmp_path / "PSF" / "a.psf").write_bytes(b"")
    code, out = run(tmp_path, "dre report")
    assert code == 3
    assert "no summary table" in out
