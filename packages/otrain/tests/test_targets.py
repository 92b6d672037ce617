"""Rates that were asked for, on real objects of groups that neither training nor threshold has seen.

The scores are those of default trainings on real ZTF triplets in three folds of whole groups
(``bench_accuracy.py record``): cross-fitted ones of the objects inside, and those of the ensemble outside.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import random_model

from otrain.inference import Classifier
from otrain.model import Decision, Model

Fold = tuple[Model, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def folds() -> list[Fold]:
    """For each fold the model of the others, the logits of its objects, shape (n, members), and their truth."""
    found = []
    with np.load(Path(__file__).with_name("data") / "real_scores.npz") as file:
        for k in range(3):
            base = random_model(members=4)
            slope, offset = file[f"line{k}"].tolist()
            card = replace(base.card, slope=slope, offset=offset, prior=1.0)
            model = Model(card, base.onnx, file[f"inside_z{k}"].astype(float), file[f"inside_truth{k}"])
            found.append((model, file[f"outside_z{k}"], file[f"outside_truth{k}"]))
    return found


def interval(rate: float, number: int) -> tuple[int, int]:
    """The central 95 % of a binomial distribution, by its sum."""
    k = np.arange(number + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, number + 1)))])
    chance = np.exp(logs[-1] - logs - logs[::-1] + k * np.log(rate) + (number - k) * np.log1p(-rate))
    below = np.cumsum(chance)
    return int(np.searchsorted(below, 0.025)), int(np.searchsorted(below, 0.975))


def test_the_interval_holds_95_percent() -> None:
    low, high = interval(0.1, 200)
    drawn = np.random.default_rng(0).binomial(200, 0.1, 100_000)
    assert ((drawn < low) | (drawn > high)).mean() < 0.05
    assert ((drawn <= low) | (drawn >= high)).mean() > 0.05


@pytest.mark.parametrize("ratio", [None, 0.01])
@pytest.mark.parametrize("target", [0.02, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("kind", ["target_fpr", "target_fnr"])
def test_real_objects_of_other_groups_meet_the_rate(
    folds: list[Fold], kind: str, target: float, ratio: float | None
) -> None:
    wrong = number = 0
    for model, logits, truth in folds:
        real = Classifier(model, Decision(**{kind: target}, prob_ratio=ratio)).judge(logits).real
        asked = ~truth if kind == "target_fpr" else truth
        wrong += int((real != truth)[asked].sum())
        number += int(asked.sum())
    low, high = interval(target, number)
    assert low <= wrong <= high, f"{wrong} of {number}"
