"""The whole road from sky images to summaries, on the working folder of the manual."""

import hashlib
import shutil

import h5py
import numpy as np
import pytest
from astropy.io import fits as afits
from shared_io import fits, provenance, table
from survey import MODELS, write_tile

from dre.files.catalogue import read_catalogue

ENGINES = [
    pytest.param("--engine sep", "--engine stars", id="embedded"),
    pytest.param(
        "--engine sextractor", "--engine psfex", id="programs",
        marks=pytest.mark.skipif(
            not ((shutil.which("source-extractor") or shutil.which("sex")) and shutil.which("psfex")),
            reason="SExtractor or PSFEx is not installed",
        ),
    ),
]  # fmt: skip


def whole_road(run, folder, sex="--engine sep", psfex="--engine stars", more=""):
    for line in (
        "dre init", f"sex_dre -c sex_source/default.sex --gain counts {sex} {more}", f"psfex_dre {psfex}",
        "make_cuts", f"dre {MODELS}", "dre small.fits --statistic dre --mosaics --cpu 2",
    ):  # fmt: skip
        code, out = run(folder, line)
        assert code == 0, (line, out, run.errors)


def matched(truth, fitted):
    """Yield (true galaxy, fit) pairs."""
    for source in fitted:
        distance = np.hypot(truth["X_IMAGE"] - source["X_IMAGE"], truth["Y_IMAGE"] - source["Y_IMAGE"])
        if distance.min() < 2 and truth["KIND"][distance.argmin()] == "galaxy":
            yield truth[distance.argmin()], source


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_fits_lie_by_the_truth(run, survey, skies, sex, psfex):
    whole_road(run, survey, sex, psfex)
    fitted = table.read(survey / "Summary" / "image1_tab.fits")
    pairs = list(matched(skies[0].truth, fitted))
    assert len(pairs) >= 5
    for true, source in pairs:
        assert abs(source["LOGR"] - true["LOGR"]) < 0.2
        assert abs(source["AX_RATIO"] - true["AX_RATIO"]) < 0.2
        if true["AX_RATIO"] < 0.7:
            assert abs((source["ANGLE"] - true["ANGLE"] + 90) % 180 - 90) < 25


def test_layout_names_and_formats_are_those_of_the_manual(run, survey):
    whole_road(run, survey, more="--subdir")
    names = {str(path.relative_to(survey)) for path in survey.rglob("*") if path.is_file()}
    for suffix in ("cat", "nb", "rms", "seg"):
        assert f"Sextracted/image1/image1_{suffix}.fits" in names
    assert {"PSF/image1.psf", "Cuts/image1_cuts.h5", "Chi/image1_chi.h5", "Summary/image1_tab.fits"} <= names
    with h5py.File(survey / "Cuts" / "image1_cuts.h5") as cuts, h5py.File(survey / "Chi" / "image1_chi.h5") as chi:
        assert set(cuts) == set(chi)
        for name in cuts:
            assert name.startswith("00_")
            assert len(name) == 7
            assert {key: (item.shape, item.dtype) for key, item in cuts[name].items()} == {
                "obj": ((128, 128), np.float32), "seg": ((128, 128), bool), "rms": ((128, 128), np.float32),
                "neighbours": ((128, 128), np.uint16),
            }  # fmt: skip
            assert (chi[name].shape, chi[name].dtype) == ((1, 5, 6, 5), np.float32)
            assert f"Mosaics/image1/image1_{name}_mosaic.fits" in names
            with afits.open(survey / "Mosaics" / "image1" / f"image1_{name}_mosaic.fits") as hdus:
                assert hdus[1].data.shape == (128, 512)
                assert np.array_equal(hdus[1].data[:, :128], cuts[name]["obj"][()])  # not transposed
    nb, seg = (afits.getdata(survey / "Sextracted" / "image1" / f"image1_{s}.fits") for s in ("nb", "seg"))
    assert (nb.dtype.kind, seg.dtype.kind) == ("f", "i")


def test_summary_is_the_minimum_of_the_chi_cube(run, survey):
    whole_road(run, survey)
    fitted = table.read(survey / "Summary" / "image1_tab.fits")
    with h5py.File(survey / "Chi" / "image1_chi.h5") as chi:
        for row in fitted:
            cube = chi[f"{row['EXT_NUMBER']:02d}_{row['NUMBER']:04d}"][()]
            assert tuple(row["MODEL_IDX"]) == np.unravel_index(np.nanargmin(cube), cube.shape)
            assert row["CHI"] == pytest.approx(np.nanmin(cube), rel=1e-6)


def fingerprints(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".dre-")
    }  # fmt: skip


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
def test_the_same_input_gives_the_same_bytes_anywhere(run, survey, tmp_path_factory, sex, psfex):
    other = tmp_path_factory.mktemp("elsewhere") / "deep" / "er"
    shutil.copytree(survey, other)
    whole_road(run, survey, sex, psfex)
    whole_road(run, other, sex, psfex)
    assert fingerprints(survey) == fingerprints(other)


def test_a_second_run_skips_everything_and_changes_nothing(run, survey):
    whole_road(run, survey)
    before = {path: path.stat().st_mtime_ns for path in survey.rglob("*") if path.is_file()}
    for line in (
        "sex_dre -c sex_source/default.sex --gain counts --engine sep",
        "psfex_dre --engine stars",
        "make_cuts",
        "dre small.fits --statistic dre --mosaics",
    ):
        assert [entry["state"] for entry in run.json(survey, line)["entries"]] == ["skipped"], line
    assert before == {path: path.stat().st_mtime_ns for path in survey.rglob("*") if path.is_file()}


def test_what_a_killed_run_left_undone_is_done_by_the_next_to_the_same_bytes(run, survey):
    whole_road(run, survey)
    before = fingerprints(survey)
    mosaic = next((survey / "Mosaics" / "image1").glob("*"))
    mosaic.unlink()
    (survey / "Summary" / "image1_tab.fits").unlink()
    assert run(survey, "dre small.fits --statistic dre --mosaics --cpu 2")[0] == 0
    assert fingerprints(survey) == before


def test_other_settings_do_not_overwrite_unless_told(run, survey):
    assert run(survey, "sex_dre --engine sep")[0] == 0
    before = fingerprints(survey)
    code, out = run(survey, "sex_dre --engine sep --arg DETECT_THRESH 5")
    assert code == 6
    assert "--overwrite" in out
    assert fingerprints(survey) == before
    assert run(survey, "sex_dre --engine sep --arg DETECT_THRESH 5 --overwrite")[0] == 0
    assert fingerprints(survey) != before


def test_a_users_file_in_the_way_is_refused(run, survey):
    (survey / "Cuts").mkdir()
    (survey / "Cuts" / "image1_cuts.h5").write_text("mine")
    run(survey, "sex_dre --engine sep")
    assert run(survey, "make_cuts")[0] == 6
    assert (survey / "Cuts" / "image1_cuts.h5").read_text() == "mine"


def test_a_broken_image_fails_alone(run, survey, skies):
    whole = (survey / "Tiles" / "image1.fits").read_bytes()
    (survey / "Tiles" / "image0.fits").write_bytes(whole[: len(whole) // 2])
    (survey / "Tiles" / "image2.fits").write_text("<html>not found</html>")
    code, out = run(survey, "sex_dre --engine sep")
    assert code == 3
    assert "image0.fits" in out
    assert "image2.fits" in out
    assert (survey / "Sextracted" / "image1_cat.fits").exists()
    assert not list((survey / "Sextracted").glob("image[02]*"))
    code, out = run(survey, "make_cuts")
    assert code == 3
    assert (survey / "Cuts" / "image1_cuts.h5").exists()


def test_one_damaged_cut_does_not_stop_the_fit_of_the_others(run, survey):
    whole_road(run, survey)
    with h5py.File(survey / "Cuts" / "image1_cuts.h5", "r+") as cuts:
        name = next(iter(cuts))
        del cuts[name]["rms"]
        others = set(cuts) - {name}
    code, out = run(survey, "dre small.fits --statistic dre --overwrite")
    assert code == 3
    assert f"[{name}]" in out
    assert "rms" in out
    with h5py.File(survey / "Chi" / "image1_chi.h5") as chi:
        assert set(chi) == others


def test_a_mosaic_camera_image_with_its_extensions(run, tmp_path, skies):
    write_tile(tmp_path / "Tiles" / "mef.fits", skies[0].image, skies[1].image)
    whole_road(run, tmp_path)
    catalogue = read_catalogue(tmp_path / "Sextracted" / "mef_cat.fits")
    assert set(catalogue["EXT_NUMBER"]) == {1, 2}
    fitted = table.read(tmp_path / "Summary" / "mef_tab.fits")
    for extension, sky in enumerate(skies, 1):
        own = fitted[fitted["EXT_NUMBER"] == extension]
        assert len(list(matched(sky.truth, own))) >= 4
    assert len(fitted) == len({(row["EXT_NUMBER"], row["NUMBER"]) for row in fitted})


def test_two_folders_detect_on_one_image_and_measure_on_the_other(run, tmp_path, skies):
    write_tile(tmp_path / "I" / "f1_i.fits", skies[0].image)
    write_tile(tmp_path / "R" / "f1_r.fits", 0.5 * skies[0].image)
    assert run(tmp_path, "sex_dre -i I R --engine sep")[0] == 0
    assert run(tmp_path, "sex_dre -i I -o Single --engine sep")[0] == 0
    dual = read_catalogue(tmp_path / "Sextracted" / "f1_r_cat.fits")
    single = read_catalogue(tmp_path / "Single" / "f1_i_cat.fits")
    assert np.allclose(dual["X_IMAGE"], single["X_IMAGE"])
    assert np.allclose(dual["FLUX_APER"], 0.5 * single["FLUX_APER"], rtol=1e-3, atol=1)


def test_compressed_images_are_taken_too(run, survey, skies):
    (survey / "Tiles" / "image1.fits").unlink()
    afits.HDUList([afits.PrimaryHDU(), afits.CompImageHDU(skies[0].image)]).writeto(survey / "Tiles" / "image1.fits.fz")
    write_tile(survey / "Tiles" / "image2.fits.gz", skies[1].image)
    assert run(survey, "sex_dre --engine sep")[0] == 0
    assert {path.name for path in (survey / "Sextracted").glob("*_cat.fits")} == {"image1_cat.fits", "image2_cat.fits"}


def test_weights_and_flags_by_name(run, survey, skies):
    weight = np.ones_like(skies[0].image)
    weight[:, :240] = 0
    flags = np.zeros(weight.shape, np.int32)
    flags[:, 240:] = 8
    write_tile(survey / "W" / "image1_wht.fits", weight)
    write_tile(survey / "F" / "image1_flag.fits", flags)
    assert run(survey, "sex_dre --engine sep --weights W --flags F")[0] == 0
    catalogue = read_catalogue(survey / "Sextracted" / "image1_cat.fits")
    assert catalogue["X_IMAGE"].min() > 235
    assert (catalogue["IMAFLAGS_ISO"] == 8).mean() > 0.9
    code, out = run(survey, "sex_dre --engine sep --weights F -o Other")
    assert code == 3
    assert "image1_wht.fits" in out


def test_every_product_says_what_made_it(run, survey):
    whole_road(run, survey)
    for path, verb in (
        ("Sextracted/image1_cat.fits", "sex"), ("Sextracted/image1_seg.fits", "sex"), ("PSF/image1.psf", "psfex"),
        ("Cuts/image1_cuts.h5", "cuts"), ("Chi/image1_chi.h5", "fit"), ("Summary/image1_tab.fits", "fit"),
    ):  # fmt: skip
        made = provenance.read(survey / path)
        assert (made.tool, made.verb) == ("dre", verb), path
        assert made.inputs


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("sex_dre -i Nowhere", 4, "Nowhere"),
        ("sex_dre -c nowhere.sex", 4, "dre init"),
        ("psfex_dre", 4, "sex_dre"),
        ("dre nowhere.fits", 4, "nowhere.fits"),
        ("dre -i Nowhere", 4, "make_cuts"),
        ("dre models small.fits --axis-ratio 0 0.1 3", 2, "q = 0"),
        ("make_cuts --compression extreme", 2, "extreme"),
    ],
)
def test_wrong_input_is_one_clear_line(run, survey, line, code, words):
    found, _ = run(survey, line)
    assert found == code
    assert words in run.errors
    assert len(run.errors.strip().splitlines()) == 1
    assert "Traceback" not in run.errors


@pytest.mark.parametrize(("sex", "psfex"), ENGINES)
@pytest.mark.parametrize("writer", ["astropy", "shared_io"])
def test_a_sky_image_with_checksums(run, survey, sex, psfex, writer):
    path = survey / "Tiles" / "image1.fits"
    image, header = afits.getdata(path, header=True)
    if writer == "astropy":
        afits.PrimaryHDU(image, header).writeto(path, checksum=True, overwrite=True)
    else:
        fits.write_image(path, image, header, overwrite=True)
    whole_road(run, survey, sex, psfex)
    for path in (survey / "Sextracted").glob("*.fits"):
        assert fits.verify(path) > 0


def test_check_images_with_the_checksums_of_the_sky_image_as_sextractor_leaves_them(run, survey):
    run(survey, "sex_dre --engine sep")
    for suffix in ("nb", "rms", "seg"):
        path = survey / "Sextracted" / f"image1_{suffix}.fits"
        hdu = afits.PrimaryHDU(afits.getdata(path))
        hdu.header["DATASUM"] = "12345"
        hdu.writeto(path, overwrite=True)
    assert run(survey, "make_cuts")[0] == 0


def test_our_own_check_image_with_a_flipped_bit_is_refused(run, survey):
    run(survey, "sex_dre --engine sep")
    path = survey / "Sextracted" / "image1_rms.fits"
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
    code, out = run(survey, "make_cuts")
    assert code == 3
    assert "image1_rms.fits" in out
    assert not (survey / "Cuts" / "image1_cuts.h5").exists()


def test_init_completes_the_folder_and_respects_the_users_changes(run, tmp_path):
    assert run(tmp_path, "dre init")[0] == 0
    (tmp_path / "sex_source" / "default.param").unlink()
    assert run(tmp_path, "dre init") == (0, "wrote sex_source/default.param\n")
    assert run(tmp_path, "dre init") == (0, "sex_source is complete\n")
    (tmp_path / "sex_source" / "default.sex").write_text("DETECT_THRESH 9\n")
    code, _ = run(tmp_path, "dre init")
    assert code == 6
    assert "default.sex" in run.errors
    assert (tmp_path / "sex_source" / "default.sex").read_text() == "DETECT_THRESH 9\n"


def test_warn_names_what_is_left_out_or_not_fitted(run, survey, skies):
    image = skies[0].image.copy()
    galaxy = skies[0].truth[0]
    image[int(galaxy["Y_IMAGE"]) + 50, int(galaxy["X_IMAGE"])] = np.nan
    write_tile(survey / "Tiles" / "image1.fits", image)
    whole_road(run, survey)
    assert run(survey, "make_cuts -o Again --warn")[0] == 0
    assert "is left out: its square leaves the image or has pixels without data" in run.errors
    with h5py.File(survey / "Cuts" / "image1_cuts.h5", "r+") as cuts:
        name = next(iter(cuts))
        shape = cuts[name]["seg"].shape
        del cuts[name]["seg"]
        cuts[name]["seg"] = np.zeros(shape, bool)
    code, out = run(survey, "dre small.fits --statistic dre --overwrite --warn")
    assert code == 0
    assert f"{name} has no fit: the mask is empty" in run.errors
    assert "1 without a fit (see FIT_FLAG)" in out
    row = table.read(survey / "Summary" / "image1_tab.fits")[0]
    assert np.isnan(row["CHI"])
    assert row["FIT_FLAG"] != 0
