from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MODEL, TRAIN, VALIDATION, done, run, stars
from shared_io import table

import otrain
from otrain import crossmatch
from otrain.cutouts import Cube
from otrain.files.datacube import read_cube, write_cube
from otrain.files.models import read_model
from otrain.network import architecture
from otrain.pipeline import galleries

HOME = MODEL.parent
PNGS = ("errmag_ROC", "mag_ROC", "errmag_recall", "mag_recall", "model_F1_MCC", "prob_distribution")


def test_names() -> None:
    assert dir(otrain) == sorted(otrain.__all__)
    for name in otrain.__all__:
        assert getattr(otrain, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        otrain.nothing  # noqa: B018


def test_the_package_is_light() -> None:
    code = "import sys, otrain\nprint(sorted({m.split('.')[0] for m in sys.modules} & {'numpy', 'typer', 'keras'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_everything_that_a_training_writes(home: Path) -> None:
    folder = home / HOME
    for name in (*PNGS, "m_loss_vs_epochs", "m_accuracy_vs_epochs", "reliability", "scores_by"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    held = read_cube(home / VALIDATION)
    with np.load(home / VALIDATION) as file:
        assert file["labels"].shape == (len(held), 2)
        assert {"cube", "labels", "mags", "errmags", "candids"} <= set(file)
    assert 20 <= len(held) <= 60
    card = read_model(home / MODEL).card
    assert card.training["real"] + card.training["bogus"] + len(held) == 180
    assert card.training["versions"]["keras"]
    assert card.training["data_sha256"]
    assert card.training["settings"]["plan"]["seed"] == 0
    assert card.training["held_back"]["auc"] > 0.9
    objects = set(held.column("object"))
    whole = read_cube(home / "stars.npz")
    rest = [o for o, c in zip(whole.column("object"), whole.column("candid"), strict=True)
            if c not in set(held.column("candid"))]  # fmt: skip
    assert not objects & set(rest)


def test_pictures_are_named_after_what_they_show(home: Path) -> None:
    folder = home / HOME / "validation_set"
    listed = table.read(folder / "pictures.csv")
    held = read_cube(home / VALIDATION)
    found = {str(path.relative_to(folder)) for path in folder.rglob("cutout_*.png")}
    assert found == set(listed["picture"].tolist())
    for entry in listed:
        assert str(held.column("candid")[entry["row"]]) == str(entry["candid"])
        kind = str(entry["picture"]).split("images_")[1][:2]
        assert (held.labels[entry["row"]] == 1) == (kind in ("TP", "FN"))
    assert galleries.caption(held, 3, 0.25).startswith(str(held.column("candid")[3]))


def test_the_page_stands_alone(home: Path) -> None:
    page = (home / HOME / "report.html").read_text()
    for words in ("False positives", "False negatives", "Likely label errors", "What to label next", "data:image/png"):
        assert words in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="data:' in page
    assert len(table.read(home / HOME / "label_errors.csv")) == 180
    assert len(table.read(home / HOME / "label_next.csv")) == 180


def test_the_page_trusts_no_name() -> None:
    from otrain import report

    page = report.page("<b>", "s", [], [], [("t", "x", [["<i>"], ["<script>alert(1)</script>"]])], (), "{}")
    assert "<script>" not in page
    assert "<b>" not in page


def test_the_same_seed_gives_the_same_bytes(home: Path, tmp_path: Path) -> None:
    (tmp_path / "stars.npz").write_bytes((home / "stars.npz").read_bytes())
    done(TRAIN, tmp_path)
    for path in sorted((home / HOME).rglob("*")):
        if path.is_file() and ".ledger" not in path.name:
            assert (tmp_path / path.relative_to(home)).read_bytes() == path.read_bytes(), path.name
    assert "1 skipped" in done(TRAIN, tmp_path)
    (tmp_path / HOME / "report.html").unlink()
    done(TRAIN, tmp_path)
    assert (tmp_path / HOME / "report.html").read_bytes() == (home / HOME / "report.html").read_bytes()


def test_training_refuses_to_overwrite_and_says_what_is_wrong(home: Path, tmp_path: Path) -> None:
    code, out, _ = run(f"{TRAIN} --seed 4", home)
    assert code == 6, out
    write_cube(tmp_path / "few.npz", stars(2))
    for line, words in (
        (TRAIN.replace("stars", "few"), "too few"), (TRAIN, "no such file"), (f"{TRAIN} --frac 2", "frac"),
        ("otrain-train --cube few.npz --model-path m --model-name n --size 10", "at least 16"),
    ):  # fmt: skip
        code, _, errors = run(line, tmp_path)
        assert code in (2, 4)
        assert words in errors
        assert errors.count("\n") == 1
    code, _, errors = run(f"{TRAIN.replace('stars', 'few')} --device cuda", tmp_path)
    assert code in (4, 5)


def test_the_network_of_otrain_has_its_parameters() -> None:
    from otrain.training import framework

    model = framework.build(architecture("otrain"), (32, 32, 1))
    assert model.count_params() == 2_621_826
    names = [layer.name for layer in model.layers if "conv" in layer.name]
    assert names == ["conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4"]


@pytest.mark.parametrize("name", ["small", "otrain"])
def test_inference_equals_keras(name: str) -> None:
    from otrain import graph
    from otrain.inference import Classifier
    from otrain.model import Card, Model
    from otrain.preprocessing import Preprocessing
    from otrain.training import framework

    layers = architecture(name)
    model = framework.build(layers, (16, 16, 2))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "norm" in weight.path:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    network = framework.extract(model, layers)
    prepare = Preprocessing(("difference",), 16)
    classifier = Classifier(
        Model(Card("x", name, (16, 16, 2), 1, network.described(), prepare), graph.to_onnx([network]))
    )
    cube = stars(20).pixels
    two = np.asarray(model.predict_on_batch(prepare(cube)), np.float64)
    z = two[:, 0] if two.shape[1] == 1 else two[:, 1] - two[:, 0]
    np.testing.assert_allclose(classifier.predict(cube).probability, 1 / (1 + np.exp(-z)), atol=1e-5)


def test_the_other_network_and_options_train(tmp_path: Path) -> None:
    cube = stars(30, planes=3)
    cube.pixels[0, 2, 3, 1] = np.nan
    write_cube(tmp_path / "c.npz", cube)
    line = ("otrain train --cube c.npz --model-path . --model-name b --network otrain --epochs 1 --no-report --size 16 "
            "--planes science difference --views 2 --target-fpr 0.2 --split-by candid --dropout 0.1")  # fmt: skip
    done(line, tmp_path)
    card = read_model(tmp_path / "CNN_training/b/b.h5").card
    assert (card.network, card.members, card.views, card.shape) == ("otrain", 1, 2, (16, 16, 3))
    assert card.preprocessing.planes == ("science", "difference")
    out = done("otrain-diagnostics --path-cube-validation c.npz --model-path CNN_training/b/b.h5", tmp_path)
    assert "60 cut-outs" in out
    assert not (tmp_path / "CNN_training/b/report.html").exists()


def test_diagnostics_take_any_cube(home: Path, tmp_path: Path) -> None:
    for cube in (home / VALIDATION, home / "stars.npz"):
        line = ["otrain-diagnostics", "--path-cube-validation", str(cube), "--model-path", str(home / MODEL)]
        out = done([*line, "--path-diagnostics", cube.stem], tmp_path)
        assert "MCC" in out
        assert "[[TN FP][FN TP]]" in out
        assert (tmp_path / cube.stem / "validation_set/well_classified/images_TP/cutout_0.png").exists()
    assert (tmp_path / "cnn_results").exists() is False


@pytest.mark.parametrize("program", ["otrain-plot-results", "otrain-plots-results"])
def test_plots_never_remove_what_is_there(home: Path, tmp_path: Path, program: str) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    line = [program, "--path-cube-validation", str(home / VALIDATION), "--model-path", str(home / MODEL)]
    done([*line, "--path-plots", "."], tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"
    assert all((tmp_path / f"{name}.png").exists() for name in PNGS)
    (tmp_path / "new").mkdir()
    (tmp_path / "new/mag_ROC.png").write_text("mine too")
    code, _, _ = run([*line, "--path-plots", "new"], tmp_path)
    assert code == 6
    assert (tmp_path / "new/mag_ROC.png").read_text() == "mine too"


def test_plots_without_magnitudes(home: Path, tmp_path: Path) -> None:
    cube = read_cube(home / VALIDATION)
    bare = Cube(cube.pixels, cube.labels, {}, cube.planes)
    write_cube(tmp_path / "bare.npz", bare)
    with np.load(tmp_path / "bare.npz") as file:
        arrays = dict(file)
    arrays["mags"] = np.array(["-99.0", "18.2", *["17.0"] * (len(cube) - 2)])
    np.savez(tmp_path / "text.npz", **arrays)
    for name in ("bare", "text"):
        done(["otrain-plot-results", "--cube", f"{name}.npz", "--model", str(home / MODEL), "-o", name], tmp_path)
    assert np.isnan(read_cube(tmp_path / "text.npz").columns["mag"][0])


def test_maps_are_written_where_they_are_asked_for(home: Path, tmp_path: Path) -> None:
    line = ["otrain-grad-cam", "--cube", str(home / VALIDATION), "--model-path", str(home / MODEL)]
    out = done([*line, "--cam_path", "cams", "--n_random", "1000"], tmp_path)
    held = len(read_cube(home / VALIDATION))
    assert f"{held} maps" in out
    found = sorted(path.parent.name for path in (tmp_path / "cams").rglob("cutout_CAM_*.png"))
    assert len(found) == held
    assert set(found) <= {"True Negative", "True Positive", "False Positive", "False Negative"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cams"]
    out = done([*line, "--cam-path", "two", "--n-random", "2", "--method", "occlusion", "--threshold", "0.5"], tmp_path)
    code, _, errors = run([*line, "--cam-path", "three", "--layer", "conv2d_4"], tmp_path)
    assert code == 4
    assert "stem" in errors


def test_checkinfer_takes_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    head = "# idx filename Xpos Ypos RA Dec mag filter filename2 Nmatches closest_candID all_candIDs edge\n"
    rows = [f"{k % 3} a 1 1 1 1 {14 + k} r b 1 {'None' if k == 2 else f'x{k}'} x{k} False" for k in range(8)]
    (tmp_path / "s/crossmatch.dat").write_text(head + "\n".join(rows) + "\n")
    head = "# filename RA Dec originalFile Xpos Ypos mag magerr FWHM FWHMPSF cand_ID label0 label1\n"
    rows = [f'a{k} 1 1 "" 1 1 15 0.1 3 {2 if k else "nan"} x{k} {1 - k / 10} {k / 10}' for k in range(10)]
    (tmp_path / "s/infer_results.dat").write_text(head + "\n".join(rows) + "\n")
    for sources in (("s", "s"), ("s/crossmatch.dat", "s/infer_results.dat")):
        line = [
            "otrain-checkinfer",
            "--plots",
            f"p{len(sources[0])}",
            "--crossmatch",
            sources[0],
            "--infer",
            sources[1],
        ]
        out = done([*line, "--maglim", "15", "18", "--cnn-problim", "0.1", "0.5"], tmp_path)
        assert "15 to 18" in out
        assert len(list((tmp_path / f"p{len(sources[0])}/CheckInfer").glob("*.png"))) == 6
    from otrain.files.results import read_results

    found = crossmatch.match(
        read_results(tmp_path / "s/crossmatch.dat"), read_results(tmp_path / "s/infer_results.dat")
    )
    np.testing.assert_allclose(found.probability, [0, 0.1, np.nan, 0.3, 0.4, 0.5, 0.6, 0.7])
    assert sorted(found.all_probability.tolist()) == pytest.approx([0.2, 0.8, 0.9])
    (row,) = [r for r in crossmatch.fractions(found, (15, 18), (0.35,)) if r["magnitude"] == "15 to 18"]
    assert (row["simulated"], row["candidates"], row["p>0.35"]) == (3, 2, 0.0)
    (tmp_path / "bad.dat").write_text("# a b\n1 2\n")
    code, _, errors = run(["otrain-checkinfer", "--plots", "q", "--crossmatch", "bad.dat", "--infer", "s"], tmp_path)
    assert code == 4
    assert "closest_candID" in errors


def test_sizes_go_down_on_one_test_set(tmp_path: Path) -> None:
    write_cube(tmp_path / "c.npz", stars(100))
    line = ("otrain-optimise-dataset-size --cube c.npz --model-path . --model-name s --outdir sizes --n_sections 3 "
            "--epochs 1 --repeats 1 --goal 0.99")  # fmt: skip
    out = done(line, tmp_path)
    rows = table.read(tmp_path / "sizes/s_dataset_size.csv")
    assert np.all(np.diff(rows["size"]) < 0)
    assert len(rows) == 3
    assert "0.99" in out
    assert "(95 %: " in out
    for name in ("scores_dataset_size", "ecart_accuracy_size", "loss_dataset_size"):
        assert (tmp_path / f"sizes/s_{name}.png").exists()
    assert not list((tmp_path / "sizes").glob("*.h5"))


def test_json(home: Path) -> None:
    out = done(["otrain", "card", str(home / MODEL), "--json"], home)
    assert json.loads(out)["name"] == "m"


def test_old_names_of_the_programs_get_a_hint(home: Path) -> None:
    program = Path(sys.executable).with_name("gamdet-convert")
    found = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert (found.stdout.split()[0], found.stderr) == ("otrain", "")
    line = [program, "--path", "x", "--cube", "c", "--cutouts", "nothing"]
    found = subprocess.run(line, capture_output=True, text=True, check=False, cwd=home)
    assert found.returncode == 4
    assert found.stderr.startswith("gamdet-convert: error")
    assert "gamdet" in done("otrain --help", home)


def test_it_installs_without_scripts_and_names_what_it_needs() -> None:
    from importlib.metadata import requires

    names = {line.split(";")[0].split(">")[0].split("<")[0].strip() for line in requires("otrain") or []}
    assert {"keras", "tensorflow", "onnxruntime", "fastavro"} <= names
    assert not {"sklearn", "scikit-learn", "pytest-runner", "twine"} & names


def test_public_names_are_no_modules() -> None:
    code = (
        "import importlib, pathlib, types, otrain\n"
        "for path in pathlib.Path(otrain.__file__).parent.glob('*.py'):\n"
        "    importlib.import_module(f'otrain.{path.stem}')\n"
        "print([n for n in otrain.__all__ if isinstance(getattr(otrain, n), types.ModuleType)])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("line", [
    "otrain-diagnostics --cube {0} --model-path {1} --path-diagnostics out",
    "otrain-plot-results --cube {0} --model-path {1} --path-plots out",
    "otrain-grad-cam --cube {0} --model-path {1} --cam-path out",
    "otrain-checkinfer --crossmatch {0} --infer {1} --plots out",
])  # fmt: skip
@pytest.mark.parametrize("names", [("no.npz", "there"), ("there", "no.h5")])
def test_an_input_that_is_missing_leaves_no_folder(tmp_path: Path, line: str, names: tuple[str, str]) -> None:
    (tmp_path / "there").write_bytes(b"x")
    code, _, errors = run(line.format(*names), tmp_path)
    assert (code, errors.count("\n")) == (4, 1)
    assert "no.npz" in errors or "no.h5" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_killed_training_goes_on_with_its_next_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from otrain.training import loop

    write_cube(tmp_path / "stars.npz", stars(40))
    line = TRAIN.replace("--epochs 3", "--epochs 1") + " --no-report"
    fit, seeds = loop.fit, []

    def counted(*args: Any, **more: Any) -> Any:
        seeds.append(args[6])
        if len(seeds) == stop:
            raise KeyboardInterrupt
        return fit(*args, **more)

    monkeypatch.setattr(loop, "fit", counted)
    stop = 0
    done(line, tmp_path)
    whole = (tmp_path / MODEL).read_bytes()
    home = (tmp_path / MODEL).parent
    assert not list(home.glob(".member*"))
    shutil.rmtree(tmp_path / "models")
    seeds, stop = [], 2
    assert run(line, tmp_path)[0] == 130
    assert [path.name for path in home.glob(".member*")] == [".member0.h5"]
    seeds, stop = [], 0
    done(line, tmp_path)
    assert seeds == [1]
    assert (tmp_path / MODEL).read_bytes() == whole
    assert not list(home.glob(".member*"))
    # those of another training, or damaged ones, are not taken
    shutil.rmtree(tmp_path / "models")
    seeds, stop = [], 2
    run(line, tmp_path)
    (home / ".member0.h5").write_bytes((home / ".member0.h5").read_bytes()[:3000])
    seeds, stop = [], 0
    done(line, tmp_path)
    assert seeds == [0, 1]
    assert (tmp_path / MODEL).read_bytes() == whole
