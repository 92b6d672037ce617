"""The ledger: what was committed is there whatever happens, and damage never passes for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_io import ledger
from shared_io.errors import CorruptInput, WriteFailed
from shared_io.ledger import Ledger, Seal


def written(folder: Path, units: int = 5) -> Path:
    """A ledger in which every unit was begun and done."""
    path = ledger.home(folder, "stars", "fit")
    with Ledger(path) as journal:
        for k in range(units):
            output = folder / f"u{k}.txt"
            output.write_text(f"content {k}")
            journal.begin(f"u{k}", f"key{k}", [output])
            journal.commit()
            journal.done(f"u{k}", f"key{k}", [output], [Seal.of(output)])
        journal.commit()
    return path


def test_what_was_committed_is_found_again(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert path.name == ".stars-fit.ledger"
    with Ledger(path) as journal:
        record = journal.find(tmp_path / "u3.txt")
        assert record is not None
        assert (record.kind, record.unit, record.key) == ("done", "u3", "key3")
        assert record.seal is not None
        assert record.seal.matches(tmp_path / "u3.txt")
        assert journal.find(tmp_path / "unknown.txt") is None


def test_every_line_is_json_with_a_checksum_of_its_own(tmp_path: Path) -> None:
    lines = [json.loads(line) for line in written(tmp_path).read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["start", *["begun", "done"] * 5]
    assert len({line["check"] for line in lines}) == len(lines)
    assert lines == list(ledger.records(ledger.home(tmp_path, "stars", "fit")))


def test_the_last_word_counts(tmp_path: Path) -> None:
    path = written(tmp_path)
    with Ledger(path) as journal:
        journal.failed("u1", "key1", [tmp_path / "u1.txt"], "no stars")
        journal.commit()
        assert journal.find(tmp_path / "u1.txt").kind == "failed"  # type: ignore[union-attr]
    with Ledger(path) as journal:
        assert journal.find(tmp_path / "u1.txt").kind == "failed"  # type: ignore[union-attr]
        assert journal.find(tmp_path / "u0.txt").kind == "done"  # type: ignore[union-attr]


def test_what_is_not_committed_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    with Ledger(path) as journal:
        journal.begin("new", "key", [tmp_path / "new.txt"])
        assert journal.find(tmp_path / "new.txt") is None
    assert path.read_bytes() == before


def test_nothing_is_written_before_there_is_something_to_say(tmp_path: Path) -> None:
    with Ledger(tmp_path / "new" / ".stars-fit.ledger") as journal:
        journal.commit()
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("mine")
    journal = Ledger(tmp_path / "folder" / "x")
    journal.begin("a", "key", [tmp_path / "folder" / "a"])
    with pytest.raises(WriteFailed, match="folder: a file is where"):
        journal.commit()
    assert (tmp_path / "folder").read_text() == "mine"


def test_a_folder_that_moves_takes_its_ledger_along(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    written(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    with Ledger(ledger.home(tmp_path / "there", "stars", "fit")) as journal:
        assert journal.find(tmp_path / "there" / "u0.txt") is not None


@given(cut=st.integers(0, 3000))
def test_a_ledger_cut_anywhere_keeps_its_whole_lines(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = written(folder)
    whole = path.read_bytes()
    kept = whole[: min(cut, len(whole))]
    path.write_bytes(kept)
    complete = kept[: kept.rfind(b"\n") + 1]
    assert len(list(ledger.records(path))) == complete.count(b"\n")
    with Ledger(path) as journal:
        assert path.read_bytes() == kept  # nothing is repaired before something is written
        journal.begin("more", "key", [folder / "more.txt"])
        journal.commit()
    assert path.read_bytes().startswith(complete)
    names = [record.get("unit") for record in ledger.records(path)]
    assert names[-1] == "more"


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_with_its_line(
    tmp_path_factory: pytest.TempPathFactory, where: float, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flip")
    path = written(folder)
    content = bytearray(path.read_bytes())
    index = int(where * (len(content) - 1))  # the very last byte only makes the last line unfinished
    content[index] ^= 1 << bit
    path.write_bytes(content)
    with pytest.raises(CorruptInput, match=r"line \d+ is damaged") as caught:
        Ledger(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_a_line_that_is_missing_or_moved_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    for broken in (lines[:2] + lines[3:], [*lines[:2], lines[3], lines[2], *lines[4:]], lines[1:], lines + lines[-1:]):
        path.write_bytes(b"".join(broken))
        with pytest.raises(CorruptInput, match="line"):
            Ledger(path)


@pytest.mark.parametrize("content", [b"\n", b"{}\n", b"hello\n", b"\0" * 100 + b"\n", b"[" * 100_000 + b"\n"])
def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".stars-fit.ledger"
    path.write_bytes(content)
    with pytest.raises(CorruptInput, match="line 1 is damaged"):
        Ledger(path)


def test_two_at_a_time_are_refused_and_the_holder_is_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    with Ledger(path), pytest.raises(WriteFailed, match=f"process {os.getpid()} on") as caught:
        Ledger(path)
    assert "another run" in str(caught.value)
    with Ledger(path):
        pass
    assert sorted(p.name for p in tmp_path.glob(".*")) == [".stars-fit.ledger"]


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = written(tmp_path)
    code = (
        "import os, sys\nfrom shared_io.ledger import Ledger\n"
        f"journal = Ledger({str(path)!r})\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(WriteFailed, match=f"process {holder.pid} on"):
        Ledger(path)
    holder.kill()
    holder.communicate()
    with Ledger(path) as journal:
        assert journal.find(tmp_path / "u0.txt") is not None


def test_the_start_is_recorded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    path = written(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1100000000")
    with Ledger(path) as journal:
        assert journal.started == 1000000000
    with Ledger(path, fresh=True) as journal:
        assert journal.started == 1100000000
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    with Ledger(None) as journal:
        assert journal.started > 1100000000


def test_a_ledger_on_a_full_disk_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path)
    before = path.read_bytes()

    def half(descriptor: int, data: bytes, offset: int) -> int:
        real(descriptor, data[: len(data) // 2], offset)
        raise OSError(28, "No space left on device")

    real = os.pwrite
    with Ledger(path) as journal:
        journal.begin("new", "key", [tmp_path / "new.txt"])
        monkeypatch.setattr(os, "pwrite", half)
        with pytest.raises(WriteFailed, match="No space left"):
            journal.commit()
        assert path.read_bytes() == before
        monkeypatch.setattr(os, "pwrite", real)
        journal.commit()  # there is room again
    assert [record.get("unit") for record in ledger.records(path)][-1] == "new"


def test_a_seal_tells_damage_from_another_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG" + bytes(range(200)))
    seal = Seal.of(path)
    assert seal.matches(path)
    path.write_bytes(path.read_bytes()[:100])
    assert not seal.matches(path)
    assert seal.resembles(path)
    path.write_bytes(b"my own notes")
    assert not seal.resembles(path)
    path.unlink()
    assert not seal.matches(path)


def test_names_of_any_bytes(tmp_path: Path) -> None:
    output = tmp_path / os.fsdecode(b"caf\xe9 \xff\n.txt")
    with Ledger(tmp_path / ".l") as journal:
        journal.begin("odd\nname", "key", [output])
        journal.commit()
    with Ledger(tmp_path / ".l") as journal:
        assert journal.find(output) is not None
