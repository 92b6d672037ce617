"""Batches with a ledger: exactly what is done is skipped, damage is repaired, strangers are left alone."""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from batch_work import unit, work
from hypothesis import given
from hypothesis import strategies as st
from shared_io import batch, fits, hdf5, ledger
from shared_io.batch import Unit
from shared_io.errors import CorruptInput, WriteFailed
from shared_io.provenance import Provenance


def go(folder: Path, units: list[Unit], action=work, **options) -> list[str]:
    report = batch.run(units, action, ledger=ledger.home(folder, "stars", "try"), **options)
    return [entry.state for entry in report.entries]


def picture(one: Unit) -> None:
    """Write outputs that carry their provenance."""
    for path in one.outputs:
        if path.suffix == ".h5":
            with hdf5.writer(path, overwrite=True, provenance=one.provenance) as file:
                file.add("star", {"pixels": np.arange(5000.0)})
                file.add_array("flat", np.arange(5000.0))
        else:
            fits.write_image(path, np.arange(5000, dtype="f4"), overwrite=True, provenance=one.provenance)


def pictures(folder: Path) -> Unit:
    return Unit("a", (folder / "a.fits", folder / "a.h5"), Provenance("stars", "0.1.0", "try", {}))


def test_what_is_done_is_skipped_though_it_carries_no_provenance(tmp_path: Path) -> None:
    units = [unit(tmp_path, k, outputs=2) for k in range(3)]
    assert go(tmp_path, units) == ["done"] * 3
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()}
    assert go(tmp_path, units) == ["skipped"] * 3
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()} == before


@given(data=st.data())
def test_any_damage_to_an_output_is_repaired(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("damage")
    one = pictures(folder)
    assert go(folder, [one], picture) == ["done"]
    path = data.draw(st.sampled_from(one.outputs))
    whole = path.read_bytes()
    at = data.draw(st.integers(16, len(whole) - 1))
    cut = data.draw(st.booleans())
    path.write_bytes(whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
    before = path.read_bytes()
    state = go(folder, [one], picture)
    if state == ["refused"]:  # what it says of its origin has become another's, in a sound file
        assert not cut
        assert path.read_bytes() == before
    else:
        assert state == ["done"]
        assert path.read_bytes() == whole


@pytest.mark.parametrize("which", [0, 1])
def test_damage_without_a_ledger_is_noticed_by_the_sums_inside(tmp_path: Path, which: int) -> None:
    one = pictures(tmp_path)
    batch.run([one], picture)
    assert batch.run([one], picture).skipped
    path = one.outputs[which]
    whole = path.read_bytes()
    at = len(whole) - 3000
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            at = file["flat"].id.get_chunk_info(0).byte_offset + 100
    content = bytearray(whole)
    content[at] ^= 1
    path.write_bytes(content)
    assert batch.run([one], picture).done
    assert path.read_bytes() == whole


def test_a_strangers_file_in_the_place_of_an_output_is_not_touched(tmp_path: Path) -> None:
    text, fine = unit(tmp_path, 0), pictures(tmp_path)
    assert go(tmp_path, [text], work) == ["done"]
    assert go(tmp_path, [fine], picture) == ["done"]
    text.outputs[0].write_text("mine")
    fits.write_image(fine.outputs[0], np.ones((2, 2)), overwrite=True)
    assert go(tmp_path, [text, fine]) == ["refused", "refused"]
    assert text.outputs[0].read_text() == "mine"
    assert go(tmp_path, [text], overwrite=True) == ["done"]
    assert go(tmp_path, [text]) == ["skipped"]


def test_what_was_made_of_something_else_is_told_from_a_strangers_file(tmp_path: Path) -> None:
    home = ledger.home(tmp_path, "stars", "try")
    one = pictures(tmp_path)
    other = Unit("a", one.outputs, Provenance("stars", "0.1.0", "try", {"radius": 2}))
    assert go(tmp_path, [one], picture) == ["done"]
    made = "is in the way (made from other inputs or settings); --overwrite replaces it"
    assert batch.run([other], picture, ledger=home).refused[0].message == f"{one.outputs[0]} {made}"
    assert made not in batch.run([one], picture, ledger=home, resume=False).refused[0].message
    one.outputs[0].write_text("mine")
    assert made not in batch.run([other], picture, ledger=home).refused[0].message


def test_a_file_that_the_ledger_does_not_know_is_refused(tmp_path: Path) -> None:
    one = unit(tmp_path, 0)
    one.outputs[0].parent.mkdir()
    one.outputs[0].write_text("mine")
    assert go(tmp_path, [one]) == ["refused"]
    assert not ledger.home(tmp_path, "stars", "try").exists()


def test_a_unit_that_was_begun_is_done_again_over_its_remains(tmp_path: Path) -> None:
    one = unit(tmp_path, 0, outputs=2)

    def dies(begun: Unit) -> None:
        begun.outputs[0].write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path, [one], dies)
    assert one.outputs[0].read_text() == "half"
    assert go(tmp_path, [one]) == ["done"]
    assert one.outputs[0].read_bytes() == one.outputs[1].read_bytes()


def test_a_unit_that_failed_is_tried_again_though_its_outputs_are_there(tmp_path: Path) -> None:
    one = pictures(tmp_path)

    def fails(begun: Unit) -> None:
        picture(begun)
        raise ValueError("one of its sources was bad")

    assert go(tmp_path, [one], fails) == ["failed"]
    assert go(tmp_path, [one], fails) == ["failed"]
    assert go(tmp_path, [one], picture) == ["done"]


def test_outputs_that_are_done_without_the_ledger_are_noted_by_it(tmp_path: Path) -> None:
    one = pictures(tmp_path)
    batch.run([one], picture)
    assert go(tmp_path, [one], picture) == ["skipped"]
    with ledger.Ledger(ledger.home(tmp_path, "stars", "try")) as journal:
        assert all(journal.find(path).kind == "done" for path in one.outputs)  # type: ignore[union-attr]


def test_an_output_that_is_not_written_is_a_failure(tmp_path: Path) -> None:
    report = batch.run([unit(tmp_path, 0)], lambda one: "done, I say")
    assert "without writing it" in report.failed[0].message


def test_of_an_iterator_the_second_unit_with_the_same_output_is_refused(tmp_path: Path) -> None:
    report = batch.run((unit(tmp_path, 1) for _ in range(2)), work)
    assert [entry.state for entry in report.entries] == ["done", "refused"]
    assert "another unit" in report.refused[0].message


def test_units_are_drawn_as_they_are_needed(tmp_path: Path) -> None:
    drawn: list[int] = []
    done: list[int] = []

    def units():
        for k in range(50):
            drawn.append(k)
            assert len(drawn) - len(done) <= 3
            yield unit(tmp_path, k, outputs=0)

    batch.run(units(), lambda one: done.append(1))
    assert len(done) == 50


def test_the_start_of_a_run_is_what_its_resumption_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    go(tmp_path, [unit(tmp_path, 0)])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1200000000")
    for workers in (1, 2):
        later = unit(tmp_path, workers)
        go(tmp_path, [later], workers=workers)
        assert later.outputs[0].read_text().endswith(" 1000000000\n")


def test_a_damaged_ledger_stops_the_run_before_any_work(tmp_path: Path) -> None:
    home = ledger.home(tmp_path, "stars", "try")
    go(tmp_path, [unit(tmp_path, 0)])
    home.write_bytes(home.read_bytes().replace(b"u00000", b"u00009", 1))
    with pytest.raises(CorruptInput, match=r"line 2 is damaged.*move the ledger away"):
        go(tmp_path, [unit(tmp_path, 1)])
    assert not unit(tmp_path, 1).outputs[0].exists()


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    go(tmp_path, [unit(tmp_path, 0)])
    holder = f"another run is at work in this folder: process {os.getpid()}"
    with ledger.Ledger(ledger.home(tmp_path, "stars", "try")), pytest.raises(WriteFailed, match=holder):
        go(tmp_path, [unit(tmp_path, 1)])
