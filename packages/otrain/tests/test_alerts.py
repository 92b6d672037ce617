from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits as afits
from conftest import done, run, stamp

from otrain.files import alerts, sources
from otrain.files.alerts import stamp_from_bytes

RNG = np.random.default_rng(0)
PLANES = [stamp(RNG, real=True, side=21) + 1000 * k for k in range(3)]


def image(data: np.ndarray, *, packed: bool = True) -> bytes:
    out = io.BytesIO()
    afits.PrimaryHDU(data).writeto(out)
    return gzip.compress(out.getvalue()) if packed else out.getvalue()


def record(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    kinds = {str: "string", int: "long", float: "double", bytes: "bytes"}
    return {"type": "record", "name": name, "fields": [
        {"name": key, "type": ["null", record(f"{name}_{key}", value) if isinstance(value, dict) else
         {"type": "array", "items": record(f"{name}_{key}", value[0])} if isinstance(value, list) else
         kinds[type(value)]]} for key, value in fields.items() if value is not None]}  # fmt: skip


def write(path: Path, packets: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        fastavro.writer(file, record("alert", packets[0]), packets)


def cut(data: np.ndarray) -> dict[str, Any]:
    return {"fileName": "x.fits.gz", "stampData": image(data)}


ZTF = {"objectId": "ZTF1", "candid": 12, "cutoutScience": cut(PLANES[0]), "cutoutTemplate": cut(PLANES[1]),
       "cutoutDifference": cut(PLANES[2]),
       "candidate": {"magpsf": 18.5, "sigmapsf": 0.1, "fid": 2, "fwhm": 2.5, "ra": 10.0, "dec": -5.0, "field": 400,
                     "nid": 77, "xpos": 100.0, "ypos": 3000.0}}  # fmt: skip
WNTR = {"objectid": "W1", "candid": 12, "cutout_science": image(PLANES[0]), "cutout_template": image(PLANES[1]),
        "cutout_difference": image(PLANES[2], packed=False),
        "candidate": {"magpsf": 18.5, "sigmapsf": 0.1, "fid": 2, "fwhm": 2.5, "ra": 10.0, "dec": -5.0}}  # fmt: skip
PGIR = {**{k: ZTF[k] for k in ("objectId", "candid", "candidate")}, "cutoutScience": image(PLANES[0]),
        "cutoutTemplate": image(PLANES[1]), "cutoutDifference": image(PLANES[2])}  # fmt: skip
ATLAS = {"objectId": "A1", "candid": "12", "cutoutScience": cut(PLANES[0]), "cutoutDifference": cut(PLANES[2]),
         "candidate": {"Mag": 18.5, "Dmag": 0.1, "filter": "r", "RA": 10.0, "Dec": -5.0}}  # fmt: skip
DECAT = {"objectid": "D1", "ra": 10.0, "dec": -5.0, "sources": [
    {"sourceid": 12, "mag": 18.5, "magerr": 0.1, "filter": "r DECam SDSS", "scicutout": image(PLANES[0]),
     "refcutout": image(PLANES[1]), "diffcutout": image(PLANES[2])}]}  # fmt: skip


@pytest.mark.parametrize(("packet", "planes"), [(ZTF, 3), (WNTR, 3), (PGIR, 3), (ATLAS, 2), (DECAT, 3)])
def test_packets_of_five_surveys(packet: dict[str, Any], planes: int, tmp_path: Path) -> None:
    write(tmp_path / "a.avro", [packet])
    (part,) = sources.read(sources.find(tmp_path))
    assert part.failed == []
    assert part.pixels.shape == (1, 21, 21, planes)
    assert np.array_equal(part.pixels[0, ..., -1], PLANES[2])
    assert np.array_equal(part.pixels[0, ..., 0], PLANES[0])
    found = {name: values[0] for name, values in part.columns.items()}
    assert (found["candid"], found["mag"], found["magerr"]) == ("12", 18.5, 0.1)
    assert found["filter"] in ("r",)
    assert (found["ra"], found["dec"]) == (10.0, -5.0)
    assert found["object"] in ("ZTF1", "W1", "A1", "D1")


def test_planes_are_chosen(tmp_path: Path) -> None:
    write(tmp_path / "a.avro", [ZTF, ZTF])
    (part,) = alerts.read_parts([tmp_path / "a.avro"], planes=("diff",), size=15)
    assert part.pixels.shape == (2, 15, 15, 1)
    assert part.names == [str(tmp_path / "a.avro"), f"{tmp_path / 'a.avro'}[1]"]
    (part,) = alerts.read_parts([tmp_path / "a.avro"], planes=("mask",))
    assert len(part) == 0
    assert "no mask" in str(part.failed[0][1])


def test_cut_outs_at_an_edge_are_filled_on_the_right_side(tmp_path: Path) -> None:
    keys = ("cutoutScience", "cutoutTemplate", "cutoutDifference")
    packet = {**ZTF, **{key: cut(plane[:, 4:]) for key, plane in zip(keys, PLANES, strict=True)}}
    write(tmp_path / "a.avro", [packet])
    (part,) = alerts.read_parts([tmp_path / "a.avro"])
    assert np.isnan(part.pixels[0, :, :4]).all()  # xpos is small: the left side is missing
    assert np.array_equal(part.pixels[0, :, 4:, 0], PLANES[0][:, 4:])


@pytest.mark.parametrize("harm", ["cut", "none", "text", "stamp", "gzip"])
def test_damaged_packets_are_told_and_the_others_read(harm: str, tmp_path: Path) -> None:
    write(tmp_path / "a.avro", [ZTF])
    bad = tmp_path / "b.avro"
    if harm == "stamp":
        write(bad, [{**ZTF, "cutoutScience": {"fileName": "x", "stampData": b"SIMPLE  = nonsense"}}])
    elif harm == "gzip":
        write(bad, [{**ZTF, "cutoutScience": {"fileName": "x", "stampData": image(PLANES[0])[:-20]}}])
    elif harm == "none":
        write(bad, [{**DECAT, "sources": [{"sourceid": 1, "mag": 1.0}]}])
    else:
        bad.write_bytes((tmp_path / "a.avro").read_bytes()[:2000] if harm == "cut" else b"not avro at all")
    (part,) = alerts.read_parts([tmp_path / "a.avro", bad])
    assert part.names == [str(tmp_path / "a.avro")]
    ((name, error),) = part.failed
    assert name == str(bad)
    assert "b.avro" in str(error)


def test_a_bomb_is_refused() -> None:
    from shared_io import limits
    from shared_io.errors import InputTooLarge

    packed = gzip.compress(bytes(10_000_000))
    with limits.use(object_bytes=1_000_000), pytest.raises(InputTooLarge):
        stamp_from_bytes(packed, "bomb")


def test_packets_and_images_are_converted_alike(tmp_path: Path) -> None:
    for name in ("true", "false"):
        for k in range(3):
            write(tmp_path / "cutouts" / name / f"{k}.avro", [{**ZTF, "candid": k}])
    done("otrain-convert --path o --cube c --cutouts cutouts --cutout-size 19", tmp_path)
    with np.load(tmp_path / "o/datacube/c.npz") as cube:
        assert cube["cube"].shape == (6, 19, 19, 3)
        assert cube["fields"].tolist() == ["400"] * 6
        assert cube["nights"].tolist() == ["77"] * 6


def test_real_packets(real_data: Path) -> None:
    for survey, planes, least in (("ztf", 3, 12), ("wntr", 3, 2), ("pgir", 3, 3), ("atlas", 2, 2)):
        found = list(sources.read(sources.find(real_data / "avro" / survey)))
        assert sum(map(len, found)) >= least - 1, survey
        assert found[0].pixels.shape[3] == planes
        assert np.isfinite(found[0].columns["mag"]).all()


def test_braai_gives_the_issued_scores(real_data: Path, tmp_path: Path) -> None:
    from otrain import load, read_cutouts

    model = real_data / "braai/d6_m7.h5"
    done(["otrain", "import", str(model), "-o", "braai.h5", "--preset", "braai", "--licence", "MIT"], tmp_path)
    classifier = load(tmp_path / "braai.h5")
    issued: dict[str, float] = {}
    files = sources.find(real_data / "avro/ztf")
    for path in files:
        with path.open("rb") as file:
            candidate = next(iter(fastavro.reader(file)))["candidate"]
        if candidate.get("drbversion") == "d6_m7":
            issued[str(path)] = candidate["drb"]
    (part,) = read_cutouts(files)
    whole = [k for k, name in enumerate(part.names) if name in issued and np.isfinite(part.pixels[k]).all()]
    assert len(whole) >= 5
    found = classifier.predict(part.pixels[whole]).probability
    np.testing.assert_allclose(found, [issued[part.names[k]] for k in whole], atol=2e-6)
    code, _, errors = run(["otrain-infer", "--cutouts", str(model), "--model", str(model)], tmp_path)
    assert code == 4
    assert "otrain import" in errors
