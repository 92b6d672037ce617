"""The detectors that are scored, each run in a process of its own, so that its time and memory are its own.

Ours and astroscrappy run in this environment. Others (the predecessor, deepCR, lacosmic, ccdproc) are never installed
beside ours; they run in the environment of another interpreter, where that is named and they are installed there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from shared_io.errors import ExternalFailed

from cosmic_conn.detection import TILE
from cosmic_conn.evaluation.scenes import Case

__all__ = ["Answer", "Contender", "available", "run"]

Array = npt.NDArray[np.float32]

_FRAME = """
import json, os, resource, sys, time
import numpy as np
folder, gain, noise, saturation = sys.argv[1], 1.0, float(sys.argv[2]), float(sys.argv[3])
image = np.load(os.path.join(folder, "image.npy"))
{setup}
small = np.ascontiguousarray(image[:128, :128])
{warm}
best = 1e9
for _ in range({repeats}):
    start = time.perf_counter()
    {call}
    best = min(best, time.perf_counter() - start)
np.save(os.path.join(folder, "found.npy"), np.asarray(found, dtype=np.float32))
print(json.dumps([best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""

_OURS = """
from cosmic_conn import Camera, Detector, Settings
camera = Camera(gain, noise, saturation)
find = Detector(Settings(method="{method}", precision="{precision}", device="cpu", threads={threads}))
"""

_SCRAPPY = """
os.environ["OMP_NUM_THREADS"] = "{threads}"
import astroscrappy
def find(data):
    return astroscrappy.detect_cosmics(data, gain=gain, readnoise=noise, satlevel=saturation, sigclip={clip})[0]
"""

_PREDECESSOR = """
import torch
torch.set_num_threads({threads})
from cosmic_conn import init_model
model = init_model("ground_imaging")
model.opt.crop = {crop}
"""

_DEEPCR = """
import torch
torch.set_num_threads({threads})
from deepCR import deepCR
model = deepCR(mask="decam", device="CPU")
"""

_LACOSMIC = """
import logging
import lacosmic
logging.disable()
clean = getattr(lacosmic, "remove_cosmics", None) or lacosmic.lacosmic
def find(data):
    return clean(data, 2, 5, 4.5, effective_gain=gain, readnoise=noise)[1]
"""

_CCDPROC = """
import ccdproc
def find(data):
    sky = np.full(data.shape, np.sqrt(max(np.median(data), 0) + noise**2))
    return ccdproc.cosmicray_median(data, error_image=sky, thresh=5, mbox=11)[1]
"""


@dataclass(frozen=True)
class Contender:
    """A detector to score.

    Attributes
    ----------
    name
        What the table calls it.
    setup, call
        Code that makes it ready, and that calls it: a probability or a mask goes into ``found``.
    threshold
        From which a pixel is flagged.
    peer
        What the other environment must be able to import; ``""`` for a detector of this one.
    tile
        Side of its tiles, for the seams [pixel]; 0 for none.
    """

    name: str
    setup: str
    call: str
    threshold: float = 0.5
    peer: str = ""
    tile: int = 0


@dataclass(frozen=True)
class Answer:
    """What a detector gave for a case: probability or mask, seconds, and the largest memory of its process [byte]."""

    found: Array
    seconds: float
    memory: int


def available(python: str | None, threads: int) -> list[Contender]:
    """Return the detectors that can be run.

    Parameters
    ----------
    python
        Interpreter of the environment that the others are installed in; None leaves them out.
    threads
        That each may use.

    Raises
    ------
    ExternalFailed
        When that interpreter cannot be run.
    """
    found = list(_ours(threads))
    if python is not None:
        here = {peer: _has(python, peer) for peer in ("cosmic_conn", "deepCR", "lacosmic", "ccdproc")}
        found += [c for c in _others(threads) if here[c.peer]]
    return found


def run(contender: Contender, case: Case, python: str | None, *, repeats: int = 1) -> Answer:
    """Run a detector on a case.

    Raises
    ------
    ExternalFailed
        When it fails.
    """
    interpreter = python if contender.peer else sys.executable
    warm = contender.call.replace("image", "small")
    code = _FRAME.format(setup=contender.setup, call=contender.call, warm=warm, repeats=repeats)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "image.npy"), case.pixels)
        words = [str(interpreter), "-c", code, folder, repr(case.read_noise), repr(case.saturation)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExternalFailed(f"{contender.name} failed on {case.name}: {last}")
        seconds, memory = json.loads(done.stdout.strip().splitlines()[-1])
        return Answer(np.load(Path(folder, "found.npy")), float(seconds), int(memory) * 1024)


def _ours(threads: int) -> Iterator[Contender]:
    for method, precision in (("hybrid", "fp32"), ("net", "fp32"), ("net", "bf16")):
        setup = _OURS.format(threads=threads, method=method, precision=precision)
        yield Contender(f"ours, {method}, {precision}", setup, _call_of(method), tile=TILE)
    for clip in (4.5, 6.0):
        setup = _SCRAPPY.format(threads=threads, clip=clip)
        yield Contender(f"astroscrappy, sigclip {clip}", setup, "found = find(image)")


def _call_of(method: str) -> str:
    """The network's probability; of the hybrid the mask, which is more than its probability cut off."""
    kind = "probability" if method == "net" else "mask"
    return f"found = find(image, camera=camera).{kind}"


def _others(threads: int) -> Iterator[Contender]:
    for crop in (1024, 256):
        setup = _PREDECESSOR.format(threads=threads, crop=crop)
        call = "found = model.detect_cr(image.copy(), ret_numpy=True)"
        yield Contender(f"Cosmic-CoNN 0.6, crop {crop}", setup, call, peer="cosmic_conn", tile=crop)
    setup = _DEEPCR.format(threads=threads)
    yield Contender("deepCR, decam", setup, "found = model.clean(image, binary=False, inpaint=False)", peer="deepCR")
    yield Contender("lacosmic", _LACOSMIC, "found = find(image)", peer="lacosmic")
    yield Contender("ccdproc, cosmicray_median", _CCDPROC, "found = find(image)", peer="ccdproc")


def _has(python: str, module: str) -> bool:
    code = f"import importlib.util as u, sys; sys.exit(0 if u.find_spec({module!r}) else 3)"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
    except OSError as error:
        raise ExternalFailed(f"cannot be run: {error.strerror}", path=python) from error
