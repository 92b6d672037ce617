"""Cosmic rays found in three real frames (a GMOS spectrum, M51 with artificial tracks, a DECam field), labelled in a
simulated night of repeated exposures, and learnt from these labels.

Run with ``make demo PKG=cosmic-conn``, or ``python demo.py OUTPUT``. Every command is printed as it is run.
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
from shared_io import fits

from cosmic_conn.figures import save, sheet
from cosmic_conn.pipeline.nights import score_masked

DATA = Path(__file__).parent / "data"
BIN = Path(sys.executable).parent


def run(folder: Path, command: str) -> str:
    """Print a command, run it in a folder and return what it says."""
    print(f"  $ {command}", flush=True)
    program, *words = shlex.split(command)
    done = subprocess.run([BIN / program, *words], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def main(output: Path) -> None:
    """Search the frames, compare with what is known of them, draw the pictures."""
    started = time.perf_counter()
    frames = output / "frames"
    shutil.rmtree(frames, ignore_errors=True)
    shutil.copytree(DATA, frames, ignore=shutil.ignore_patterns("*.md"))
    print("1. Three real frames, in one command")
    print(run(output, "cosmic-conn -m ground_imaging -e SCI -i frames --clean --png"), end="")
    counts = json.loads(run(output, "cosmic-conn -m ground_imaging -e SCI -i frames --clean --png --json"))["images"]
    for image in counts:
        print(f"    {Path(image['file']).name}: {image['objects']} objects, by pixels {image['by_size']}")
    found = frames / "cosmic_conn_output"
    print("2. M51: the artificial tracks are the difference of the two frames")
    results: dict[str, object] = {"m51": m51(frames, found), "images": counts}
    print("3. The spectrum: its two cosmic rays lie across the lines of the night sky")
    picture(frames, found, output / "detections.png")
    print("4. A night of repeated exposures: what is in one of them only is a cosmic ray")
    results["labels"] = labels(output)
    print("5. Two epochs of training on these labels")
    results["training"] = training(output)
    (output / "summary.json").write_text(json.dumps(results, indent=1) + "\n")
    print(f"\ncosmic-conn: pictures and tables are under {output} ({time.perf_counter() - started:.0f} s)")


def m51(frames: Path, found: Path) -> dict[str, float]:
    """Compare the mask with the difference of the two frames."""
    clean = fits.read_image(frames / "m51_org.fits").data.astype(float)
    truth = fits.read_image(frames / "m51_with_cosmicrays.fits").data != clean
    result = found / "CR_m51_with_cosmicrays.fits"
    mask = fits.read_image(result, "CRMASK").data > 0
    filled = fits.read_image(result, "CRCLEAN").data
    both = mask & truth
    numbers = {
        "recall": float(both.sum() / truth.sum()),
        "purity": float(both.sum() / mask.sum()),
        "median error of filled pixels": float(np.median(np.abs(filled - clean)[both] / clean[both])),
    }
    for name, value in numbers.items():
        print(f"    {name}: {value:.4f}")
    return numbers


def labels(output: Path) -> dict[str, dict[str, float]]:
    """Simulate a night, label its cosmic rays, and compare the labels with the truth."""
    shutil.rmtree(output / "night", ignore_errors=True)
    print(run(output, "cosmic-conn simulate night night --side 320 --tracks 500 --seed 5").splitlines()[-1])
    print(run(output, "cosmic-conn reduce --data night --min_cr_size 2 --comment labels"), end="")
    scores = {}
    for masked in sorted((output / "night" / "masked_fits").glob("*.fits")):
        score = score_masked(masked, output / "night" / "truth")
        scores[masked.name] = {"completeness": score.completeness, "purity": score.purity}
        print(f"    {masked.name}: completeness {score.completeness:.4f}, purity {score.purity:.4f}")
    first = sorted((output / "night" / "labels").glob("*.png"))[0]
    shutil.copy(first, output / "labels.png")
    return scores


def training(output: Path) -> list[dict[str, float]]:
    """Train on the labels of the night; return the log of the training."""
    shutil.rmtree(output / "checkpoints", ignore_errors=True)
    print(
        run(output, "cosmic-conn train --data night --epoch 2 --crop 256 --batch 2 --hidden 16 --comment demo"), end=""
    )
    (log,) = output.glob("checkpoints/*_demo/log.jsonl")
    print(f"    its page of curves and example masks: {(log.parent / 'report.html').relative_to(output)}")
    return [json.loads(line) for line in log.read_text().splitlines()]


def picture(frames: Path, found: Path, path: Path) -> None:
    """Draw frame, mask and cleaned frame one beside another."""
    rows = []
    for name, title, window in (
        ("gmos", "GMOS spectrum", np.s_[:, :]),
        ("m51_with_cosmicrays", "M51, artificial tracks", np.s_[180:360, 150:390]),
        ("decam", "DECam", np.s_[:, :]),
    ):
        result = found / f"CR_{name}.fits"
        extension = "SCI" if name == "gmos" else None
        pixels = fits.read_image(frames / f"{name}.fits", extension).data[window]
        mask = fits.read_image(result, "CRMASK").data[window] > 0
        rows.append((title, pixels, mask, fits.read_image(result, "CRCLEAN").data[window]))
    save(sheet(rows), path)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output/cosmic-conn").resolve())
