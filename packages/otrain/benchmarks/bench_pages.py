"""Time of the page of a training with 5,000 objects, and of 500 maps (20 of the occlusion test); one core.

    python bench_pages.py [COUNT]

Triplets of 63 x 63 pixels with a source or a hole in them, and a network of four members with one in thirty scores on
the wrong side, so that every gallery is full. A second call of each is timed.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for _pool in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ[_pool] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402

from otrain import graph  # noqa: E402
from otrain.attention import grad_cam, occlusion  # noqa: E402
from otrain.cutouts import COLUMNS, Cube  # noqa: E402
from otrain.inference import Classifier  # noqa: E402
from otrain.model import Card, Model  # noqa: E402
from otrain.network import architecture  # noqa: E402
from otrain.pipeline.galleries import write_pictures  # noqa: E402
from otrain.pipeline.showing import after_training  # noqa: E402
from otrain.preprocessing import Preprocessing  # noqa: E402
from otrain.training import framework  # noqa: E402
from otrain.training.ensemble import Trained  # noqa: E402

PLANES = ("science", "template", "difference")


def triplets(count: int) -> Cube:
    """Cut-outs with labels and headers."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:63, :63] - 31
    source = np.exp(-(x**2 + y**2) / 5.0)
    labels = (rng.random(count) < 0.5).astype(int)
    pixels = rng.normal(0, 10, (count, 63, 63, 3)).astype("f4")
    pixels[..., 2] += (300 * labels[:, None, None] - 100) * source
    columns = {
        name: np.array(["r"] * count) if kind is str else rng.uniform(1, 20, count) for name, kind in COLUMNS.items()
    }
    columns["candid"] = np.array([f"{k:06d}" for k in range(count)])
    return Cube(pixels, labels, columns, PLANES)


def model() -> Model:
    """Four members, not trained."""
    prepare = Preprocessing(PLANES, 63)
    layers = architecture("small")
    networks = [framework.extract(framework.build(layers, (63, 63, prepare.channels)), layers) for _ in range(4)]
    card = Card("bench", "small", networks[0].shape, 4, networks[0].described(), prepare)
    return Model(card, graph.to_onnx(networks))


def timed(what: str, work: Callable[[], object]) -> None:
    work()
    started = time.perf_counter()
    work()
    print(f"{what:70}{time.perf_counter() - started:8.2f} s")


def main(count: int) -> None:
    framework.load("cpu")
    cube, made = triplets(count), model()
    rng = np.random.default_rng(1)
    z = 8 * cube.labels - 4 + rng.normal(0, 2.2, count)
    epochs = [{"loss": 0.1, "val_loss": 0.2, "val_accuracy": 0.9}] * 5
    trained = Trained((), z, 1.0, 0.0, 0.5, (epochs,) * 4, 0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed(
            f"lists, plots, pictures and page of {count} objects",
            lambda: after_training(folder, "bench", made, cube, cube.rows(np.arange(0)), trained),
        )
        print(f"{'  the page':70}{(folder / 'report.html').stat().st_size / 1e6:8.2f} MB")
        classifier, some = Classifier(made), cube.pixels[:500]
        for kind in ("fused", "grad"):
            timed(f"500 maps, {kind}", lambda kind=kind: grad_cam(classifier, some, kind=kind))
        timed("20 maps, occlusion", lambda: occlusion(classifier, some[:20]))
        maps = np.zeros(cube.pixels.shape[:3])
        maps[:500] = grad_cam(classifier, some)
        groups = {"TP": ("True Positive", np.arange(500))}
        timed(
            "500 pictures of maps",
            lambda: write_pictures(
                folder / "maps", "maps.csv", groups, cube, np.full(count, 0.5), name="cutout_CAM_{}.png", maps=maps,
                overwrite=True,
            ),
        )  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
