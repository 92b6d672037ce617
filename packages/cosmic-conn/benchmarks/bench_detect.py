"""Speed of detection beside astroscrappy and, where it is installed, the predecessor with the same weights.

    python bench_detect.py [SIDE] [PYTHON]

SIDE is that of the frame in pixels (default 1024); PYTHON is the interpreter of an environment in which Cosmic-CoNN 0.6
is installed. One thread each. Every detector is a process of its own, so that its memory is its own too; they take
turns for seven rounds, so that a load on the machine meets all alike. Times are the medians of the process's own time
for one frame, ratios the medians of the ratios within a round.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# numpy and torch are imported after this.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

ROUNDS = 7

WORKER = """
import json, resource, sys, time
import numpy as np
image = np.load(sys.argv[1])
{setup}
found = call(image)
print("ready", flush=True)
for line in sys.stdin:
    start = time.process_time()
    found = call(image)
    taken = time.process_time() - start
    print(json.dumps([taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]), flush=True)
np.save(sys.argv[2], np.asarray(found, dtype=np.float32))
"""

OURS = """
from cosmic_conn import Detector, Settings
detector = Detector(Settings(threads=1, device="cpu", {settings}))
call = lambda image: detector(image).probability
"""

TILED = """
from cosmic_conn import Detector, Settings
from cosmic_conn.parity import parity_probability
engine = Detector(Settings(threads=1, device="cpu", {settings})).engine
call = lambda image: parity_probability(image, engine, {crop})
"""

SCRAPPY = """
import astroscrappy
call = lambda image: astroscrappy.detect_cosmics(image, gain=1.0, readnoise=8.0)[0]
"""

THEIRS = """
import torch
torch.set_num_threads(1)
from cosmic_conn import init_model
model = init_model("ground_imaging")
model.opt.crop = {crop}
call = lambda image: model.detect_cr(image.copy(), ret_numpy=True)
"""

WHERE = "import cosmic_conn; print(cosmic_conn.__path__[0])"


@dataclass
class Detector:
    """One row of the table.

    Attributes
    ----------
    name, setup, python
        What it is called, the code that makes ``call``, and the interpreter that runs it.
    beside
        Names of the rows that its time is compared with.
    same
        Name of the row whose map its own is compared with.
    """

    name: str
    setup: str
    python: str = sys.executable
    beside: tuple[str, ...] = ()
    same: str = ""


def main(side: int, python: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        import numpy as np

        path = Path(folder, "image.npy")
        np.save(path, frame(side))
        rows = own_weights() + (same_weights(python, Path(folder)) if python else [])
        times, memory, maps = measured(rows, path)
        print(f"a frame of {side} x {side} pixels, one thread, medians of {ROUNDS} rounds in turn")
        print(f"{'detector':56}{'s/Mpix':>8}{'GB':>7}   how many times as fast as")
        for row in rows:
            seconds = np.median(times[row.name]) / (side / 1024) ** 2
            ratios = ", ".join(f"{name}: {np.median(times[name] / times[row.name]):.2f}" for name in row.beside)
            print(f"{row.name:56}{seconds:8.3f}{memory[row.name]:7.2f}   {ratios}")
            if row.same:
                found, other = maps[row.name], maps[row.same]
                flips = ((found > 0.5) != (other > 0.5)).mean()
                print(f"    beside {row.same}: {np.abs(found - other).max():.1e} apart, {100 * flips:.4f} % flip")


def own_weights() -> list[Detector]:
    """What needs nothing but this package."""
    hybrid, net = "ours, hybrid, fp32", "ours, network alone, fp32"
    scrappy = "astroscrappy 1.3"
    return [
        Detector(scrappy, SCRAPPY),
        Detector(hybrid, OURS.format(settings='precision="fp32"'), beside=(scrappy,)),
        Detector(net, OURS.format(settings='precision="fp32", method="net"'), beside=(scrappy,)),
        Detector("ours, network alone, bf16", OURS.format(settings='precision="bf16", method="net"'), same=net),
    ]


def same_weights(python: str, folder: Path) -> list[Detector]:
    """The predecessor, and we with its weights: in its tiles, and as we do it."""
    where = subprocess.run([python, "-W", "ignore", "-c", WHERE], capture_output=True, text=True, check=True).stdout
    (source,) = Path(where.split()[-1]).rglob("cosmic-conn_ground_imaging_v0.2.8.pth")
    from cosmic_conn.models.published import import_checkpoint

    weights, _ = import_checkpoint(source, folder / "published.safetensors")
    base = f'model={str(weights)!r}, method="net", precision='
    rows = []
    for crop in (1024, 256):
        theirs = f"Cosmic-CoNN 0.6.1, crop {crop}"
        rows.append(Detector(theirs, THEIRS.format(crop=crop), python))
        setup = TILED.format(settings=base + '"fp32"', crop=crop)
        rows.append(Detector(f"  its weights here, its tiles of {crop}, fp32", setup, beside=(theirs,), same=theirs))
    default, scrappy = "Cosmic-CoNN 0.6.1, crop 1024", "astroscrappy 1.3"
    plain, half = ("  its weights here, our tiles and front end, " + p for p in ("fp32", "bf16"))
    rows.append(Detector(plain, OURS.format(settings=base + '"fp32"'), beside=(default, scrappy)))
    rows.append(Detector(half, OURS.format(settings=base + '"bf16"'), beside=(default, scrappy), same=plain))
    return rows


def measured(rows: list[Detector], path: Path):
    """Return seconds of each round, peak memory [GB] and map of each detector, by name."""
    import numpy as np

    running, targets = {}, {}
    for number, row in enumerate(rows):
        targets[row.name] = path.with_name(f"found{number}.npy")
        command = [row.python, "-W", "ignore", "-c", WORKER.format(setup=row.setup), path, targets[row.name]]
        running[row.name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        while running[row.name].stdout.readline().strip() != "ready":
            if running[row.name].poll() is not None:
                raise SystemExit(f"{row.name} does not run")
    times, memory = {row.name: [] for row in rows}, {}
    for _ in range(ROUNDS):
        for name, process in running.items():
            process.stdin.write("\n")
            process.stdin.flush()
            taken, memory[name] = json.loads(process.stdout.readline())
            times[name].append(taken)
    for process in running.values():
        process.communicate()
    return {n: np.array(t) for n, t in times.items()}, memory, {n: np.load(t) for n, t in targets.items()}


def frame(side: int):
    """Stars, sky and tracks."""
    import numpy as np

    from cosmic_conn.simulate import Particles, shower
    from cosmic_conn.simulate.optics import PSF, stars

    random = np.random.default_rng(1)
    area = (side / 1024) ** 2
    light = stars((side, side), np.minimum(210 * random.random(int(400 * area)) ** -1.6, 3e5), PSF(3.5), random)
    charge = shower((side, side), Particles(80 * area, 80 * area, 80 * area, 80 * area), random)
    return (random.poisson(light + 200) + random.normal(0, 8, light.shape) + charge).astype(np.float32)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1024, sys.argv[2] if len(sys.argv) > 2 else None)
