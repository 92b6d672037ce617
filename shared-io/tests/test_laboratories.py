"""A sample of what `make faults` does, and that the laboratories notice what they are there to notice."""

from __future__ import annotations

import contextlib
import errno
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shared_io import atomic, errors
from shared_io.testing import child, content, damage, failures, kills, layer, samples, strace, writers
from shared_io.testing.plan import Plan, together
from shared_io.testing.tally import Tally

SAMPLE = Plan(seed=20, kills=56, damaged=160, share=0.025, jobs=2)


@pytest.mark.faults
def test_killed_writers_leave_the_old_file_or_the_new():
    tally = together("kills", SAMPLE)
    assert tally.wrongs == []
    assert tally.tried == SAMPLE.kills
    total = {name: sum(n for (_, column), n in tally.counts.items() if column == name) for name in tally.beside}
    assert total["orphans swept"] > SAMPLE.kills // 4, "few kills came while a file was being written"


@pytest.mark.faults
def test_failing_disks_leave_the_old_file():
    tally = together("failures", SAMPLE)
    assert tally.wrongs == []
    rows = {row for row, _ in tally.counts}
    assert {f"layer {errno.errorcode[code]}" for code in failures.CODES} <= rows


@pytest.mark.faults
def test_damaged_inputs_are_refused_or_read_right():
    tally = together("damage", SAMPLE)
    assert tally.wrongs == []
    assert tally.tried == SAMPLE.damaged


def in_place(path, version):
    """Write as one should not."""
    with Path(path).open("wb") as file:
        for _ in range(200):
            file.write(b"%d" % version * 1000)
            file.flush()


SLOPPY = writers.Writer("sloppy", ".txt", in_place, Path.read_bytes)


def test_kills_find_a_writer_that_writes_in_place():
    tally = kills.run(1, 12, [SLOPPY])
    assert tally.wrong > 3
    assert "neither old nor new" in tally.wrongs[0]


def test_failures_find_a_writer_that_writes_in_place():
    tally = failures.run(1, 0.05, [SLOPPY])
    assert tally.wrong > 0


def test_failures_find_a_writer_that_hides_them(tmp_path):
    def hiding(path, version):
        with contextlib.suppress(errors.WriteFailed):
            atomic.write_bytes(path, b"%d" % version, overwrite=True)

    writer = writers.Writer("hiding", ".txt", hiding, Path.read_bytes)
    path = writer.prepare(tmp_path)
    with layer.Layer(tmp_path, at=1, code=errno.EIO):
        writer.overwrite(path)
    verdict, story = failures.judge(writer, tmp_path, child.Ending(), "EIO")
    assert verdict == "wrong"
    assert "no error; then old" in story


def hungry(path):
    return np.ones(2**26).sum()


def slow(path):
    time.sleep(1.2)


def untyped(path):
    raise KeyError("x")


@pytest.mark.parametrize(
    ("reader", "verdict"),
    [
        (hungry, "MiB"),
        (slow, "took"),
        (untyped, "untyped KeyError"),
        (Path.read_bytes, "another content"),
        (lambda path: path.read_bytes()[:1], "intact"),
        (lambda path: atomic.write_bytes(path, b""), "refused"),
    ],
)
def test_damage_finds_readers_that_are_wrong(tmp_path, reader, verdict):
    (tmp_path / "sound").write_bytes(b"sound")
    (tmp_path / "damaged").write_bytes(b"s0und")
    case = damage.Case("row", "what", "damaged", Path.touch, (reader,), tmp_path / "sound")
    found, _ = damage.judge(case, tmp_path / "damaged", reader)
    assert verdict in found
    if verdict == "intact":
        found, _ = damage.judge(replace(case, original=None), tmp_path / "damaged", reader)
        assert found == "gave a content"


def test_children_crash_and_hang_alone():
    import ctypes
    import signal

    assert child.run(lambda: 7).value == 7
    assert child.run(lambda: ctypes.string_at(0)).signal == signal.SIGSEGV
    late = child.run(lambda: time.sleep(60), seconds=0.2)
    assert late.timeout
    typed = child.run(lambda: atomic.write_bytes("/proc/none", b""))
    assert typed.typed
    assert typed.error.startswith("WriteFailed")


def test_the_layer_sees_all_writes_of_python(tmp_path):
    calls = layer.count(tmp_path, lambda: atomic.write_bytes(tmp_path / "a", b"x"))
    assert calls == ["mkdir", "open", "write", "close", "open", "fsync", "open", "link", "fsync", "unlink"]
    watched = layer.Layer(tmp_path, at=1, code=errno.ENOSPC, when="half")
    with watched, (tmp_path / "b").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        file.write(b"1234")
    assert (tmp_path / "b").read_bytes() == b"12"


@pytest.mark.skipif(not strace.available(), reason="strace is not there, or may not trace")
def test_strace_fails_one_call(tmp_path):
    path = tmp_path / "a"
    ending, lines = strace.traced(lambda: path.write_bytes(b"x"))
    assert ("write", 1) in strace.seen(lines, tmp_path)
    path.unlink()
    ending, _ = strace.traced(lambda: path.write_bytes(b"x"), inject="write:error=EDQUOT:when=1")
    assert "quota" in ending.error
    assert path.read_bytes() == b""


def test_fingerprints_tell_every_difference():
    prints = {content.fingerprint(samples.table(seed)) for seed in range(3)}
    assert len(prints) == 3
    table = samples.table(0)
    table["flux"].unit = "mJy"
    assert content.fingerprint(table) not in prints
    assert content.fingerprint(samples.table(0)) in prints
    assert content.fingerprint(np.array([0.0])) != content.fingerprint(np.array([-0.0]))


def test_the_same_seed_damages_the_same():
    first, second = ([(c.row, c.what) for c in damage.cases(5, 300)] for _ in range(2))
    assert first == second
    assert len(first) == 300


def test_the_table_of_counts():
    tally = Tally("trials", ("good",), ("seen",))
    tally.add("a", "good")
    tally.add("b", "bad", "of b")
    tally.note("b", "seen", 3)
    other = Tally("trials", ("good",), ("seen",))
    other.add("a", "good")
    other.peak("a", "s", 2.5)
    tally.merge(other)
    assert str(tally).splitlines() == [
        "trials    tried  good  wrong  seen    s",
        "a             2     2      0     0  2.5",
        "b             1     0      1     3    0",
        "together      3     2      1     3  2.5",
    ]
    assert (tally.tried, tally.wrong, tally.wrongs) == (3, 1, ["b: of b"])
