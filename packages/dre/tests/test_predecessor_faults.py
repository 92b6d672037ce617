"""What stopped DRE of 2021 between a catalogue and its cuts, on whole commands (its other faults: beside each part)."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits as afits
from shared_io import batch
from survey import write_tile

from dre.files.cuts import cut_names
from dre.pipeline import extraction, fitting, profiling
from dre.pipeline.planning import Running
from dre.pipeline.stamps import CutFiles


@pytest.fixture
def extracted(run, survey):
    """A working folder after sex_dre, without -i."""
    assert run(survey, "dre init")[0] == 0
    assert run(survey, "sex_dre --engine sep")[0] == 0
    return survey


def objects(path: Path) -> list[afits.FITS_rec]:
    with afits.open(path) as hdus:
        return [np.array(hdu.data) for hdu in hdus if hdu.name == "LDAC_OBJECTS"]


def plain(path: Path, tables: list[np.ndarray], name: str) -> None:
    """Write tables of sources as another program would, without our cards."""
    hdus = [afits.BinTableHDU(table, name=name) for table in tables]
    afits.HDUList([afits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)


def cuts(run, folder: Path) -> list[str]:
    code, out = run(folder, "make_cuts --overwrite")
    assert code == 0, out + run.errors
    return cut_names(folder / "Cuts" / "image1_cuts.h5")


def with_number(table: np.ndarray, number: int) -> np.ndarray:
    columns = [(name, table[name].dtype, table[name].shape[1:]) for name in table.dtype.names]
    found = np.empty(len(table), [*columns, ("EXT_NUMBER", ">i2")])
    for name in table.dtype.names:
        found[name] = table[name]
    found["EXT_NUMBER"] = number
    return found


def test_an_extension_number_in_the_catalogue_of_one_image_is_not_looked_for(run, extracted):
    path = extracted / "Sextracted" / "image1_cat.fits"
    before = cuts(run, extracted)
    plain(path, [with_number(objects(path)[0], 1)], "LDAC_OBJECTS")
    assert cuts(run, extracted) == [f"01_{name[3:]}" for name in before]


def test_a_catalogue_of_several_extensions_need_not_number_them(run, extracted, skies):
    write_tile(extracted / "Tiles" / "image1.fits", skies[0].image, skies[1].image)
    assert run(extracted, "sex_dre --engine sep --overwrite")[0] == 0
    path = extracted / "Sextracted" / "image1_cat.fits"
    before, tables = cuts(run, extracted), objects(path)
    assert {name[:2] for name in before} == {"01", "02"}
    names = [name for name in tables[0].dtype.names if name != "EXT_NUMBER"]
    plain(path, [table[names] for table in tables], "LDAC_OBJECTS")
    assert cuts(run, extracted) == before


def test_a_catalogue_in_the_format_fits_1_0_is_read(run, extracted):
    path = extracted / "Sextracted" / "image1_cat.fits"
    before = cuts(run, extracted)
    plain(path, objects(path), "OBJECTS")
    assert cuts(run, extracted) == before


def test_stars_are_not_cut_unless_asked_for(run, extracted):
    path = extracted / "Sextracted" / "image1_cat.fits"
    table = objects(path)[0]
    stars = {f"00_{row['NUMBER']:04d}" for row in table if row["CLASS_STAR"] >= 0.5}
    assert len(stars) > 10
    assert not stars & set(cuts(run, extracted))
    assert run(extracted, "make_cuts --max-stellarity 1.1 -o All")[0] == 0
    assert stars & set(cut_names(extracted / "All" / "image1_cuts.h5"))


def test_settings_and_each_images_own_file_reach_sextractor(run, extracted, monkeypatch):
    (extracted / "Lists").mkdir()
    for name in ("image1", "image10"):
        (extracted / "Lists" / f"{name}.list").write_text("1 2 3\n")
    jobs = []
    monkeypatch.setattr(extraction, "_extract_image", lambda engine, unit: jobs.append(unit.payload) or "")
    line = "sex_dre --engine sep --overwrite --arg PHOT_APERTURES 5,10 --file ASSOC_NAME Lists"
    run(extracted, line)
    (job,) = jobs
    assert job.overrides["PHOT_APERTURES"] == "5,10"
    assert job.overrides["ASSOC_NAME"] == str(extracted / "Lists" / "image1.list")


@pytest.mark.parametrize("module", [fitting, profiling])
def test_no_model_is_sent_to_a_worker(run, extracted, models, monkeypatch, module):
    """The predecessor sent both cubes to each; here what goes there is paths and settings."""
    assert run(extracted, "psfex_dre --engine stars")[0] == 0
    assert run(extracted, "make_cuts")[0] == 0
    monkeypatch.chdir(extracted)
    sent = []

    def noted(units, work, **_):
        sent.extend(len(pickle.dumps((work, unit))) for unit in units)
        return batch.Report(())

    monkeypatch.setattr(batch, "run", noted)
    inputs, running = CutFiles(Path("Cuts")), Running(scheduler="tcp://nowhere:1")
    if module is fitting:
        request = fitting.Request(inputs, Path("PSF"), Path("Chi"), Path("Summary"), None)
        fitting.fit_all(request, models, running, cube=Path("small.fits"))
    else:
        profiling.profile_all(profiling.Request(inputs, Path("PSF"), Path("Summary"), None), running)
    assert len(sent) == 1
    assert sent[0] < 20_000
