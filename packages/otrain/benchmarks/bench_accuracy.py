"""Scores on real ZTF triplets that no member of the ensemble has seen, by five folds of whole groups.

    OMP_NUM_THREADS=1 python bench_accuracy.py [SEED ...]

Reads otrain/ztf_triplets.npz below $ASTRO_TEST_DATA. The threshold and the calibration of each fold come from inside
its training part; undecided objects are only used for the uncertainty. Prints MCC, AUC and calibration with bootstrap
intervals over groups, the training time of each fold, how many of 5 % planted label errors stand in the top 10 % of the
suspicious list, and what a model learns from injected triplets alone.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from otrain import evaluate, grad_cam, graph, occlusion
from otrain.inference import Classifier
from otrain.kernels import calibration, groups, scores
from otrain.model import Card, Model
from otrain.preprocessing import Preprocessing
from otrain.suspicion import ranked
from otrain.training import framework
from otrain.training.ensemble import Plan, Trained, train

TRIPLET = ("science", "template", "difference")


def read(name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return pixels, shape (n, ny, nx, 3), and the columns of a file."""
    place = os.environ.get("ASTRO_TEST_DATA")
    if not place or not (Path(place) / "otrain" / name).is_file():
        raise SystemExit(
            f"this benchmark reads otrain/{name} below $ASTRO_TEST_DATA, which does not name such a folder"
        )
    with np.load(Path(place) / "otrain" / name) as file:
        data = dict(file)
    counts = (data.pop("hi").astype(np.int32) - 128) * 256 + data.pop("lo")
    pixels = (counts * data["scale"][..., None, None] + data["zero"][..., None, None]).astype(np.float32)
    pixels[counts == -32768] = np.nan
    return np.moveaxis(pixels, 1, -1), data


def classifier(found: Trained, labels: np.ndarray, prepare: Preprocessing, views: int = 1) -> Classifier:
    """Put a training into a classifier."""
    network, seen = found.networks[0], np.isfinite(found.z)
    prior = (labels == 1).sum() / (labels == 0).sum()
    card = Card("bench", "small", network.shape, len(found.networks), network.described(), prepare, views, found.slope,
                found.offset, float(prior), found.threshold)  # fmt: skip
    return Classifier(Model(card, graph.to_onnx(found.networks), found.z[seen], labels[seen] == 1))


def crossed(cube: np.ndarray, data: dict[str, np.ndarray], seed: int) -> None:
    """Print the pooled out-of-fold scores of one seed."""
    decided = data["label"] >= 0
    labels, family = data["label"][decided].astype(int), data["group"][decided]
    pixels, undecided = cube[decided], cube[~decided]
    fold = groups.fold_numbers(family, labels, 5, np.random.default_rng(seed))
    probability, threshold, uncertainty = (np.zeros(len(labels)) for _ in range(3))
    others, seconds = [], []
    for k in range(5):
        inside = fold != k
        begun = time.process_time()
        found = train(pixels[inside], labels[inside], family[inside], Preprocessing(TRIPLET, 32), Plan(seed=seed))
        seconds.append(time.process_time() - begun)
        judge = classifier(found, labels[inside], Preprocessing(TRIPLET, 32))
        said = judge.predict(pixels[~inside])
        probability[~inside], threshold[~inside] = said.probability, judge.threshold
        uncertainty[~inside] = said.uncertainty
        others.append(judge.predict(undecided).uncertainty)
    sure = np.isin(data["tier"][decided].astype(str), ["RA", "BA"])
    print(f"\nseed {seed}: CPU seconds of the folds {' '.join(f'{s:.0f}' for s in seconds)}")
    print(evaluate(labels == 1, probability, threshold, groups=family).to_text())
    ratio = np.median(np.mean(others, axis=0)) / np.median(uncertainty[sure])
    print(f"median uncertainty of undecided objects over that of sure ones: {ratio:.1f}")


def planted(cube: np.ndarray, data: dict[str, np.ndarray]) -> None:
    """Print how many planted label errors are found."""
    decided = data["label"] >= 0
    labels, family = data["label"][decided].astype(int), data["group"][decided]
    wrong = np.random.default_rng(5).choice(len(labels), round(0.05 * len(labels)), replace=False)
    labels[wrong] = 1 - labels[wrong]
    found = train(cube[decided], labels, family, Preprocessing(TRIPLET, 32), Plan())
    p = calibration.sigmoid(found.slope * found.z + found.offset)
    top = ranked(labels, p)[: round(0.1 * len(labels))]
    print(f"\nplanted label errors (5 %) in the top 10 % of the list: {np.isin(wrong, top).mean():.0%}")


def from_injection(cube: np.ndarray, data: dict[str, np.ndarray]) -> None:
    """Print what a model that knows injected triplets only says about real ones, and where it looks."""
    made, own = read("ztf_inject_31px.npz")
    labels, family = own["label"].astype(int), own["group"]
    held = np.isin(family, np.unique(family)[::5])
    prepare = Preprocessing(("difference",), 31)
    judge = classifier(
        train(made[~held][..., 2:], labels[~held], family[~held], prepare, Plan()), labels[~held], prepare, 8
    )
    decided = data["label"] >= 0
    said = judge.predict(cube[decided][..., 2:]).probability
    area = scores.auc(data["label"][decided] == 1, said)
    print(f"\nlearned from injected differences only: AUC {area:.3f} on real ones")
    new = held & (labels == 1)
    sources, fwhm, real = made[new][..., 2:], own["fwhm"][new], np.ones(int(new.sum()), bool)
    maps = {
        "HiResCAM": grad_cam(judge, sources, real=real), "occlusion": occlusion(judge, sources, real=real),
        "Grad-CAM": grad_cam(judge, sources, real=real, kind="grad"),
    }  # fmt: skip
    for name, one in maps.items():
        y, x = np.unravel_index(one.reshape(len(one), -1).argmax(axis=1), one.shape[1:])
        near = np.hypot(y - 15, x - 15) <= 2 * fwhm
        print(f"{name}: peak within 2 FWHM of the injected source in {near.mean():.0%} of {len(near)}")


def main(seeds: list[int]) -> None:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")
    framework.load("cpu")
    cube, data = read("ztf_triplets.npz")
    for seed in seeds:
        crossed(cube, data, seed)
    planted(cube, data)
    from_injection(cube, data)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [0])
