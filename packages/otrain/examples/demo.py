"""From a folder of real cut-outs to a classifier: 450 ZTF triplets, most to learn from, one night to score.

Run with ``make demo PKG=otrain``, or ``python demo.py OUTPUT``. Every step is a command that is printed as it is run.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from astropy.io import fits as afits
from shared_io import table

from otrain.figures import canvas, pictures
from otrain.kernels import groups, scores

DATA = Path(__file__).parent / "data" / "ztf_sample.npz"
BIN = Path(sys.executable).parent
PLANES = ("SCIENCE", "TEMPLATE", "DIFF")


def run(folder: Path, command: str) -> None:
    """Print a command and run it in a folder."""
    print(f"\n  $ {command}", flush=True)
    program, *arguments = shlex.split(command)
    subprocess.run([BIN / program, *arguments], cwd=folder, check=True)


def main(output: Path) -> None:
    """Write the cut-outs, train, score the night, and compare with the truth."""
    started = time.perf_counter()
    for name in ("cutouts", "night", "datacube", "CNN_training"):
        shutil.rmtree(output / name, ignore_errors=True)
    output.mkdir(parents=True, exist_ok=True)
    truth = write_cutouts(output)
    print(f"450 real ZTF triplets: {450 - len(truth)} in cutouts/true and cutouts/false, {len(truth)} in night/")
    run(output, "otrain-convert --path-datacube . --cube ztf --cutouts cutouts --planes all --all --overwrite")
    run(output, "otrain-train --cube datacube/ztf.npz --model-path . --model-name ztf --epochs 20 --overwrite")
    run(output, "otrain-infer --cutouts night --model CNN_training/ztf/ztf.h5 --format csv --overwrite")
    report(output, truth)
    print(f"\notrain: the page is {output}/CNN_training/ztf/report.html ({time.perf_counter() - started:.0f} s)")


def write_cutouts(output: Path) -> dict[str, bool]:
    """Write FITS files with three extensions; whole groups go into the night. Return the truth about the night."""
    with np.load(DATA) as data:
        z = dict(data)
    counts = (z["hi"].astype(np.int32) - 128) * 256 + z["lo"]
    stamps = (counts * z["scale"][..., None, None] + z["zero"][..., None, None]).astype(np.float32)
    stamps[counts == -32768] = np.nan
    fold = groups.fold_numbers(z["group"], z["label"], 5, np.random.default_rng(0))
    truth = {}
    for k in range(len(stamps)):
        real = bool(z["label"][k])
        folder = output / ("night" if fold[k] == 0 else f"cutouts/{str(real).lower()}")
        folder.mkdir(parents=True, exist_ok=True)
        primary = afits.PrimaryHDU()
        cards = {
            "CANDID": str(z["candid"][k]), "OBJECT": f"group{z['group'][k]}", "MAG": float(z["magpsf"][k]),
            "MAGERR": float(z["sigmapsf"][k]), "FWHM": float(z["fwhm"][k]), "FILTER": "gri"[z["fid"][k] - 1],
            "EDGE": False,
        }  # fmt: skip
        for key, value in cards.items():
            if value == value:
                primary.header[key] = value
        hdus = [primary, *(afits.ImageHDU(stamps[k, i], name=name) for i, name in enumerate(PLANES))]
        path = folder / f"{z['candid'][k]}.fits"
        afits.HDUList(hdus).writeto(path, overwrite=True)
        if fold[k] == 0:
            truth[path.name] = real
    return truth


def report(output: Path, truth: dict[str, bool]) -> None:
    """Compare the night's table with the truth, and draw 32 of its cut-outs."""
    found = table.read(output / "night/infer_results.csv")
    real = np.array([truth[str(name)] for name in found["filename"]])
    p, called = np.asarray(found["label1"], float), np.asarray(found["real"], bool)
    at = scores.counts(real, called)
    low, high = scores.bootstrap(real, p, called, np.random.default_rng(0))["mcc"]
    print(f"\nthe night, which the model has not seen: {int(real.sum())} real, {int((~real).sum())} bogus")
    print(f"  AUC {scores.auc(real, p):.3f}, MCC {at.mcc:.3f} (95 % interval {low:.2f} to {high:.2f})")
    print(f"  [[TN FP][FN TP]]  [[{at.tn} {at.fp}][{at.fn} {at.tp}]]")
    order = np.argsort(-p)[np.linspace(0, len(p) - 1, 32).astype(int)]
    files = [output / "night" / str(found["filename"][k]) for k in order]
    planes = np.stack([np.stack([afits.getdata(path, name) for name in PLANES], axis=-1) for path in files])
    titles = [f"p {p[k]:.2f}: {'real' if real[k] else 'bogus'}" for k in order]
    canvas.save(pictures.sheet(planes, titles), output / "night.png")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output/otrain"))
