"""Beside other programs on the same galaxies: imfit (pyimfit), pysersic and statmorph, one core.

    python bench_peers.py PYTHON [OBJECTS]

PYTHON is that of an environment with some of pyimfit, pysersic and statmorph (``pip install pyimfit pysersic
statmorph``); what it has not is left out. The galaxies are those of bench_profiles.py: 128 x 128 px, any index, 1e4 to
2e5 counts. imfit begins at r_e 5 px, n 2 and the second moments; statmorph, which measures a Sersic fit among other
things, gets the true centre's segment; pysersic finds the maximum of its posterior. Times are wall time an object.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_pool] = "1"

import numpy as np  # noqa: E402
from bench_profiles import moffat, objects  # noqa: E402

PEERS = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
name, source, target = sys.argv[1:]
data = np.load(source)
images, rms, psf, masks = data["images"], data["rms"], data["psf"], data["masks"]
box = images.shape[1]
y, x = np.mgrid[:box, :box] - (box - 1) / 2

def moments(image, mask):
    light = np.where(mask, np.maximum(image, 0), 0)
    total = light.sum()
    xx, yy, xy = ((light * p).sum() / total for p in (x * x, y * y, x * y))
    angle = 0.5 * np.arctan2(2 * xy, xx - yy)
    root = np.hypot((xx - yy) / 2, xy)
    return total, np.sqrt(((xx + yy) / 2 - root) / ((xx + yy) / 2 + root)), np.degrees(angle)

def imfit(image, mask):
    import pyimfit
    total, q, angle = moments(image, mask)
    model = pyimfit.SimpleModelDescription()
    galaxy, sky = pyimfit.make_imfit_function("Sersic"), pyimfit.make_imfit_function("FlatSky")
    model.x0.setValue(box / 2 + 0.5, [box / 2 - 4, box / 2 + 5])
    model.y0.setValue(box / 2 + 0.5, [box / 2 - 4, box / 2 + 5])
    galaxy.PA.setValue(angle - 90, [-360, 360])
    galaxy.ell.setValue(min(1 - q, 0.9), [0, 0.95])
    galaxy.n.setValue(2, [0.3, 8])
    galaxy.I_e.setValue(total / 200, [1e-5, 1e6])
    galaxy.r_e.setValue(5, [0.3, 100])
    sky.I_sky.setValue(0, [-50, 50])
    model.addFunction(galaxy)
    model.addFunction(sky)
    fit = pyimfit.Imfit(model, psf=psf, maxThreads=1)
    fit.loadData(image.astype(float), error=np.sqrt(rms**2 + np.maximum(image, 0)), error_type="sigma")
    fit.doFit()
    values = fit.getRawParameters()
    return values[6]

def statmorph(image, mask):
    import statmorph
    sigma = np.sqrt(rms**2 + np.maximum(image, 0))
    found = statmorph.source_morphology(image, mask.astype(int), weightmap=sigma, psf=psf)
    return found[0].sersic_rhalf

def pysersic(image, mask):
    import jax, pysersic
    from pysersic.priors import SourceProperties
    error = np.sqrt(rms**2 + np.maximum(image, 0))
    prior = SourceProperties(image, mask=np.zeros_like(mask, dtype=int)).generate_prior("sersic", sky_type="flat")
    fit = pysersic.FitSingle(data=image.astype(np.float32), rms=error.astype(np.float32),
                             mask=np.zeros(image.shape, np.int8), psf=psf.astype(np.float32), prior=prior,
                             loss_func=pysersic.loss.gaussian_loss)
    return float(fit.find_MAP(rkey=jax.random.PRNGKey(1))["r_eff"])

work = globals()[name]
work(images[0], masks[0])
started = time.perf_counter()
sizes = []
for image, mask in zip(images, masks):
    try:
        sizes.append(work(image, mask))
    except Exception:
        sizes.append(np.nan)
np.savez(target, seconds=(time.perf_counter() - started) / len(images), sizes=sizes)
"""


def main(python: str, count: int) -> None:
    from dre import SEARCH, Fitter, SearchGrid, fit_profiles

    stamps, truth = objects(count, seed=5), sizes(count, 5)
    fitter = Fitter(SearchGrid.build(SEARCH, moffat()), moffat(), 1.0)
    list(fit_profiles(stamps[:2], fitter))
    started = time.perf_counter()
    fits = list(fit_profiles(stamps, fitter))
    own = (time.perf_counter() - started) / count
    print(
        f"{count} galaxies, one core\n"
        f"{'':24}{'s an object':>24}{'times dre':>12}{'scatter of log r_e':>20}{'> 0.15 dex off':>16}"
    )
    row("dre", own, own, np.array([10 ** one.estimate.values[0] for one in fits]), truth)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(
            folder / "objects.npz", images=[one.obj for one in stamps], masks=[one.mask for one in stamps],
            rms=7.0, psf=moffat().pixels(),
        )  # fmt: skip
        for peer in ("imfit", "pysersic", "statmorph"):
            target = folder / f"{peer}.npz"
            done = subprocess.run(
                [python, "-c", PEERS, peer, folder / "objects.npz", target], capture_output=True, text=True, check=False
            )
            if not target.exists():
                print(f"{peer:40}{(done.stderr.strip().splitlines() or ['nothing said'])[-1][:70]}")
                continue
            found = np.load(target)
            row(peer, float(found["seconds"]), own, found["sizes"], truth)


def sizes(count: int, seed: int) -> np.ndarray:
    """True radii of `bench_profiles.objects`, drawn in its order."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        found.append(10 ** rng.uniform(0.2, 1.1))
        rng.uniform(0.2, 1), rng.uniform(0, 180), rng.uniform(-0.7, 1.8), rng.uniform(4, 5.3), rng.uniform(-0.5, 0.5, 2)
        rng.normal(size=(128, 128))
    return np.array(found)


def row(name: str, seconds: float, own: float, radii: np.ndarray, truth: np.ndarray) -> None:
    off = np.log10(radii / truth)
    scatter = 1.4826 * np.nanmedian(np.abs(off - np.nanmedian(off)))
    lost = np.mean(~(np.abs(off) < 0.15))
    print(f"{name:24}{seconds:24.4f}{seconds / own:12.0f}{scatter:20.4f}{100 * lost:14.1f} %")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20)
