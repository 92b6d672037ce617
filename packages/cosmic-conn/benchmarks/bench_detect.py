"""Speed of detection beside astroscrappy and, where it is installed, the predecessor with the same weights.

    python bench_detect.py [SIDE] [PYTHON]

SIDE is that of the frame in pixels (default 1024); PYTHON is the interpreter of an environment in which Cosmic-CoNN 0.6
is installed. One thread, best of three, the process's own time for one frame; every detector runs in a process of its
own, so that its memory is its own too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

# numpy and torch are imported after this.
for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

REPEATS = 3

FRAME = """
import json, resource, sys, time
import numpy as np
image = np.load(sys.argv[1])
{setup}
best = 1e9
for _ in range({repeats} + 1):
    start = time.process_time()
    found = call(image)
    best = min(best, time.process_time() - start)
np.save(sys.argv[2], np.asarray(found, dtype=np.float32))
print(json.dumps([best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))
"""

OURS = """
from cosmic_conn import Detector, Settings
detector = Detector(Settings(threads=1, device="cpu", {settings}))
call = lambda image: detector(image).probability
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


def main(side: int, python: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        image = frame(side)
        path = Path(folder, "image.npy")
        import numpy as np

        np.save(path, image)
        print(f"a frame of {side} x {side} pixels, one thread, best of {REPEATS}")
        print(f"{'detector':56}{'s/Mpix':>9}{'GB':>7}")
        ours = {
            "ours, hybrid, fp32": 'precision="fp32"',
            "ours, net, fp32": 'precision="fp32", method="net"',
            "ours, net, bf16": 'precision="bf16", method="net"',
        }
        for name, settings in ours.items():
            show(name, OURS.format(settings=settings), sys.executable, path, side)
        show("astroscrappy 1.3", SCRAPPY, sys.executable, path, side)
        if python:
            same_weights(python, path, side, Path(folder))


def same_weights(python: str, path: Path, side: int, folder: Path) -> None:
    """The predecessor and we with its weights: time, and how far the maps are apart."""
    import numpy as np

    where = subprocess.run([python, "-W", "ignore", "-c", WHERE], capture_output=True, text=True, check=True).stdout
    (source,) = Path(where.split()[-1]).rglob("cosmic-conn_ground_imaging_v0.2.8.pth")
    from cosmic_conn.models.published import import_checkpoint

    weights, _ = import_checkpoint(source, folder / "published.safetensors")
    base = f'model={str(weights)!r}, method="net", '
    for crop in (1024, 256):
        theirs = show(f"Cosmic-CoNN 0.6.1, crop {crop}", THEIRS.format(crop=crop), python, path, side)
        for precision in ("fp32", "bf16"):
            setup = TILED.format(settings=base + f'precision="{precision}"', crop=crop)
            found = show(f"  its weights here, its tiles, {precision}", setup, sys.executable, path, side)
            apart, flips = np.abs(found - theirs).max(), ((found > 0.5) != (theirs > 0.5)).mean()
            print(f"{'':6}largest difference {apart:.1e}, {100 * flips:.4f} % of the pixels flip")
    rough = []
    for precision in ("fp32", "bf16"):
        setup = OURS.format(settings=base + f'precision="{precision}"')
        rough.append(show(f"its weights here, our tiles and front end, {precision}", setup, sys.executable, path, side))
    flips = ((rough[0] > 0.5) != (rough[1] > 0.5)).mean()
    print(f"{'':6}{100 * flips:.4f} % of the pixels flip from precision alone")


TILED = """
from dataclasses import replace
from cosmic_conn import Detector, Settings
from cosmic_conn.parity import parity_probability
engine = replace(Detector(Settings(threads=1, device="cpu", {settings})).engine, exact=False)
call = lambda image: parity_probability(image, engine, {crop})
"""


def show(name: str, setup: str, python: str, path: Path, side: int):
    """Run one detector, print its row, return its map."""
    import numpy as np

    target = path.with_name("found.npy")
    code = FRAME.format(setup=setup, repeats=REPEATS)
    done = subprocess.run(
        [python, "-W", "ignore", "-c", code, path, target], capture_output=True, text=True, check=True
    )
    seconds, memory = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"{name:56}{seconds / (side / 1024) ** 2:9.2f}{memory:7.2f}", flush=True)
    return np.load(target)


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
