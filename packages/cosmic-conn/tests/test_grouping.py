from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cosmic_conn.files.keywords import LCO
from cosmic_conn.labelling.grouping import Exposure, GroupRules, group


def exposure(number: int, **more: object) -> Exposure:
    made = Exposure(
        path=Path(f"lsc1m009-fa15-20240315-{number:04d}-e91.fits"),
        time=300.0,
        request="7",
        block="1",
        filter="rp",
        date=f"2024-03-15T01:{number:02d}:00",
        total=5.0,
        wcs_error=0.0,
        sky=200.0,
        shape=(100, 120),
        centre=(359.99, -30.0),
        width=0.4,
    )
    return replace(made, **more)


def numbers(groups: list[list[Exposure]]) -> list[list[int]]:
    return [[int(e.path.name.split("-")[3]) for e in members] for members in groups]


def test_consecutive_exposures_of_one_field_belong_together() -> None:
    made = [exposure(n) for n in (3, 1, 2)] + [exposure(n, request="8") for n in (4, 5)] + [exposure(6)]
    groups, skipped = group(made, GroupRules())
    assert numbers(groups) == [[1, 2, 3], [4, 5]]
    assert [s.reason for s in skipped] == ["1 consecutive exposure of this field, 2 are needed"]


@pytest.mark.parametrize(
    "changed",
    [
        {"block": "2"},
        {"filter": "gp"},
        {"shape": (100, 100)},
        {"time": 320.0},
        {"centre": (0.25, -30.0)},
        {"centre": (359.99, -29.8)},
    ],
)
def test_a_change_ends_a_sequence(changed: dict) -> None:
    made = [exposure(1), exposure(2), exposure(3, **changed), exposure(4, **changed)]
    assert numbers(group(made, GroupRules())[0]) == [[1, 2], [3, 4]]


def test_small_changes_do_not() -> None:
    made = [exposure(1), exposure(2, time=310.0), exposure(3, centre=(0.01, -30.01))]
    assert numbers(group(made, GroupRules())[0]) == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"time": 99.0}, "exposed for 99 s only"),
        ({"time": None}, "no exposure time in the header"),
        ({"wcs_error": 1.0}, "no astrometry"),
        ({"centre": None}, "no astrometry"),
        ({"total": 1.0}, "not repeated"),
    ],
)
def test_what_cannot_be_used_is_named(changed: dict, reason: str) -> None:
    groups, skipped = group([exposure(1), exposure(2, **changed), exposure(3)], GroupRules())
    assert numbers(groups) == [[1, 3]]
    assert [s.reason for s in skipped] == [reason]


def test_long_runs_are_cut_into_equal_parts() -> None:
    made = [exposure(n) for n in range(1, 14)]
    assert [len(g) for g in group(made, GroupRules())[0]] == [6, 7]
    assert [len(g) for g in group(made, GroupRules(max_frames=3))[0]] == [3, 2, 3, 2, 3]


def test_the_predecessor_takes_triplets_of_quiet_blocks() -> None:
    rules = GroupRules(min_frames=3, compat=True)
    made = [exposure(n) for n in range(1, 9)]
    groups, skipped = group(made, rules)
    assert numbers(groups) == [[1, 2, 3], [4, 5, 6]]
    assert len(skipped) == 2
    made[1] = replace(made[1], sky=220.0)
    assert numbers(group(made, rules)[0]) == [[4, 5, 6]]
    assert group([exposure(n, total=2.0) for n in (1, 2, 3)], rules)[0] == []
    assert group([exposure(n, sky=None) for n in (1, 2, 3)], rules)[1][0].reason.startswith("no level")


def test_the_blurred_first_exposure_of_small_telescopes_is_left_out() -> None:
    made = [replace(exposure(n), path=Path(f"lsc0m409-kb1-20240315-{n:04d}-e91.fits")) for n in (1, 2, 3, 4)]
    groups, skipped = group(made, GroupRules())
    assert numbers(groups) == [[2, 3, 4]]
    assert "shutter" in skipped[0].reason
    short = [replace(e, total=3.0) for e in made[:3]]
    assert numbers(group(short, GroupRules())[0]) == [[1, 2, 3]]


def test_spectra_need_a_request_and_no_astrometry() -> None:
    made = [
        exposure(n, centre=None, wcs_error=None, request=r) for n, r in enumerate(["1", "1", "1", "UNSPECIFIED", ""])
    ]
    groups, skipped = group(made, GroupRules(spectra=True))
    assert numbers(groups) == [[0, 1, 2]]
    assert {s.reason for s in skipped} == {"no request in the header"}


def test_keywords_are_changed_by_their_meaning() -> None:
    found = LCO.changed(["request=obsid,total=", "wcs-error = ASTFAIL"])
    assert (found.request, found.total, found.wcs_error, found.exposure) == ("OBSID", "", "ASTFAIL", "EXPTIME")
    for wrong in ("requests=X", "request"):
        with pytest.raises(ValueError, match="MEANING=CARD"):
            LCO.changed([wrong])


def test_the_most_frames_are_no_fewer_than_the_fewest() -> None:
    with pytest.raises(ValueError, match="must not be fewer"):
        GroupRules(min_frames=4, max_frames=3)
