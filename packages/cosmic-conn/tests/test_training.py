from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from masked import write_hst, write_masked
from shared_io.cli import execute
from shared_io.errors import CorruptInput, InputNotFound, OutputExists, SchemaMismatch

from cosmic_conn import detect
from cosmic_conn.cli import app
from cosmic_conn.models.registry import open_model
from cosmic_conn.network import Architecture, UNet
from cosmic_conn.pipeline.training import Request, score_files, train_files
from cosmic_conn.training.checkpoint import load_state
from cosmic_conn.training.feeding import Batch
from cosmic_conn.training.options import Options
from cosmic_conn.training.scores import Tally
from cosmic_conn.training.trainer import Trainer

SMALL = Architecture(hidden=4, n_group=2)
QUICK = Options(architecture=SMALL, crop=48, batch=2, epoch=4, lr=3e-3, validate_freq=2)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    for number in range(5):
        write_masked(folder / "masked_fits" / f"{number}_masks.fits", number, target=f"field {number}")
    return folder


def ran(data: Path, output: Path, options: Options = QUICK, **more: object) -> Path:
    return Path(train_files(Request(data, options, output, threads=1, **more)).run)


def bytes_of(run: Path) -> dict[str, bytes]:
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def test_a_run_learns_and_leaves_weights_that_find_cosmic_rays(night: Path, tmp_path: Path) -> None:
    longer = replace(QUICK, epoch=60, imbalance_alpha=15, validate_freq=20, architecture=replace(SMALL, hidden=8))
    run = ran(night, tmp_path, longer, comment="long")
    assert run.name == "2023_11_14_22_13_long"
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 61))
    assert lines[-1]["valid_cr_loss"] < 0.8 * lines[19]["valid_cr_loss"]
    assert lines[-1]["dice"] > 0.8
    _, card = open_model(run / "models" / "best.safetensors")
    assert card.training["options"]["loss"] == "median_bce"
    assert card.training["files"] == {"learnt from": 4, "validated on": 1}
    image = np.random.default_rng(0).normal(500, 12, (96, 104)).astype(np.float32)
    image[30 + np.arange(9), 40 + np.arange(9)] += 1500
    found = detect(image, model=run / "models" / "best.safetensors", method="net")
    assert found.mask[30 + np.arange(9), 40 + np.arange(9)].mean() > 0.8
    assert found.threshold == card.threshold
    page = (run / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "http" not in page.replace("http-equiv", "")


def test_the_same_run_gives_the_same_bytes_with_any_number_of_threads(night: Path, tmp_path: Path) -> None:
    one, two = (
        Path(train_files(Request(night, QUICK, tmp_path / str(threads), threads=threads)).run) for threads in (1, 3)
    )
    assert bytes_of(one) == bytes_of(two)
    other = ran(night, tmp_path / "other", replace(QUICK, seed=1))
    assert bytes_of(one)["models/last.safetensors"] != bytes_of(other)["models/last.safetensors"]


def test_no_more_than_the_best_and_the_last_are_kept(night: Path, tmp_path: Path) -> None:
    run = ran(night, tmp_path)
    names = {f"models/{which}.{ending}" for which in ("best", "last") for ending in ("safetensors", "json", "state")}
    assert set(bytes_of(run)) == names | {"log.jsonl", "report.html"}


@pytest.mark.parametrize(
    ("architecture", "states"),
    [
        (Architecture(), {"best": True, "last": True}),
        (Architecture(deeper=True), {"best": False, "last": False}),
    ],
)
def test_a_run_leaves_20_mb_at_most_and_can_be_continued(
    architecture: Architecture, states: dict[str, bool], night: Path, tmp_path: Path
) -> None:
    options = replace(QUICK, architecture=architecture, crop=16, epoch=2, valid_crop=16)
    run = ran(night, tmp_path, options)
    assert sum(len(content) for content in bytes_of(run).values()) <= 20_000_000
    kept = {which: bool(load_state(run / "models" / f"{which}.state")[0]) for which in states}
    assert kept == states
    assert ran(night, tmp_path, replace(Options(), epoch=3), continue_train=run.name) == run
    assert sum(len(content) for content in bytes_of(run).values()) <= 20_000_000
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]


def test_a_deeper_run_that_is_stopped_goes_on_to_the_same_bytes(night: Path, tmp_path: Path) -> None:
    options = replace(QUICK, architecture=Architecture(deeper=True), crop=16, epoch=3, valid_crop=16, validate_freq=1)
    whole = ran(night, tmp_path / "whole", options)
    folder = tmp_path / "part"

    def stop(epoch: int, line: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_files(Request(night, options, folder, threads=1), stop)
    (part,) = folder.iterdir()
    assert ran(night, folder, replace(Options(), epoch=3), continue_train=part.name) == part
    assert bytes_of(whole) == bytes_of(part)


def test_weights_of_another_epoch_are_not_taken_for_a_state(night: Path, tmp_path: Path) -> None:
    options = replace(QUICK, architecture=Architecture(deeper=True), crop=16, epoch=1, valid_crop=16)
    run = ran(night, tmp_path, options)
    card = run / "models" / "last.json"
    card.write_text(card.read_text().replace('"epoch": 1,', '"epoch": 7,'))
    with pytest.raises(SchemaMismatch, match="not the weights of epoch 1"):
        ran(night, tmp_path, replace(Options(), epoch=2), continue_train=run.name)


def test_a_continued_run_ends_as_one_that_was_never_stopped(night: Path, tmp_path: Path) -> None:
    whole = ran(night, tmp_path / "whole", replace(QUICK, epoch=6))
    part = ran(night, tmp_path / "part", replace(QUICK, epoch=4))
    again = Request(night, replace(Options(), epoch=6), tmp_path / "part", continue_train=part.name, threads=1)
    assert train_files(again).epochs == 6
    assert bytes_of(whole) == bytes_of(part)


def test_a_killed_run_ends_as_one_that_was_never_killed(night: Path, tmp_path: Path) -> None:
    options = "--hidden 4 --n_group 2 --crop 48 --batch 2 --validate_freq 3 --epoch 12 --threads 1 --no-tensorboard"
    words = [sys.executable, "-m", "cosmic_conn.train", "--data", str(night), *options.split()]
    assert subprocess.run([*words, "-o", str(tmp_path / "whole")], check=False).returncode == 0
    process = subprocess.Popen([*words, "-o", str(tmp_path / "killed")])
    (run,) = _wait_for(tmp_path / "killed", lambda folder: list(folder.glob("*/models/last.state")))
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    run = run.parent.parent
    again = [*words[:5], "--threads", "1", "--no-tensorboard", "-o", str(tmp_path / "killed")]
    assert subprocess.run([*again, "--continue_train", run.name], check=False).returncode == 0
    (whole,) = (tmp_path / "whole").iterdir()
    assert bytes_of(run) == bytes_of(whole)


def _wait_for(folder: Path, look: object) -> list[Path]:
    for _ in range(2400):
        found = look(folder)  # type: ignore[operator]
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


def test_a_run_goes_on_from_the_epochs_that_are_kept(night: Path, tmp_path: Path) -> None:
    run = ran(night, tmp_path)
    go_on = Request(night, replace(Options(), epoch=5), tmp_path, continue_train=str(run), threads=1)
    with pytest.raises(SchemaMismatch, match=r"epoch 3 is not kept.*can be"):
        train_files(replace(go_on, continue_epoch=3))
    best = load_state(run / "models" / "best.state")[1]["epoch"]
    assert train_files(replace(go_on, continue_epoch=best)).epochs == 5
    with pytest.raises(InputNotFound, match="no run to continue"):
        train_files(replace(go_on, continue_train="none"))
    (tmp_path / "other" / "masked_fits").mkdir(parents=True)
    write_masked(tmp_path / "other" / "masked_fits" / "x.fits", 1)
    with pytest.raises(SchemaMismatch, match="other files"):
        train_files(replace(go_on, data=tmp_path / "other"))


def test_a_damaged_state_is_refused(night: Path, tmp_path: Path) -> None:
    run = ran(night, tmp_path, replace(QUICK, epoch=1))
    state = run / "models" / "last.state"
    request = Request(night, replace(QUICK, epoch=2), tmp_path, continue_train=run.name, threads=1)
    whole = state.read_bytes()
    for damaged in (
        b"",
        whole[: len(whole) // 2],
        b"\x80\x04" + whole[2:],
        (run / "models" / "last.safetensors").read_bytes(),
    ):
        state.write_bytes(damaged)
        with pytest.raises(CorruptInput, match=r"last\.state"):
            train_files(request)


def test_weights_can_be_begun_with(night: Path, tmp_path: Path) -> None:
    first = ran(night, tmp_path)
    weights = str(first / "models" / "last.safetensors")
    second = ran(night, tmp_path, replace(QUICK, epoch=1, lr=1e-9), comment="more", load_model=weights)
    states = [open_model(run / "models" / "last.safetensors")[0].state_dict() for run in (first, second)]
    assert all(torch.allclose(states[0][name], states[1][name], atol=1e-6) for name in states[0])


def test_an_earlier_run_is_not_overwritten(night: Path, tmp_path: Path) -> None:
    run = ran(night, tmp_path)
    with pytest.raises(OutputExists, match="--comment"):
        ran(night, tmp_path)
    before = bytes_of(run)
    assert bytes_of(ran(night, tmp_path, overwrite=True)) == before


def test_the_best_of_random_seeds_is_begun_with(night: Path, tmp_path: Path) -> None:
    plain, searched = (ran(night, tmp_path / str(s), replace(QUICK, epoch=1), random_seed=s) for s in (False, True))
    again = ran(night, tmp_path / "again", replace(QUICK, epoch=1), random_seed=True)
    assert bytes_of(searched) == bytes_of(again)
    assert bytes_of(searched)["models/last.safetensors"] != bytes_of(plain)["models/last.safetensors"]


@pytest.mark.parametrize("loss", ["bce", "median_bce", "dice", "mse"])
@pytest.mark.parametrize("norm", ["batch", "group", "instance"])
def test_every_loss_and_normalisation_trains(loss: str, norm: str, night: Path, tmp_path: Path) -> None:
    options = replace(QUICK, loss=loss, epoch=2, eval_epoch=1, architecture=replace(SMALL, norm=norm))
    run = ran(night, tmp_path, options)
    assert open_model(run / "models" / "last.safetensors")[1].architecture.norm == norm


def test_mixed_precision_learns_the_same_and_goes_on_to_the_same_bytes(night: Path, tmp_path: Path) -> None:
    plain = ran(night, tmp_path / "plain", QUICK, precision="fp32")
    whole = ran(night, tmp_path / "whole", QUICK, precision="bf16")
    part = ran(night, tmp_path / "part", replace(QUICK, epoch=2), precision="bf16")
    ran(night, tmp_path / "part", replace(Options(), epoch=4), precision="bf16", continue_train=part.name)
    assert bytes_of(whole) == bytes_of(part)
    weights = [open_model(run / "models" / "last.safetensors")[0].state_dict() for run in (plain, whole)]
    assert all(value.dtype == torch.float32 for value in weights[1].values())
    assert not all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert all(torch.allclose(weights[0][name], weights[1][name], atol=0.03) for name in weights[0])


def test_hst_and_nres_data_train(tmp_path: Path) -> None:
    for number in range(3):
        write_hst(tmp_path / "hst" / f"{number}.npz", number)
        write_masked(tmp_path / "nres" / f"{number}.fits", number, spectra=True)
    for kind in ("hst", "nres"):
        run = ran(tmp_path / kind, tmp_path / "runs", replace(QUICK, model=kind, epoch=1), comment=kind)
        assert (run / "report.html").is_file()


def test_a_single_file_trains_without_validation(tmp_path: Path) -> None:
    write_masked(tmp_path / "data" / "only.fits", 1)
    run = ran(tmp_path / "data", tmp_path / "runs", replace(QUICK, epoch=2))
    assert "dice" not in json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert open_model(run / "models" / "best.safetensors")[1].threshold == 0.5


def test_batch_statistics_stay_after_the_first_epochs(night: Path, tmp_path: Path) -> None:
    options = replace(QUICK, epoch=3, eval_epoch=2, validate_freq=1, architecture=replace(SMALL, norm="batch"))
    two = ran(night, tmp_path / "two", replace(options, epoch=2))
    three = ran(night, tmp_path / "three", options)
    first, second = (open_model(run / "models" / "last.safetensors")[0].state_dict() for run in (two, three))
    assert torch.equal(first["stem.norm.running_mean"], second["stem.norm.running_mean"])
    assert not torch.equal(first["head.weight"], second["head.weight"])


def test_pixels_that_do_not_count_teach_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    pixels, truth = torch.rand(2, 1, 16, 16, generator=random), torch.zeros(2, 1, 16, 16)
    keep = torch.ones_like(truth)
    keep[:, :, :, 12:] = 0
    spoilt = truth.clone()
    spoilt[:, :, :, 12:] = 1
    results = []
    for answer in (truth, spoilt):
        trainer = Trainer(replace(QUICK, crop=16, loss="bce"), CPU)
        trainer.run(1, [Batch(pixels, pixels, answer, keep)])
        results.append(trainer.copy().state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_gradients_of_single_images_add_up_to_that_of_the_batch() -> None:
    random = torch.Generator().manual_seed(1)
    pixels = torch.randn(3, 1, 16, 16, generator=random)
    truth = (torch.rand(3, 1, 16, 16, generator=random) < 0.2).float()
    batch = Batch(pixels, pixels, truth, torch.ones_like(truth))
    trainer = Trainer(replace(QUICK, crop=16, loss="bce", lr=1e-3), CPU)
    network = UNet(SMALL)
    network.load_state_dict(trainer.network.state_dict())
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(network(torch.asinh(pixels / 4) * 4), truth)
    loss.backward()
    optimiser.step()
    assert trainer.run(1, [batch]) == pytest.approx(loss.item(), rel=1e-5)
    for one, other in zip(trainer.network.parameters(), network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=2e-5)


def test_a_loss_that_is_no_number_is_said_so() -> None:
    trainer = Trainer(replace(QUICK, crop=16, lr=1e30, loss="bce"), CPU)
    pixels = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    batches = [Batch(pixels, pixels, (pixels > 0.5).float(), torch.ones_like(pixels))] * 8
    with pytest.raises(CorruptInput, match="smaller --lr"):
        trainer.run(1, batches)


def test_the_learning_rate_falls_behind_each_milestone() -> None:
    options = Options(lr=1.0, milestones=(2, 4))
    assert [options.rate(epoch) for epoch in (1, 2, 3, 4, 5)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    assert Options(lr=1.0).rate(2999) == 1


def test_scores_are_those_of_a_slow_count() -> None:
    random = np.random.default_rng(3)
    truth = random.random((60, 60)) < 0.1
    probability = np.clip(random.normal(0.3 + 0.4 * truth, 0.15), 0, 1).astype(np.float32)
    keep = random.random((60, 60)) < 0.9
    tally = Tally()
    tally.add(probability, truth, keep)
    values = tally.scores().values
    flagged = probability >= 0.5
    right, wrong = (flagged & truth & keep).sum(), (flagged & ~truth & keep).sum()
    assert values["recall"] == pytest.approx(right / (truth & keep).sum(), abs=1e-5)
    assert values["purity"] == pytest.approx(right / (right + wrong), abs=1e-5)
    assert values["dice"] == pytest.approx(2 * right / (2 * right + wrong + (~flagged & truth & keep).sum()), abs=1e-5)
    p, y = probability[keep].astype(float), truth[keep]
    assert values["valid_cr_loss"] == pytest.approx(1 - (2 * p[y].sum() + 1) / (p.sum() + y.sum() + 1), abs=1e-5)
    limit = np.sort(probability[keep & ~truth])[::-1][int(1e-3 * (keep & ~truth).sum())]
    assert values["recall_at_1e-3"] == pytest.approx((probability[keep & truth] > limit).mean(), abs=0.01)


def test_inference_scores_a_model_and_writes_nothing(night: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    found = score_files(Request(night, QUICK, tmp_path, load_model="ground_imaging", threads=1))
    assert found["files"] == 5
    assert found["recall"] > 0.7
    assert found["purity"] > 0.9
    assert sorted(tmp_path.rglob("*")) == before


SEED = (
    "--mode train --seed 3 --max_train_size 2 --lr 0.001 --milestones 1 2 3 --min_exposure 50 --crop 32 --batch 2"
    " --comment seed --model lco --loss median_bce --imbalance_alpha 100 --norm group --n_group 2 --gn_channel 2"
    " --conv_type resnet --up_type upscale --down_type avgpool --deeper --hidden 4 --epoch 1 --eval_epoch 10"
    " --validate_freq 1 --validRatio 0.4 --max_valid_size 1 --valid_crop 64 --no_affine --threads 1"
)


@pytest.mark.parametrize("dashed", [False, True])
def test_every_option_is_taken_as_it_is_documented(dashed: bool, night: Path, tmp_path: Path) -> None:
    words = [word.replace("_", "-") if dashed and word.startswith("--") else word for word in SEED.split()]
    argv = ["train", "--data", str(night), "-o", str(tmp_path), *words]
    assert execute(app, prog="cosmic-conn", argv=argv) == 0
    (run,) = tmp_path.iterdir()
    options = open_model(run / "models" / "last.safetensors")[1].training["options"]
    assert options["architecture"] == {
        "hidden": 4, "norm": "group", "n_group": 0, "gn_channel": 2, "affine": False, "shared_norm": True,
        "conv_type": "resnet", "up_type": "upscale", "down_type": "avgpool", "deeper": True,
    }  # fmt: skip
    wanted = {"seed": 3, "crop": 32, "milestones": [1, 2, 3], "max_train_size": 2, "min_exposure": 50, "valid_crop": 64}
    assert {name: options[name] for name in wanted} == wanted
    assert open_model(run / "models" / "last.safetensors")[1].training["files"]["validated on"] == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--data nowhere", 4, "no such file"),
        ("--data DATA --crop 30", 2, "multiple of 4"),
        ("--data DATA --n_group 5", 2, "groups"),
        ("--data DATA --lr 0", 2, "lr must be above zero"),
        ("--data DATA --validRatio 1", 2, "validRatio"),
        ("--data DATA --comment a/b", 2, "comment"),
        ("--data DATA --loss focal", 2, "loss"),
        ("--data DATA --device cuda", 5, "no GPU"),
        ("--data DATA --load_model nothing", 4, "no model"),
        ("--data DATA --continue_train nothing", 4, "no run to continue"),
        ("--data DATA --tensorboard", 5, "tensorboard is not installed"),
    ],
)
def test_wrong_options_are_one_line(
    words: str, code: int, message: str, night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["train", "-o", str(tmp_path / "runs"), "--epoch", "1", "--hidden", "8", "--crop", "32"]
    argv += [str(night) if word == "DATA" else word for word in words.split()]
    assert execute(app, prog="cosmic-conn", argv=argv) == code
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


def test_bad_files_stop_nothing_and_are_listed(night: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "data" / "masked_fits"
    folder.mkdir(parents=True)
    for path in (night / "masked_fits").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "x_masks.fits").write_bytes(path.read_bytes()[:9000])
    argv = f"train --epoch 1 --hidden 4 --n_group 2 --crop 32 --json --data {tmp_path / 'data'} -o {tmp_path / 'runs'}"
    assert execute(app, prog="cosmic-conn", argv=argv.split()) == 3
    assert "x_masks.fits" in json.dumps(json.loads(capsys.readouterr().out))


PACKAGE = Path(__file__).parent.parent


@pytest.mark.parametrize("script", [["python", "cosmic_conn/train.py"], ["sh", str(PACKAGE / "scripts/train_lco.sh")]])
def test_the_scripts_run_under_their_old_names(script: list[str], night: Path, tmp_path: Path) -> None:
    options = f"--epoch 1 --crop 32 --hidden 8 --data {night} -o {tmp_path}".split()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*script, *options],
        cwd=PACKAGE / "src",
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 epochs" in done.stdout
