from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import MODEL, VALIDATION, done, random_model, random_network, run, stars, write_fits
from shared_io.errors import SchemaMismatch

from otrain import graph
from otrain.attention import _in_turn, grad_cam, occlusion
from otrain.inference import Classifier
from otrain.kernels import calibration, maps, pixels
from otrain.model import Card, Decision, Model
from otrain.preprocessing import Preprocessing


def test_predictions_are_those_of_the_layers_in_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model(members=3, slope=1.5, offset=-0.2)
    cube = stars(70).pixels
    classifier = Classifier(model)
    found = classifier.predict(cube)
    x = model.card.preprocessing(cube)
    logits = np.stack([network(x) for network in classifier.networks], axis=1)
    np.testing.assert_allclose(found.logits, logits, atol=1e-5)
    np.testing.assert_allclose(found.probability, calibration.sigmoid(1.5 * logits.mean(axis=1) - 0.2), atol=1e-5)
    monkeypatch.setattr("otrain.inference._BATCH", 7)
    np.testing.assert_allclose(Classifier(model).predict(cube).probability, found.probability, atol=1e-6)


def test_views_are_averaged() -> None:
    model = random_model(views=8, members=1)
    cube = stars(5).pixels
    one = Classifier(model)
    x = model.card.preprocessing(cube)
    wanted = np.mean([one.networks[0](pixels.view(x, k)) for k in range(8)], axis=0)
    np.testing.assert_allclose(one.logits(cube)[:, 0], wanted, atol=1e-5)
    np.testing.assert_allclose(one.logits(np.rot90(cube, axes=(1, 2)))[:, 0], wanted, atol=0.3)


def test_uncertainty_is_none_where_all_agree_and_all_where_they_do_not() -> None:
    classifier = Classifier(random_model(members=2))
    found = classifier.judge(np.array([[9.0, 9.0], [9.0, -9.0], [0.0, 0.0], [-9.0, -9.0]]))
    assert found.uncertainty == pytest.approx([0, 1, 1, 0], abs=1e-3)
    assert found.probability == pytest.approx([1, 0.5, 0.5, 0], abs=1e-3)


def test_prior_odds_and_thresholds() -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([True, False], 500)
    z = rng.normal(size=1000) + np.where(truth, 1.0, -1.0)
    base = random_model(prior=1.0, threshold=0.4, slope=2.0)
    model = Model(base.card, base.onnx, z, truth)
    plain, rare = Classifier(model), Classifier(model, Decision(prob_ratio=0.001))
    logits = np.array([[1.0, 1.0]])
    odds = [p / (1 - p) for p in (plain.judge(logits).probability[0], rare.judge(logits).probability[0])]
    assert odds[1] / odds[0] == pytest.approx(0.001)
    assert plain.threshold == pytest.approx(0.4)
    shifted = rare.threshold / (1 - rare.threshold)
    assert shifted / (0.4 / 0.6) == pytest.approx(0.001)  # the same objects are called real
    strict = Classifier(model, Decision(target_fpr=0.02))
    assert strict.judge(np.stack([z[~truth]] * 2, axis=1)).real.mean() == pytest.approx(0.02, abs=0.003)
    lenient = Classifier(model, Decision(target_fnr=0.1))
    assert 1 - lenient.judge(np.stack([z[truth]] * 2, axis=1)).real.mean() == pytest.approx(0.1, abs=0.003)
    assert Classifier(model, Decision(threshold=0.9)).threshold == 0.9


def test_decisions_that_make_no_sense() -> None:
    with pytest.raises(SchemaMismatch, match="one of"):
        Decision(threshold=0.5, target_fpr=0.1)
    with pytest.raises(SchemaMismatch, match="between 0 and 1"):
        Decision(target_fnr=2)
    with pytest.raises(SchemaMismatch, match="positive"):
        Decision(prob_ratio=0)
    with pytest.raises(SchemaMismatch, match="could be judged"):
        Classifier(random_model(), Decision(target_fpr=0.1))
    with pytest.raises(SchemaMismatch, match="does not say"):
        Classifier(random_model(), Decision(prob_ratio=0.1))


def test_cut_outs_that_do_not_fit() -> None:
    classifier = Classifier(random_model(size=16))
    with pytest.raises(SchemaMismatch, match="16 x 16 pixels"):
        classifier.predict(np.zeros((1, 12, 12, 1), "f4"))
    with pytest.raises(SchemaMismatch, match="3 planes"):
        classifier.predict(np.zeros((1, 16, 16, 3), "f4"))
    network = random_network((16, 16, 2))
    whole = Card("w", "small", network.shape, 1, network.described(), Preprocessing(("difference",), -1))
    with pytest.raises(SchemaMismatch, match="20 x 20 pixels, but the model takes 16 x 16"):
        Classifier(Model(whole, graph.to_onnx([network]))).predict(np.zeros((1, 20, 20, 1), "f4"))


def test_a_cut_out_of_nothing_but_missing_pixels() -> None:
    found = Classifier(random_model()).predict(np.full((2, 20, 20, 1), np.nan, "f4"))
    assert np.isfinite(found.probability).all()


@pytest.mark.parametrize("kind", ["fused", "hires", "layer"])
def test_maps_lie_on_what_decides(kind: str) -> None:
    """A network that only looks at one corner has its maps there, and occlusion agrees."""
    network = random_network((16, 16, 2))
    weights = dict(network.weights)
    kernel = np.zeros_like(weights["hidden"][0]).reshape(2, 2, 32, 32)
    kernel[1, 0] = np.abs(weights["hidden"][0].reshape(2, 2, 32, 32)[1, 0])
    weights["hidden"] = (kernel.reshape(128, 32), np.zeros(32, "f4"))
    weights["logit"] = (np.abs(weights["logit"][0]), np.zeros(1, "f4"))
    for name in ("stem", "conv_1", "conv_2"):
        weights[name] = (np.abs(weights[name][0]), np.zeros_like(weights[name][1]))
    corner = type(network)(network.layers, network.shape, weights)
    prepare = Preprocessing(("difference",), 16)
    card = Card("corner", "small", network.shape, 1, corner.described(), prepare)
    classifier = Classifier(Model(card, graph.to_onnx([corner])))
    cube = np.random.default_rng(0).normal(size=(6, 20, 20, 1)).astype("f4")
    cube[:, 13:16, 3:6] += 40
    cube[:, 3:6, 13:16] += 40
    real = np.ones(6, bool)
    made = grad_cam(classifier, cube, real=real, kind=kind, views=1)
    assert made.shape == (6, 20, 20)
    assert made.max(axis=(1, 2)) == pytest.approx(1)
    assert not made[:, :2].any()  # outside of the square that the model sees
    y, x = np.unravel_index(made.reshape(6, -1).argmax(axis=1), (20, 20))
    assert (np.hypot(y - 14, x - 4) < np.hypot(y - 4, x - 14)).all()
    cube[:, 3:6, 13:16] -= 40
    covered = occlusion(classifier, cube, real=real, box=3, step=1)
    y, x = np.unravel_index(covered.reshape(6, -1).argmax(axis=1), (20, 20))
    assert (np.hypot(y - 14, x - 4) < 3).all()


def test_all_members_and_all_views_have_their_turn() -> None:
    for members, views in ((1, 8), (4, 8), (5, 2), (3, 1)):
        pairs = _in_turn(list(range(members)), list(range(views)))  # type: ignore[arg-type]
        assert len(pairs) == max(members, views)
        assert {member for member, _ in pairs} == set(range(members))
        assert {view for _, view in pairs} == set(range(views))


def test_any_layer_has_maps_and_unknown_ones_are_named() -> None:
    classifier = Classifier(random_model())
    cube = stars(3).pixels
    for layer in ("stem", "conv_1", "conv_2"):
        for kind in ("fused", "grad", "hires", "layer"):
            made = grad_cam(classifier, cube, layer=layer, kind=kind)
            assert np.isfinite(made).all()
            assert made.min() >= 0
    with pytest.raises(SchemaMismatch, match="stem, conv_1, conv_2"):
        grad_cam(classifier, cube, layer="conv2d_4")


def test_maps_of_a_turned_cut_out_are_turned_maps() -> None:
    classifier = Classifier(random_model(members=1))  # several members look at the views in turn
    cube = stars(4).pixels[:, 2:18, 2:18]  # all that the model sees
    whole = grad_cam(classifier, cube, real=np.ones(8, bool))
    assert whole.max() == pytest.approx(1)
    for number in range(8):
        turned = grad_cam(classifier, pixels.view(cube, number), real=np.ones(8, bool))
        assert turned == pytest.approx(pixels.view(whole[..., None], number)[..., 0], abs=1e-4)
    for number in range(8):
        assert np.array_equal(pixels.unview(pixels.view(cube, number), number), cube)


def test_a_fused_map_is_the_product_of_a_coarse_and_a_fine_one() -> None:
    classifier = Classifier(random_model())
    cube, real = stars(3).pixels, np.ones(6, bool)
    coarse = grad_cam(classifier, cube, real=real, kind="hires", views=1)
    fine = grad_cam(classifier, cube, real=real, kind="layer", layer="conv_1", views=1)
    np.testing.assert_allclose(grad_cam(classifier, cube, real=real, views=1), maps.unit(coarse * fine), atol=1e-6)
    first = grad_cam(classifier, cube, real=real, layer="stem", views=1)
    np.testing.assert_allclose(first, grad_cam(classifier, cube, real=real, layer="stem", kind="hires", views=1))


def test_maps_of_zeros_stay_zeros() -> None:
    assert not maps.unit(np.zeros((2, 3, 3))).any()
    assert not maps.cam(np.ones((1, 2, 2, 3)), -np.ones((1, 2, 2, 3))).any()


def test_enlarged_maps_keep_places() -> None:
    small = np.zeros((1, 4, 4))
    small[0, 3, 1] = 1
    big = maps.enlarged(small, 32, 32)[0]
    assert np.unravel_index(big.argmax(), (32, 32))[0] >= 27
    assert 8 <= np.unravel_index(big.argmax(), (32, 32))[1] < 16
    ramp = maps.enlarged(np.arange(4.0).reshape(1, 1, 4), 1, 8)[0, 0]
    assert (np.diff(ramp) >= 0).all()


def test_inference_loads_no_training_framework(home: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    write_fits(tmp_path / "c/a.fits", stars(1).pixels[0, ..., 0], {"CANDID": "a"})
    code = (
        "import sys\nfrom otrain.cli import app\nfrom shared_io import cli\n"
        f"line = ['--cutouts', 'c', '--model', {str(home / MODEL)!r}]\n"
        "cli.execute(app, prog='otrain-infer', verb='infer', argv=line)\n"
        "print(sorted({'tensorflow', 'keras', 'onnx', 'matplotlib'} & {m.partition('.')[0] for m in sys.modules}))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
    assert (tmp_path / "c/infer_results.dat").exists()


COLUMNS = "# filename RA Dec originalFile Xpos Ypos mag magerr FWHM FWHMPSF cand_ID label0 label1"


@pytest.fixture
def night(tmp_path: Path) -> Path:
    cube = stars(6, seed=3)
    for k, cut in enumerate(cube.pixels[..., 0]):
        cards = {"CANDID": f"n{k}", "MAG": 18.0 + k, "RA": 10.5, "FILE": "my frame.fits"} if k else {"EDGE": "True"}
        write_fits(tmp_path / "night" / f"{k:02d}.fits", cut, cards)
    return tmp_path


def test_the_table_of_results(home: Path, night: Path) -> None:
    from astropy.io import ascii

    out = done(["otrain-infer", "--cutouts", "night", "--model", str(home / MODEL)], night)
    assert "11 cut-outs" in out
    assert "1 at an edge" in out
    lines = (night / "night/infer_results.dat").read_text().splitlines()
    assert lines[0] == COLUMNS
    table = ascii.read(lines, format="commented_header")
    assert table["filename"].tolist() == [f"{k:02d}.fits" for k in range(1, 12)]
    assert set(table["originalFile"]) == {"my frame.fits"}
    assert np.isnan(table["Dec"].astype(float)).all()
    np.testing.assert_allclose(table["label0"] + table["label1"], 1)
    (real, bogus) = table["label1"][:5], table["label1"][5:]
    assert real.mean() > bogus.mean() + 0.3


def test_other_formats_hold_more(home: Path, night: Path) -> None:
    from shared_io import table

    done(["otrain-infer", "--cutouts", "night", "--model", str(home / MODEL), "--format", "parquet"], night)
    found = table.read(night / "night/infer_results.parquet")
    assert found.colnames == [*COLUMNS[2:].split(), "uncertainty", "real"]
    done(
        ["otrain-infer", "--cutouts", "night", "--model", str(home / MODEL), "-o", "x.fits", "--threshold", "1"], night
    )
    assert not table.read(night / "x.fits")["real"].any()


@pytest.mark.parametrize("form", ["dat", "parquet", "csv"])
def test_parts_of_a_table_are_one_table(home: Path, night: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    from otrain.files.results import read_results

    write_fits(night / "night/99.fits", stars(1).pixels[0, ..., 0], {"CANDID": "a much longer name", "FILTER": "gr"})
    line = ["otrain-infer", "--cutouts", "night", "--model", str(home / MODEL), "--format", form, "--overwrite"]
    done(line, night)
    whole = read_results(night / f"night/infer_results.{form}")
    monkeypatch.setattr("otrain.files.fits_cutouts.CHUNK", 5)
    done([*line, "--no-resume"], night)
    parts = read_results(night / f"night/infer_results.{form}")
    assert parts.colnames == whole.colnames
    assert len(parts) == 12
    for name in whole.colnames:
        if whole[name].dtype.kind == "f":
            np.testing.assert_allclose(parts[name], whole[name], atol=1e-6)
        else:
            assert parts[name].tolist() == whole[name].tolist()


def test_folders_resume_and_are_isolated(home: Path, night: Path) -> None:
    line = ["otrain-infer", "--cutouts", "night", "nothing", "--model", str(home / MODEL)]
    code, out, _ = run(line, night)
    assert code == 3
    assert "failed: nothing" in out
    before = (night / "night/infer_results.dat").read_bytes()
    code, out, _ = run(line, night)
    assert "1 skipped, 1 failed" in out
    (night / "night/02.fits").write_bytes(b"SIMPLE  = what")
    code, out, _ = run([*line, "--overwrite"], night)
    assert code == 3
    assert "02.fits" in out
    assert (night / "night/infer_results.dat").read_bytes() != before


def test_prob_ratio_lowers_probabilities(home: Path, night: Path) -> None:
    from astropy.io import ascii

    def labels(*more: str) -> np.ndarray:
        done(["otrain-infer", "--cutouts", "night", "--model", str(home / MODEL), "--overwrite", *more], night)
        return np.asarray(
            ascii.read((night / "night/infer_results.dat").read_text(), format="commented_header")["label1"]
        )

    plain, rare = labels(), labels("--prob-ratio", "0.001")
    odds = (rare / (1 - rare)) / (plain / (1 - plain))
    np.testing.assert_allclose(odds, odds[0], rtol=1e-6)
    assert odds[0] < 0.01


def test_models_that_are_none(home: Path, night: Path) -> None:
    (night / "bad.h5").write_bytes((home / MODEL).read_bytes()[:5000])
    for name in ("bad.h5", "missing.h5", "night"):
        code, _, errors = run(["otrain-infer", "--cutouts", "night", "--model", name], night)
        assert code == 4
        assert errors.count("\n") == 1
    assert (home / VALIDATION).exists()
