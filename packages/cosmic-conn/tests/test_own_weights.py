from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from shared_io import fits
from shared_io.errors import SchemaMismatch

from cosmic_conn.models.registry import open_model
from cosmic_conn.models.store import load
from cosmic_conn.network import Architecture
from cosmic_conn.training.loop import Events, Learner, Recipe, Stage, train
from cosmic_conn.training.recipe import Sources, make_weights
from cosmic_conn.training.samples import Mixture, draw_batch, draw_sample


def test_samples_ask_only_what_can_be_known() -> None:
    for seed in range(6):
        sample = draw_sample(96, 4.0, np.random.default_rng(seed))
        assert sample.shown.shape == sample.answer.shape == sample.weight.shape == (96, 96)
        assert np.isfinite(sample.shown).all()
        assert set(np.unique(sample.answer)) <= {0, 1}
        assert set(np.unique(sample.weight)) <= {0, 1, 2, 3}
    shown, answer, _ = draw_batch([sample], 5, 32, np.random.default_rng(0))
    assert shown.shape == answer.shape == (5, 1, 32, 32)


TINY = Recipe(architecture=Architecture(hidden=4, norm="batch", shared_norm=False), steps=60, batch=4, crop=32,
              frame=64, pool=4, average=0.9,
              stages=(Stage(0, 200), Stage(100, 150, 1e-3, Mixture(dense=0.3))))  # fmt: skip


def test_the_weights_that_are_shipped_name_the_recipe_of_the_command() -> None:
    _, card = open_model()
    assert card.training["recipe"] == json.loads(json.dumps(Recipe().to_dict()))
    assert f"--steps {Recipe().steps} " in card.training["command"]


def test_training_learns() -> None:
    losses: list[float] = []
    network = train(replace(TINY, steps=200), report=lambda loss, learner: losses.append(loss))
    assert losses[1] < 0.8 * losses[0]
    assert not network.training


def test_training_repeats_itself() -> None:
    first, again, other = (train(replace(TINY, steps=12, seed=seed)).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    stamps, background = tmp_path / "stamps.json", tmp_path / "galaxy.fits"
    stamps.write_text(json.dumps([{"flux": [[0, 500], [700, 3]], "flagged": [[0, 1], [1, 0]]}] * 120))
    fits.write_image(background, np.random.default_rng(1).normal(0, 3, (50, 70)).astype(np.float32))
    return Sources(stamps, [background])


def test_samples_on_real_images_hold_the_charge_that_was_put_in() -> None:
    image = np.random.default_rng(2).normal(50, 4, (40, 60)).astype(np.float32)
    learnt = Events(backgrounds=[image])
    samples = [learnt.sample(TINY, Mixture(), 0, number) for number in range(60)]
    one = next(s for s in samples if abs(np.median(s.shown)) < 0.2 and s.shown.shape == (64, 64) and s.answer.any())
    assert one.shown[one.answer > 0].mean() > 5 * one.shown[one.answer == 0].std()


def test_the_recipe_writes_weights_and_their_card(sources: Sources, tmp_path: Path) -> None:
    told: list[int] = []
    path = tmp_path / "mine.safetensors"
    card = make_weights(path, TINY, sources, threshold=0.4, report=lambda step, loss: told.append(step))
    network, again = load(path)
    assert again == card
    assert told == [60]
    assert (card.threshold, card.front.knee) == (0.4, TINY.knee)
    assert card.training["data"]["stamps used"] == "0 to 99"
    assert any(name.endswith("galaxy.fits") for name in card.training["data"])
    assert card.training["recipe"]["seed"] == TINY.seed
    assert network.architecture == TINY.architecture
    assert not path.with_suffix(".state").exists()
    assert json.loads(path.with_suffix(".log.jsonl").read_text())["step"] == 60


def test_an_interrupted_recipe_ends_with_the_same_weights(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cosmic_conn.training.recipe._SNAPSHOT", 100)
    long = replace(TINY, steps=210)
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    make_weights(whole, long, sources)

    def stop(step: int, loss: float) -> None:
        if step == 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_weights(broken, long, sources, report=stop)
    assert not broken.exists()
    with pytest.raises(SchemaMismatch, match="another recipe"):
        make_weights(broken, replace(long, seed=9), sources)
    resumed: list[int] = []
    make_weights(broken, long, sources, report=lambda step, loss: resumed.append(step))
    assert resumed == [210]
    assert broken.read_bytes() == whole.read_bytes()
    assert broken.with_suffix(".log.jsonl").read_text() == whole.with_suffix(".log.jsonl").read_text()


def test_a_pool_goes_on_as_it_was() -> None:
    learner = Learner(replace(TINY, steps=30))
    kept: dict[str, torch.Tensor] = {}
    plain = learner.learn

    def watched(*batch: torch.Tensor) -> float:
        loss = plain(*batch)
        if learner.step == 17:
            kept.update({name: value.clone() for name, value in learner.state().items()})
        return loss

    learner.learn = watched  # type: ignore[method-assign]
    whole = train(learner.recipe, learner=learner).state_dict()
    other = Learner(learner.recipe)
    other.restore(kept, 17)
    again = train(learner.recipe, learner=other).state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
