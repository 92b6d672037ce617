"""Converting and scoring 5,000 FITS cut-outs of 32 x 32, beside a plain astropy + Keras program of O'TRAIN's algorithm.

    python bench_speed.py [COUNT]

Each contender is a process of its own on one core, page cache warm; they take turns, medians of 3. The plain program
opens files by astropy (for inference twice, as O'TRAIN does) and predicts by Keras with O'TRAIN's network.
"""

from __future__ import annotations

import os
import resource
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


def timed(folder: Path, *words: str) -> tuple[float, float, float]:
    """Run a process; return wall and CPU seconds, and the peak of its memory [MB] (of all so far)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(words, cwd=folder, check=True, env={**os.environ, **ONE}, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


def main(count: int) -> None:
    framework.load("cpu")
    again = ("--overwrite", "--no-resume")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder, count)
        write_models(folder)
        python, infer = sys.executable, str(BIN / "otrain-infer")
        contenders = {
            "convert: ours": (str(BIN / "otrain-convert"), "--path", "o", "--cube", "c", "--cutouts", "five", *again),
            "convert: plain astropy": (python, "-c", PLAIN_CONVERT),
            "infer: ours, small": (infer, "--cutouts", "flat", "--model", "small.h5", *again),
            "infer: ours, --network otrain": (infer, "--cutouts", "flat", "--model", "otrain.h5", *again),
            "infer: plain astropy + Keras": (python, "-c", PLAIN_INFER),
            "start: otrain-infer --help": (infer, "--help"),
        }
        found: dict[str, list[tuple[float, float, float]]] = {key: [] for key in contenders}
        for _ in range(3):
            for key, words in contenders.items():
                found[key].append(timed(folder, *words))
        print(f"{count} files, one core, medians of 3")
        print(f"{'':34}{'wall [s]':>10}{'CPU [s]':>10}{'files/s (CPU)':>15}")
        for key, rows in found.items():
            wall, cpu = (statistics.median(row[k] for row in rows) for k in (0, 1))
            print(f"{key:34}{wall:>10.2f}{cpu:>10.2f}{count / cpu:>15.0f}")
        alert(folder)


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
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
