"""Scores on real ZTF triplets that no member of the ensemble has seen, by five folds of whole groups.

    OMP_NUM_THREADS=1 python bench_accuracy.py [SEED ...]
    OMP_NUM_THREADS=1 python bench_accuracy.py record tests/data/real_scores.npz

Reads otrain/ztf_triplets.npz below $ASTRO_TEST_DATA. The threshold and the calibration of each fold come from inside
its training part; undecided objects are only used for the uncertainty. Prints MCC, AUC and calibration with bootstrap
intervals over groups, the training time of each fold, how many of 5 % planted label errors stand in the top 10 % of the
suspicious list, what a model learns from injected triplets alone, and whether maps find injected sources. For these
two the methods were chosen on one half of the groups (of the real and of the injected objects), and the other half,
which was not looked at, is what is printed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from otrain import evaluate, grad_cam, graph, inject, occlusion
from otrain.cutouts import Cube
from otrain.inference import Classifier
from otrain.kernels import calibration, groups, scores
from otrain.model import Card, Model
from otrain.preprocessing import Preprocessing
from otrain.suspicion import ranked
from otrain.training import framework
from otrain.training.ensemble import Plan, Trained, train
from otrain.training.loop import Recipe
from otrain.widen import widened

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


def record(cube: np.ndarray, data: dict[str, np.ndarray], path: Path) -> None:
    """Write the scores on which tests/test_targets.py judges thresholds: three folds of whole groups."""
    decided = data["label"] >= 0
    pixels, labels, family = cube[decided], data["label"][decided].astype(int), data["group"][decided]
    fold = groups.fold_numbers(family, labels, 3, np.random.default_rng(0))
    prepare, out = Preprocessing(TRIPLET, 32), {}
    for k in range(3):
        inside = fold != k
        found = train(pixels[inside], labels[inside], family[inside], prepare, Plan())
        seen = np.isfinite(found.z)
        out |= {
            f"inside_z{k}": found.z[seen].astype("f4"), f"inside_truth{k}": labels[inside][seen] == 1,
            f"outside_z{k}": classifier(found, labels[inside], prepare).logits(pixels[~inside]),
            f"outside_truth{k}": labels[~inside] == 1, f"line{k}": np.array([found.slope, found.offset]),
        }  # fmt: skip
    np.savez_compressed(path, **out)


def half(names: np.ndarray, seed: int) -> np.ndarray:
    """Tell which objects belong to the half of the groups that was looked at while the methods were chosen."""
    groups_there = np.unique(names)
    return np.isin(names, np.random.default_rng(seed).permutation(groups_there)[: len(groups_there) // 2])


def learned(rows: np.ndarray, made: np.ndarray, own: dict[str, np.ndarray], seed: int) -> Classifier:
    """Train on the differences of injected cut-outs and of more that are made of their pixels."""
    columns = {"fwhm": own["fwhm"].astype(float), "object": own["group"].astype(str)}
    given = Cube(made, own["label"].astype(int), columns, TRIPLET).rows(rows)
    many = round(3 * len(made) / len(given))
    wide = widened(given, inject.Recipe(real=many, bogus=many), np.random.default_rng(seed))
    families = np.unique(wide.columns["object"], return_inverse=True)[1]
    prepare, plan = Preprocessing(("difference",), 31), Plan(seed=seed, recipe=Recipe(passes=1))
    return classifier(train(wide.pixels[..., 2:], wide.labels, families, prepare, plan), wide.labels, prepare, 8)


def from_injection(cube: np.ndarray, data: dict[str, np.ndarray]) -> None:
    """Print what a model that knows injected triplets only says about real ones that were never looked at."""
    made, own = read("ztf_inject_31px.npz")
    judge = learned(np.arange(len(made)), made, own, 0)
    chosen = np.flatnonzero(data["label"] >= 0)
    chosen = chosen[~half(data["group"][chosen], 20240607)]
    said = judge.predict(cube[chosen][..., 2:])
    truth, rng = data["label"][chosen] == 1, np.random.default_rng(0)
    interval = scores.bootstrap(truth, said.probability, said.real, rng, groups=data["group"][chosen])["auc"]
    area = scores.auc(truth, said.probability)
    print(f"\nlearned from injected differences only: AUC {area:.3f} ({interval[0]:.3f} to {interval[1]:.3f}) on "
          f"{truth.sum()} real and {(~truth).sum()} bogus ones of the other half")  # fmt: skip


def attention() -> None:
    """Print how often a map has its peak on an injected source of the half that was not looked at."""
    made, own = read("ztf_inject_31px.npz")
    seen = half(own["group"], 77)
    judge = learned(np.flatnonzero(seen), made, own, 7)
    new = ~seen & (own["label"] == 1)
    sources, fwhm, real = made[new][..., 2:], own["fwhm"][new], np.ones(int(new.sum()), bool)
    beside = np.stack([31 - own["y"][new], 31 - own["x"][new]])
    maps = {kind: grad_cam(judge, sources, real=real, kind=kind) for kind in ("fused", "hires", "grad")}
    maps |= {"occlusion": occlusion(judge, sources, real=real)}
    print(f"\npeaks within 2 FWHM of {len(fwhm)} injected sources; of these or of the alert's own source beside them")
    for name, one in maps.items():
        y, x = np.unravel_index(one.reshape(len(one), -1).argmax(axis=1), one.shape[1:])
        near = np.hypot(y - 15, x - 15) <= 2 * fwhm
        other = np.hypot(y - 15 - beside[0], x - 15 - beside[1]) <= 2 * fwhm
        print(f"{name:10} {near.mean():.1%}   {(near | other).mean():.1%}")


def main(words: list[str]) -> None:
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")
    framework.load("cpu")
    cube, data = read("ztf_triplets.npz")
    if words[:1] == ["record"]:
        record(cube, data, Path(words[1]))
        return
    for seed in words or ["0"]:
        crossed(cube, data, int(seed))
    planted(cube, data)
    from_injection(cube, data)
    attention()


if __name__ == "__main__":
    main(sys.argv[1:])
