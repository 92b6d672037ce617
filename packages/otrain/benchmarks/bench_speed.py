"""Converting and scoring 5,000 FITS cut-outs of 32 x 32, beside a plain astropy + Keras program of O'TRAIN's algorithm.

    python bench_speed.py [COUNT [ROUNDS]]

Each contender is a process of its own, kept to one core, page cache warm, modules compiled. They take turns; what is
printed are medians, of seconds and of the ratios of runs of one round. The plain program opens files by astropy (for
inference twice, as O'TRAIN does) and predicts by Keras with O'TRAIN's network.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.table import Table
from shared_io import stamps

from otrain import graph
from otrain.files.models import write_model
from otrain.inference import Classifier
from otrain.model import Card, Model
from otrain.network import architecture
from otrain.preprocessing import Preprocessing
from otrain.training import framework

BIN = Path(sys.executable).parent
ONE = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

PLAIN_CONVERT = """
import glob, numpy as np
from astropy.io import fits
rows, keys = [], {k: [] for k in ("MAG", "MAGERR", "FILTER", "FWHM", "CANDID")}
for name in sorted(glob.glob("five/true/*.fits")) + sorted(glob.glob("five/false/*.fits")):
    with fits.open(name, memmap=False) as hdus:
        header = hdus[0].header
        if header["EDGE"] == "False":
            rows.append(hdus[0].data)
            for key in keys:
                keys[key].append(header[key])
np.savez("plain.npz", cube=np.array(rows, np.float32)[..., None], **keys)
"""
PLAIN_INFER = """
import glob, numpy as np, keras
from astropy.io import fits
names, rows, cards = sorted(glob.glob("flat/*.fits")), [], []
for name in names:
    with fits.open(name, memmap=False) as hdus:
        if hdus[0].header["EDGE"] != "True":
            rows.append(hdus[0].data)
for name in names:
    with fits.open(name, memmap=False) as hdus:
        cards.append([hdus[0].header[key] for key in ("MAG", "MAGERR", "FWHM", "CANDID")])
model = keras.models.load_model("plain.keras")
p = model.predict(np.array(rows, np.float32)[..., None], verbose=0)
with open("plain.dat", "w") as out:
    for name, card, pair in zip(names, cards, p):
        print(name, *card, *pair, file=out)
"""


def write_files(folder: Path, count: int) -> None:
    """Write the cut-outs, in true/ and false/ and once more in one folder."""
    rng = np.random.default_rng(0)
    (folder / "flat").mkdir()
    for name in ("true", "false"):
        number = count // 2
        data = rng.normal(100, 10, (number, 32, 32)).astype("f4")
        cards = Table({
            "path": [f"{name}{k:06d}.fits" for k in range(number)], "CANDID": [f"{name}{k}" for k in range(number)],
            "MAG": rng.uniform(15, 20, number), "MAGERR": rng.uniform(0, 0.3, number), "FILTER": ["r"] * number,
            "FWHM": np.full(number, 2.5), "EDGE": ["False"] * number,
        })  # fmt: skip
        stamps.write(folder / "five" / name, data, cards)
        for path in (folder / "five" / name).iterdir():
            os.link(path, folder / "flat" / path.name)


def write_models(folder: Path) -> None:
    """Write models of both networks, untrained: their speed is that of trained ones."""
    for name, members in (("small", 4), ("otrain", 1)):
        layers, prepare = architecture(name), Preprocessing(("difference",), 32)
        made = [framework.build(layers, (32, 32, prepare.channels)) for _ in range(members)]
        networks = [framework.extract(one, layers) for one in made]
        card = Card(name, name, networks[0].shape, members, networks[0].described(), prepare)
        write_model(Model(card, graph.to_onnx(networks)), folder / f"{name}.h5")
    keras = framework.load()
    plain = framework.build(architecture("otrain"), (32, 32, 1))
    keras.Model(plain.input, keras.layers.Softmax()(plain.output)).save(folder / "plain.keras")


TIMER = """
import os, resource, subprocess, sys, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
begun = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wall, used = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""


def timed(folder: Path, *words: str) -> tuple[float, float, float]:
    """Run a process on the first core there is; return wall and CPU seconds, and the peak of its memory [MB]."""
    env = {**os.environ, **ONE, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    line = [sys.executable, "-c", TIMER, *words]
    told = subprocess.run(line, cwd=folder, check=True, env=env, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(told[0]), float(told[1]), float(told[2])


def main(count: int, rounds: int = 5) -> None:
    framework.load("cpu")
    again = ("--overwrite", "--no-resume")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, count)
        write_models(folder)
        python, infer = sys.executable, str(BIN / "otrain-infer")
        contenders = {
            "convert": (str(BIN / "otrain-convert"), "--path", "o", "--cube", "c", "--cutouts", "five", *again),
            "convert: plain astropy": (python, "-c", PLAIN_CONVERT),
            "infer, small": (infer, "--cutouts", "flat", "--model", "small.h5", *again),
            "infer: plain astropy + Keras": (python, "-c", PLAIN_INFER),
            "infer, --network otrain": (infer, "--cutouts", "flat", "--model", "otrain.h5", *again),
            "start: otrain-infer --help": (infer, "--help"),
        }
        for words in contenders.values():  # files and modules are warm, and modules compiled
            timed(folder, *words)
        found = {key: [timed(folder, *words)] for key, words in contenders.items()}
        for _ in range(rounds - 1):
            for key, words in contenders.items():
                found[key].append(timed(folder, *words))
        show(found, count)
        alert(folder)


def show(found: dict[str, list[tuple[float, float, float]]], count: int) -> None:
    """Print medians, and the ratios to the plain program of the same round."""
    rounds = len(next(iter(found.values())))
    print(f"{count} files, one core, medians of {rounds}")
    print(f"{'':30}{'wall [s]':>9}{'CPU [s]':>9}{'files/s (CPU)':>15}{'peak [MB]':>11}{'plain / this':>14}")
    for key, rows in found.items():
        wall, cpu, peak = (statistics.median(row[k] for row in rows) for k in range(3))
        verb = key.partition(":")[0].partition(",")[0]
        plain = next((rows for name, rows in found.items() if name.startswith(f"{verb}: plain")), None)
        ratios = [a[1] / b[1] for a, b in zip(plain or (), rows, strict=False)]
        told = f"{statistics.median(ratios):>14.1f}" if ratios else ""
        print(f"{key:30}{wall:>9.2f}{cpu:>9.2f}{count / cpu:>15.0f}{peak:>11.0f}{told}")


def alert(folder: Path) -> None:
    """Print how long one cut-out takes in a program that is running."""
    from otrain import load

    rng = np.random.default_rng(0)
    for name in ("small", "otrain"):
        classifier: Classifier = load(folder / f"{name}.h5")
        cube = rng.normal(size=(1, 32, 32, 1)).astype("f4")
        classifier.predict(cube)
        begun = time.process_time()
        for _ in range(300):
            classifier.predict(cube)
        print(f"one cut-out, {name}: {(time.process_time() - begun) / 300 * 1e3:.2f} ms")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3] or ["5000"]))
