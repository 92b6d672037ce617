"""Whole command lines as the users of the tools write them, with the options that they need declared."""

from __future__ import annotations

from typing import Any

import pytest
from shared_io.cli.spelling import Spec, normalise


def value(name: str, *spellings: str, **more: Any) -> Spec:
    return Spec(name, spellings or (f"--{name.replace('_', '-')}",), **more)


def flag(name: str, *spellings: str) -> Spec:
    spellings = spellings or (f"--{name.replace('_', '-')}",)
    return Spec(name, spellings, negatives=(f"--no-{spellings[0].lstrip('-')}",), kind="flag")


def read(line: list[str], specs: list[Spec]) -> dict[str, Any]:
    """The values by name: True or False for a flag, a list for a list."""
    found: dict[str, Any] = {}
    for spec, words in normalise(line, specs).options:
        if spec.kind == "flag":
            found[spec.name] = words[0] in spec.spellings
        elif spec.many:
            found.setdefault(spec.name, []).append(words[1])
        else:
            found[spec.name] = words[1] if spec.nargs == 1 else words[1:]
    return found


DOWNLOAD = [
    value("file"),
    value("group_ids", many=True, number=True),
    value("start"),
    flag("merge_features"),
    value("features_catalog"),
    value("features_limit"),
    value("output_format"),
    flag("get_ztf_filters"),
    flag("impute_missing_features"),
]
UPLOAD = [
    value("group_ids", many=True, number=True),
    value("classification", many=True),
    value("taxonomy_map"),
    value("p_threshold"),
    flag("skip_phot"),
    flag("post_survey_id"),
]
GENERATE = [
    value("field"),
    value("Ncore", "--Ncore"),
    value("max_freq"),
    flag("doCPU", "--doCPU"),
    flag("doGPU", "--doGPU"),
    flag("doCesium", "--doCesium"),
    flag("doRemoveTerrestrial", "--doRemoveTerrestrial"),
    flag("doQuadrantFile", "--doQuadrantFile"),
    value("quadrant_file"),
    value("quadrant_index"),
]
QUADS = [
    value("field"),
    flag("multi_quads"),
    value("ccd_range", nargs=2),
    value("quad_range", nargs=2),
    flag("whole_field"),
]
TRAIN = [
    value("tag"),
    value("path_dataset"),
    value("verbose"),
    value("gpu"),
    flag("conv_branch"),
    flag("save"),
    value("add_keywords"),
]
REDUCE = [
    value("snr_thres"),
    value("snr_thres_low"),
    value("min_exptime"),
    flag("aligned"),
    flag("no_png"),
    value("comment"),
]
CHECK = [
    value("maglim", many=True, number=True),
    value("cnn_problim", many=True, number=True),
    value("fwhm_ratio_lower"),
]
DISAGREE = [value("file"), value("group_id", "--id"), value("token", secret=True)]


@pytest.mark.parametrize(
    ("line", "specs", "expected"),
    [
        (
            "--file sample.csv --group_ids 360 361 --start 10 --merge_features True --features_catalog DR5"
            " --features_limit 5000 --output_format parquet -get_ztf_filters --impute_missing_features",
            DOWNLOAD,
            {
                "file": "sample.csv",
                "group_ids": ["360", "361"],
                "start": "10",
                "merge_features": True,
                "features_catalog": "DR5",
                "features_limit": "5000",
                "output_format": "parquet",
                "get_ztf_filters": True,
                "impute_missing_features": True,
            },
        ),
        (
            "--group_ids 500 250 750 --classification variable flaring --taxonomy_map map.json --skip_phot"
            " --p_threshold 0.9 --post_survey_id",
            UPLOAD,
            {
                "group_ids": ["500", "250", "750"],
                "classification": ["variable", "flaring"],
                "taxonomy_map": "map.json",
                "skip_phot": True,
                "p_threshold": "0.9",
                "post_survey_id": True,
            },
        ),
        (
            "--field 301 --Ncore 20 --doGPU --doRemoveTerrestrial --doCesium --doQuadrantFile --quadrant_file"
            " slurm.dat --quadrant_index 5738",
            GENERATE,
            {
                "field": "301",
                "Ncore": "20",
                "doGPU": True,
                "doRemoveTerrestrial": True,
                "doCesium": True,
                "doQuadrantFile": True,
                "quadrant_file": "slurm.dat",
                "quadrant_index": "5738",
            },
        ),
        (
            "--field=301 --multi-quads --ccd-range 1 8 --quad-range 2 4",
            QUADS,
            {"field": "301", "multi_quads": True, "ccd_range": ["1", "8"], "quad_range": ["2", "4"]},
        ),
        ("--field 301 --whole-field", QUADS, {"field": "301", "whole_field": True}),
        ("--field=301 --whole_field", QUADS, {"field": "301", "whole_field": True}),
        (
            "--tag=pnp --path_dataset=data/d15.csv --verbose=1 --gpu=1 --conv_branch=true --save",
            TRAIN,
            {
                "tag": "pnp",
                "path_dataset": "data/d15.csv",
                "verbose": "1",
                "gpu": "1",
                "conv_branch": True,
                "save": True,
            },
        ),
        (
            "--snr_thres 5 --snr_thres_low 2.5 --min_exptime 99. --aligned --no_png --comment dilation5-SNR5-2.5",
            REDUCE,
            {
                "snr_thres": "5",
                "snr_thres_low": "2.5",
                "min_exptime": "99.",
                "aligned": True,
                "no_png": True,
                "comment": "dilation5-SNR5-2.5",
            },
        ),
        (
            "--maglim 12 18 21 --cnn-problim 0.1 0.5 0.7 --fwhm-ratio-lower 0.5",
            CHECK,
            {"maglim": ["12", "18", "21"], "cnn_problim": ["0.1", "0.5", "0.7"], "fwhm_ratio_lower": "0.5"},
        ),
        (
            "-file dataset.d15.csv -id 360 -token sample_token",
            DISAGREE,
            {"file": "dataset.d15.csv", "group_id": "360", "token": "sample_token"},
        ),
    ],
)
def test_a_printed_line_means_what_it_says(line: str, specs: list[Spec], expected: dict[str, Any]) -> None:
    assert read(line.split(), specs) == expected


def test_a_value_may_hold_options_of_another_program() -> None:
    keywords = "--save --batch_size=32 --group=new_experiment --period_suffix=ELS_ECE_EAOV"
    assert read([f"--add_keywords={keywords}"], TRAIN) == {"add_keywords": keywords}
    assert read(["--add_keywords", keywords], TRAIN) == {"add_keywords": keywords}
