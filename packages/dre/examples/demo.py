"""The main job on three inputs: a simulated tile with its truth, a real EMMI frame, two real HSC galaxies.

Run with ``make demo PKG=dre``, or ``python demo.py OUTPUT``.  Every step is a command that is printed as it is run.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from astropy.io import fits as afits
from astropy.table import Table
from shared_io import fits, table

from dre import figures, read_psf
from dre.config import DETECTION, parse
from dre.cutouts import clean_mask
from dre.extract.detect import detect
from dre.files.catalogue import read_catalogue
from dre.files.cuts import read_cuts, write_cuts
from dre.simulate import Recipe, simulate_tile
from dre.stamp import Stamp

DATA = Path(__file__).parent / "data"
BIN = Path(sys.executable).parent
SEED = 20210715
ROUND = 0.8
"""Axis ratio from which an angle says little."""


def run(folder: Path, command: str) -> None:
    """Print a command and run it in a folder."""
    print(f"  $ {command}", flush=True)
    program, *arguments = shlex.split(command)
    subprocess.run([BIN / program, *arguments, "--overwrite"], cwd=folder, check=True)


def main(output: Path) -> None:
    """Run the three parts and print what came out."""
    started = time.perf_counter()
    for name in ("tile", "emmi", "hsc"):
        shutil.rmtree(output / name, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    results = {"tile": tile(output / "tile"), "emmi": emmi(output / "emmi"), "hsc": hsc(output / "hsc")}
    (output / "summary.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"\ndre: tables and pictures are under {output} ({time.perf_counter() - started:.0f} s)")


def tile(folder: Path) -> dict:
    """Simulated tile: images -> sex_dre -> psfex_dre -> make_cuts -> dre, then fits beside the truth."""
    print("\n1. A simulated tile: 60 galaxies of known radius, axis ratio and angle, 60 stars")
    sky = simulate_tile(Recipe(), np.random.default_rng(SEED))
    (folder / "Tiles").mkdir(parents=True, exist_ok=True)
    header = afits.Header([("GAIN", 1.0, "[e-/ADU]"), ("EXPTIME", 1.0, "[s]"), ("BUNIT", "adu")])
    fits.write_image(folder / "Tiles" / "tile.fits", sky.image, header, overwrite=True)
    table.write(sky.truth, folder / "truth.csv", overwrite=True)
    run(folder, "dre init")
    run(folder, "sex_dre -c sex_source/default.sex --gain counts --subdir")
    run(folder, "psfex_dre -c sex_source/default.psfex")
    run(folder, "make_cuts")
    run(folder, "dre fit --cpu 2 --mosaics")
    run(folder, "dre report")
    run(folder, "dre models modelbulge.fits")
    run(folder, "dre modelbulge.fits --statistic dre --cpu 2 --summary SummaryDRE")
    (folder / "modelbulge.fits").unlink()  # 179 MB, made again in seconds
    fitted = table.read(folder / "Summary" / "tile_tab.fits")
    pairs = beside_truth(sky.truth, fitted)
    table.write(pairs, folder / "fits_beside_truth.csv", overwrite=True)
    columns = [
        ("LOGR", "log10 r_e [pixel]", 0.02),
        ("AX_RATIO", "axis ratio", 0.02),
        ("ANGLE", "angle [deg], q < 0.8", 2),
    ]
    figures.save(
        figures.truth_plot(pairs, columns, "Simulated tile: fits beside the truth"), folder / "fits_beside_truth.png"
    )
    show_fits(folder, fitted, "tile", 5)
    psf = read_psf(folder / "PSF" / "tile.psf").pixels()
    figures.save(figures.psf_plot([("PSF of the tile's stars", psf), ("truth", sky.psf)]), folder / "psf.png")
    detections = read_catalogue(folder / "Sextracted" / "tile" / "tile_cat.fits")
    image = fits.read_image(folder / "Sextracted" / "tile" / "tile_nb.fits").data
    chosen = np.isin(detections["NUMBER"], fitted["NUMBER"])
    figures.save(
        figures.sky_plot(image, detections, chosen=chosen, title="Simulated tile: red = galaxies cut"),
        folder / "sky.png",
    )
    old = beside_truth(sky.truth, table.read(folder / "SummaryDRE" / "tile_tab.fits"), "LOGR_PARAB")
    return {
        "chi2": report_truth(sky.truth, pairs, "dre fit (default statistic, free index)"),
        "dre": report_truth(sky.truth, old, "dre --statistic dre (predecessor's, index 4, LOGR_PARAB)"),
    }


def beside_truth(truth: Table, fitted: Table, radius: str = "LOGR") -> Table:
    """Match fits to the nearest true galaxy within 2 pixels; angles within 90 deg of it, NaN if round."""
    rows = []
    galaxies = truth[truth["KIND"] == "galaxy"]
    for source in fitted:
        distance = np.hypot(galaxies["X_IMAGE"] - source["X_IMAGE"], galaxies["Y_IMAGE"] - source["Y_IMAGE"])
        k = int(np.argmin(distance))
        if distance[k] > 2:
            continue
        true = galaxies[k]
        turn = (source["ANGLE"] - true["ANGLE"] + 90) % 180 - 90
        turn = turn if true["AX_RATIO"] < ROUND else np.nan
        rows.append(
            (source["NUMBER"], true["FLUX"], true["LOGR"], source[radius], true["AX_RATIO"], source["AX_RATIO"],
             true["ANGLE"], true["ANGLE"] + turn)
        )  # fmt: skip
    names = (
        "NUMBER", "FLUX_TRUE", "LOGR_TRUE", "LOGR_FIT", "AX_RATIO_TRUE", "AX_RATIO_FIT", "ANGLE_TRUE", "ANGLE_FIT",
    )  # fmt: skip
    return Table(rows=rows, names=names)


def report_truth(truth: Table, pairs: Table, title: str) -> dict:
    """Print and return the bias and scatter of each parameter."""
    count = int((truth["KIND"] == "galaxy").sum())
    print(f"  {title}: {len(pairs)} of {count} true galaxies fitted; fit minus truth:")
    print("    parameter       median    scatter (MAD)")
    result: dict = {"galaxies": count, "fitted": len(pairs)}
    for name in ("LOGR", "AX_RATIO", "ANGLE"):
        difference = np.asarray(pairs[f"{name}_FIT"] - pairs[f"{name}_TRUE"], float)
        difference = difference[np.isfinite(difference)]
        median = float(np.median(difference))
        scatter = 1.4826 * float(np.median(np.abs(difference - median)))
        print(f"    {name:<12} {median:+10.4f} {scatter:12.4f}")
        result[name] = {"median": round(median, 5), "scatter": round(scatter, 5)}
    return result


def show_fits(folder: Path, fitted: Table, name: str, count: int) -> None:
    """Draw the mosaics of the brightest fits."""
    order = np.argsort(-np.asarray(fitted["FLUX_AUTO"], float))[:: max(len(fitted) // count, 1)][:count]
    sheets, titles = [], []
    for source in fitted[order]:
        stem = f"{name}_{source['EXT_NUMBER']:02d}_{source['NUMBER']:04d}_mosaic.fits"
        sheets.append(fits.read_image(folder / "Mosaics" / name / stem).data)
        titles.append(
            f"{source['NUMBER']}: r_e {source['R_E']:.2f} +- {source['R_E_ERR']:.2f} px\nn {source['INDEX']:.2f}, "
            f"q {source['AX_RATIO']:.2f}\n{source['ANGLE']:.0f} deg, chi2 {source['CHI2_MASK']:.2f}"
        )
    figures.save(figures.fit_sheet(sheets, titles, crop=96), folder / "fits.png")


def emmi(folder: Path) -> dict:
    """Real EMMI frame: detection, PSF and cuts, beside SExtractor's own catalogue of the frame."""
    print("\n2. A real frame: ESO NTT/EMMI, 1200 s in R, 256x256 pixels")
    (folder / "Tiles").mkdir(parents=True, exist_ok=True)
    (folder / "Tiles" / "emmi.fits").write_bytes((DATA / "emmi.fits").read_bytes())
    run(folder, "dre init")
    run(folder, "sex_dre -c sex_source/default.sex -fwhm 2.2 --arg SATUR_LEVEL 90000")
    run(folder, "psfex_dre -c sex_source/default.psfex")
    run(folder, "make_cuts --margin 65")
    sources = read_catalogue(folder / "Sextracted" / "emmi_cat.fits")
    reference = np.loadtxt(DATA / "emmi_sextractor.cat")
    others = Table({"X_IMAGE": reference[:, 1], "Y_IMAGE": reference[:, 2]})
    distance = np.hypot(
        np.subtract.outer(np.asarray(others["X_IMAGE"]), np.asarray(sources["X_IMAGE"])),
        np.subtract.outer(np.asarray(others["Y_IMAGE"]), np.asarray(sources["Y_IMAGE"])),
    ).min(axis=1)
    stamps = list(read_cuts(folder / "Cuts" / "emmi_cuts.h5"))
    figures.save(figures.cut_sheet(stamps), folder / "cuts.png")
    numbers = [stamp.number for stamp in stamps]
    image = fits.read_image(folder / "Sextracted" / "emmi_nb.fits").data
    chosen = np.isin(sources["NUMBER"], numbers)
    figures.save(
        figures.sky_plot(image, sources, chosen=chosen, reference=others, title="EMMI: red = cut, blue = left out"),
        folder / "sky.png",
    )
    psf = read_psf(folder / "PSF" / "emmi.psf").pixels()
    figures.save(figures.psf_plot([("PSF of the EMMI frame", psf)]), folder / "psf.png")
    result = {
        "sources": len(sources), "sextractor_sources": len(others), "matched_within_1px": int((distance < 1).sum()),
        "cuts": len(stamps),
    }  # fmt: skip
    print(f"  {result['sources']} sources; {result['matched_within_1px']} of the {len(others)} in SExtractor's own")
    print(f"  catalogue (made with other settings) lie within 1 pixel of one of them; {len(stamps)} cuts")
    return result


HSC = {
    "gal1": {
        "LM fit, free sky": (3.133, 2.865, 0.718),
        "statmorph": (3.512, 2.101, 0.722),
        "pysersic MAP": (3.142, 2.744, 0.724),
    },
    "gal2": {
        "pysersic NUTS (published)": (6.257, 3.643, 0.688), "LM fit, free sky": (6.075, 3.531, 0.672),
        "imfit": (6.081, 3.533, 0.672), "statmorph": (6.09, 3.906, 0.677), "pysersic MAP": (5.978, 3.384, 0.676),
    },
}  # fmt: skip
"""r_e [pixel], n, q of the two galaxies from other codes; see data/PROVENANCE.md."""


def hsc(folder: Path) -> dict:
    """Real HSC galaxies: cuts of 121x121 pixels with PSFs of their own enter at the fit."""
    print("\n3. Two real galaxies of the HSC survey, with their PSFs")
    for name in HSC:
        write_galaxy(folder, name)
    run(folder, "dre fit --cpu 2 --mosaics")
    result, sheets, titles = {}, [], []
    print("    galaxy  code                        r_e [px]      n      q")
    for name, others in HSC.items():
        row = table.read(folder / "Summary" / f"{name}_tab.fits")[0]
        ours, errors = ([float(row[f"{key}{end}"]) for key in ("R_E", "INDEX", "AX_RATIO")] for end in ("", "_ERR"))
        for code, values in {"dre": ours, "  its standard errors": errors, **others}.items():
            print(f"    {name:<7} {code:<26} {values[0]:9.3f} {values[1]:6.3f} {values[2]:6.3f}")
        result[name] = {"r_e_px": round(ours[0], 3), "n": round(ours[1], 3), "q": round(ours[2], 3)}
        sheets.append(fits.read_image(folder / "Mosaics" / name / f"{name}_00_0001_mosaic.fits").data)
        titles.append(f"{name}: r_e {ours[0]:.2f} px\nn {ours[1]:.2f}, q {ours[2]:.2f}\n{row['ANGLE']:.0f} deg")
    figures.save(figures.fit_sheet(sheets, titles, crop=91), folder / "fits.png")
    return result


def write_galaxy(folder: Path, name: str) -> None:
    """Write the cut and the PSF of one galaxy; its noise map holds the photon noise already."""
    image, bad, sigma, psf = (
        np.load(DATA / f"{name}_{part}.npy").astype(float) for part in ("im", "mask", "sig", "psf")
    )
    good = bad == 0
    found = detect(np.where(good, image, np.nan), parse("BACK_SIZE 121", DETECTION))
    middle = image.shape[0] // 2
    mask = clean_mask(found.segmentation, int(found.segmentation[middle, middle])) & good
    stamp = Stamp("00_0001", image, mask, sigma, 0, 1, None, None, (bad != 0).astype(np.int32))
    write_cuts(folder / "Cuts" / f"{name}_cuts.h5", [stamp], overwrite=True)
    fits.write_image(folder / "PSF" / f"{name}.fits", psf, overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output/dre"))
