from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import sky_image, with_track
from shared_io.errors import CorruptInput, InputNotFound, OutputExists, SchemaMismatch, UnsafeInput

from cosmic_conn.detection import Detector, Settings
from cosmic_conn.engine import Engine
from cosmic_conn.models.card import Card, Front, card_path, read_card
from cosmic_conn.models.published import PUBLISHED, import_checkpoint, read_checkpoint
from cosmic_conn.models.registry import find_model, open_model, shipped
from cosmic_conn.models.store import load, save
from cosmic_conn.network import Architecture, UNet
from cosmic_conn.parity import parity_probability


def test_weights_come_back_as_they_went(small_weights: Path, tmp_path: Path) -> None:
    network, card = load(small_weights)
    again = save(network, card, tmp_path / "again.safetensors")
    assert again == card
    assert (tmp_path / "again.safetensors").read_bytes() == small_weights.read_bytes()
    with pytest.raises(OutputExists):
        save(network, card, tmp_path / "again.safetensors")
    with pytest.raises(SchemaMismatch, match=r"ends \.safetensors"):
        save(network, card, tmp_path / "again.pth")


@pytest.fixture
def copied(small_weights: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.safetensors"
    shutil.copy(small_weights, path)
    shutil.copy(card_path(small_weights), card_path(path))
    return path


def test_weights_without_a_card_are_refused(copied: Path) -> None:
    card_path(copied).unlink()
    with pytest.raises(InputNotFound, match="no card"):
        load(copied)


def test_altered_weights_are_refused(copied: Path) -> None:
    data = bytearray(copied.read_bytes())
    data[-1] ^= 1
    copied.write_bytes(bytes(data))
    with pytest.raises(CorruptInput, match="sha256"):
        load(copied)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 9}, "format"),
        ({"threshold": 2}, "threshold"),
        ({"threshold": "0.5"}, "threshold"),
        ({"front": {"knee": "x", "scale": 1.0}}, "knee"),
        ({"front": {"knee": -1.0, "scale": 1.0}}, "knee"),
        ({"architecture": {"hidden": 1e9}}, "hidden"),
        ({"architecture": None}, "architecture"),
        ({"surplus": 1}, "surplus"),
        ({"name": 3}, "name"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(copied: Path, change: dict[str, object], words: str) -> None:
    content = json.loads(card_path(copied).read_text())
    card_path(copied).write_text(json.dumps({**content, **change}))
    with pytest.raises(SchemaMismatch, match=words):
        read_card(copied)


@pytest.mark.parametrize("text", ["", "[", "[1]", "{}", "[" * 100_000])
def test_a_damaged_card_is_refused(copied: Path, text: str) -> None:
    card_path(copied).write_text(text)
    with pytest.raises((CorruptInput, SchemaMismatch)):
        read_card(copied)


def test_a_card_of_another_network_is_refused(copied: Path) -> None:
    content = json.loads(card_path(copied).read_text())
    content["architecture"]["hidden"] = 8
    card_path(copied).write_text(json.dumps(content))
    with pytest.raises(SchemaMismatch, match="do not fit"):
        load(copied)


def test_what_is_shipped_is_small_and_has_a_card() -> None:
    assert "ground_imaging" in shipped()
    network, card = open_model("ground_imaging")
    assert find_model("ground_imaging").stat().st_size < 2_000_000
    assert card.licence == "BSD-3-Clause"
    assert card.training["recipe"]["seed"] >= 0
    assert network.architecture == card.architecture


@pytest.mark.parametrize("name", ["nothing", "NRES", "HST_ACS_WFC"])
def test_an_unknown_name_says_what_there_is(name: str) -> None:
    with pytest.raises(InputNotFound, match=r"ground_imaging|models import"):
        find_model(name)


def test_a_checkpoint_of_torch_is_not_used_as_it_is() -> None:
    with pytest.raises(SchemaMismatch, match="import it first: cosmic-conn models import"):
        find_model("cosmic-conn_ground_imaging_v0.2.8.pth")


def published_state(network: UNet) -> dict[str, torch.Tensor]:
    """The state of a network under the names of the published files, with the shared normalisation twice."""
    state = {}
    for name, value in network.state_dict().items():
        head, _, rest = name.partition(".")
        if head == "head":
            state[f"outc.conv.{rest}"] = value
        elif head == "grow":
            step, _, end = rest.partition(".")
            state[f"up{int(step) + 1}.up_conv.{end}"] = value
        else:
            place = {"stem": "inc.conv"}.get(head)
            if place is None:
                step, _, rest = rest.partition(".")
                place = f"{head}{int(step) + 1}" + (".down_cov.1" if head == "down" else ".conv")
                rest = rest.removeprefix("1.")
            layer, _, end = rest.partition(".")
            for number in {"first": (0,), "second": (3,), "norm": (1, 4)}[layer]:
                state[f"{place}.conv.{number}.{end}"] = value
    return state


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(hidden=8),
        Architecture(hidden=8, norm="batch"),
        Architecture(hidden=16, deeper=True),
        Architecture(hidden=8, norm="instance", affine=False),
    ],
    ids=["group", "batch", "deeper", "instance"],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_checkpoint_is_translated(architecture: Architecture, wrapped: bool, tmp_path: Path) -> None:
    torch.manual_seed(4)
    network = UNet(architecture).eval()
    content: object = published_state(network)
    if wrapped:
        content = {"epoch": 3, "state_dict_mask": content, "optimizer_mask": {"lr": 0.1}}
    source = tmp_path / "cr_checkpoint_3.pth.tar"
    torch.save(content, source)
    path, card = import_checkpoint(source, tmp_path / "mine.safetensors")
    found, again = load(path)
    image = torch.randn(1, 1, 16, 16)
    assert torch.equal(found(image), network(image))
    assert again == card
    assert card.name == "cr_checkpoint_3"
    assert card.architecture == architecture


def test_a_published_file_has_the_46_tensors_of_the_record() -> None:
    state = published_state(UNet())
    assert len(state) == 46
    assert tuple(state["up2.conv.conv.0.weight"].shape) == (64, 128, 3, 3)
    assert tuple(state["up1.up_conv.weight"].shape) == (64, 32, 2, 2)


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"inc.conv.conv.0.weight": _Evil()}, "evil.pth")
    with pytest.raises(UnsafeInput, match="was not opened"):
        read_checkpoint("evil.pth")
    assert not Path("ran").exists()


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound):
        read_checkpoint(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("not a checkpoint")
    with pytest.raises((CorruptInput, UnsafeInput)):
        read_checkpoint(tmp_path / "text.pth")
    with zipfile.ZipFile(tmp_path / "zip.pth", "w") as archive:
        archive.writestr("hello", "you")
    with pytest.raises((CorruptInput, UnsafeInput)):
        read_checkpoint(tmp_path / "zip.pth")


@pytest.mark.parametrize(
    "content",
    [
        {"a": torch.zeros(3)},
        {"inc.conv.conv.0.weight": torch.zeros(8, 1, 3, 3)},
        [1, 2],
        {"inc.conv.conv.0.weight": torch.tensor(1.0)},
        {**published_state(UNet(Architecture(hidden=8))), "surplus": torch.zeros(1)},
    ],
    ids=["other", "part", "list", "scalar", "surplus"],
)
def test_another_network_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(SchemaMismatch):
        read_checkpoint(tmp_path / "other.pth")


def test_parity_searches_what_the_published_program_searches() -> None:
    """Rows and columns beyond the last multiple of 16 of each tile stay zero, and each tile has its own median."""
    torch.manual_seed(5)
    network = UNet(Architecture(hidden=8, norm="none")).eval()
    card = Card("x", "", network.architecture, Front(), 0.5, "", "")
    engine = Engine(network, card, torch.device("cpu"), exact=True)
    image = sky_image((70, 100)).astype(">f8")
    image[3, 4] = np.nan
    found = parity_probability(image, engine, 64)
    assert (found[64:] == 0).all()
    assert (found[:64, 96:] == 0).all()
    tile = np.nan_to_num(image[:64, :64]).astype(np.float32)
    tile -= torch.from_numpy(tile).median().item()
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(tile)[None, None]))[0, 0].numpy()
    assert np.array_equal(found[:64, :64], expected)
    assert np.isnan(image[3, 4])
    assert (parity_probability(sky_image((15, 15)), engine, 0) == 0).all()


PREDECESSOR = os.environ.get("COSMIC_CONN_PREDECESSOR", "")

_THEIRS = """
import sys, numpy as np, torch
torch.set_num_threads(1)
from cosmic_conn import init_model
model = init_model("ground_imaging")
for crop in (1024, 256):
    model.opt.crop = crop
    np.save(f"{sys.argv[1]}/{crop}.npy", model.detect_cr(np.load(sys.argv[1] + "/image.npy"), ret_numpy=True))
import cosmic_conn
print(cosmic_conn.__path__[0])
"""


@pytest.mark.skipif(not PREDECESSOR, reason="COSMIC_CONN_PREDECESSOR names no Python with Cosmic-CoNN 0.6 installed")
def test_parity_with_the_installed_predecessor(tmp_path: Path) -> None:
    image = with_track(sky_image((300, 331), seed=6))
    np.save(tmp_path / "image.npy", image)
    done = subprocess.run(
        [PREDECESSOR, "-W", "ignore", "-c", _THEIRS, tmp_path], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    (weights,) = Path(done.stdout.split()[-1]).rglob("cosmic-conn_ground_imaging_v0.2.8.pth")
    path, card = import_checkpoint(weights, tmp_path / "published.safetensors")
    assert card.name == "published_ground_imaging"
    for crop in (1024, 256):
        found = Detector(Settings(model=path, method="net", parity=crop))(image).probability
        assert np.abs(found - np.load(tmp_path / f"{crop}.npy")).max() <= 2e-6
    for other in Path(done.stdout.split()[-1]).rglob("cosmic-conn_*.pth"):
        name = import_checkpoint(other, tmp_path / f"{other.stem}.safetensors")[1].name
        assert name in {p.name for p in PUBLISHED.values()}
