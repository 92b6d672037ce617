"""Whole or not there."""

# ruff: noqa: PT012  (either outcome may be right; what fails is what happens inside)
from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shared_io import _writer, atomic, errors


def leftovers(folder):
    return [p.name for p in Path(folder).iterdir() if p.name.startswith(".part-")]


def test_a_file_appears_whole_with_its_folder(tmp_path):
    target = tmp_path / "a" / "b" / "c.fits.gz"
    with atomic.atomic_path(target) as temporary:
        assert temporary.parent == target.parent
        assert temporary.name.endswith("c.fits.gz")
        temporary.write_bytes(b"x")
        assert not target.exists()
    assert target.read_bytes() == b"x"
    assert leftovers(target.parent) == []


def test_nothing_is_replaced_unless_asked(tmp_path):
    target = tmp_path / "a.txt"
    atomic.write_text(target, "old")
    with pytest.raises(errors.OutputExists, match="already there"):
        atomic.write_text(target, "new")
    assert target.read_text() == "old"
    atomic.write_text(target, "new", overwrite=True)
    assert target.read_text() == "new"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path):
    target = tmp_path / "a.txt"
    with pytest.raises(errors.OutputExists), atomic.atomic_path(target) as temporary:
        temporary.write_text("mine")
        target.write_text("theirs")
    assert target.read_text() == "theirs"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_nothing_is_replaced_either(tmp_path, monkeypatch, code):
    def refuse(source, target):
        raise OSError(code, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "a.txt"
    atomic.write_text(target, "first")
    assert target.read_text() == "first"
    with pytest.raises(errors.OutputExists), atomic.atomic_path(tmp_path / "b.txt") as temporary:
        temporary.write_text("mine")
        (tmp_path / "b.txt").write_text("theirs")
    assert (tmp_path / "b.txt").read_text() == "theirs"


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_everything_as_it_was(tmp_path, kind):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(kind), atomic.atomic_path(target, overwrite=True) as temporary:
        temporary.write_text("half")
        raise kind
    assert target.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_a_full_disk_is_explained(tmp_path):
    with (
        pytest.raises(errors.WriteFailed, match="free some space") as caught,
        atomic.atomic_path(tmp_path / "a"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.path == str(tmp_path / "a")


def test_an_error_over_another_file_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError, match="other") as caught, atomic.atomic_path(tmp_path / "a"):
        (tmp_path / "other").read_bytes()
    assert not isinstance(caught.value, errors.WriteFailed)


def test_a_failing_flush_fails_the_write(tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(errors.WriteFailed, match="Input/output"):
        atomic.write_bytes(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_file_and_folder_are_flushed(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (flushed.append(str(Path(f"/proc/self/fd/{fd}").readlink())), real(fd)))
    atomic.write_bytes(tmp_path / "a", b"x")
    assert Path(flushed[0]).name.startswith(".part-")
    assert flushed[1] == str(tmp_path)


@pytest.mark.parametrize("make", ["folder", "pipe", "below a file"])
def test_impossible_targets(tmp_path, make):
    target = tmp_path / "t"
    if make == "folder":
        target.mkdir()
    elif make == "pipe":
        os.mkfifo(target)
    else:
        target.write_text("x")
        target = target / "below"
    with pytest.raises(errors.WriteFailed):
        atomic.write_text(target, "x", overwrite=True)


def test_writing_nothing_is_an_error(tmp_path):
    with pytest.raises(errors.WriteFailed, match="nothing was written"), atomic.atomic_path(tmp_path / "a"):
        pass


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    atomic.write_text(tmp_path / "link", "new", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_permissions_of_the_replaced_file_are_kept(tmp_path):
    target = tmp_path / "a"
    target.write_text("old")
    target.chmod(0o640)
    atomic.write_text(target, "new", overwrite=True)
    assert target.stat().st_mode & 0o777 == 0o640


def test_names_at_the_limit_of_the_file_system(tmp_path):
    target = tmp_path / ("n" * 250 + ".fits")
    atomic.write_text(target, "x")
    assert target.read_text() == "x"


def test_orphans_of_the_dead_are_swept_and_nobody_elses(tmp_path):
    code = (
        "import sys, os; from shared_io import atomic\n"
        "c = atomic.atomic_path(sys.argv[1]); t = c.__enter__(); t.write_text('half'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.fits")], check=False)
    orphan = leftovers(tmp_path)
    assert len(orphan) == 1
    other_host = orphan[0].replace(_writer._host(), "0" * 10)
    (tmp_path / other_host).write_text("written by another host")
    other_container = orphan[0].replace(f"-{_writer._namespace()}-", "-abc-")
    (tmp_path / other_container).write_text("written in another container")
    (tmp_path / ".part-of-something-else").write_text("not ours")
    with atomic.atomic_path(tmp_path / "b.fits") as mine:
        mine.write_text("being written")
        assert atomic.sweep(tmp_path) == [tmp_path / orphan[0]]
        assert mine.exists()
    assert {other_host, other_container, ".part-of-something-else", "b.fits"} == {p.name for p in tmp_path.iterdir()}


def test_a_reused_process_number_does_not_protect_an_orphan(tmp_path):
    name = _writer.temporary_name("a")
    assert not _writer.is_orphan(name, 0)
    start = _writer._start(os.getpid())
    assert start > 0
    assert _writer.is_orphan(name.replace(f"-{start}-", f"-{start - 1}-"), 0)


def test_orphans_from_before_the_machine_was_started(monkeypatch):
    monkeypatch.setattr(_writer, "_namespace", lambda: _writer._INITIAL_NAMESPACE)
    monkeypatch.setattr(_writer, "_boot_time", lambda: 1000.0)
    name = _writer.temporary_name("a").replace(_writer._boot(), "0" * 8)
    assert _writer.is_orphan(name, 999.0)
    assert not _writer.is_orphan(name, 1001.0)
    monkeypatch.setattr(_writer, "_namespace", lambda: "1234")
    name = _writer.temporary_name("a").replace(_writer._boot(), "0" * 8)
    assert not _writer.is_orphan(name, 999.0)


def test_sweeping_no_folder_is_no_error(tmp_path):
    assert atomic.sweep(tmp_path / "none") == []


def test_a_zombie_writes_no_more(tmp_path: Path) -> None:
    code = "import sys; from shared_io import _writer as w; print(w.temporary_name('a'), flush=True); sys.stdin.read()"
    writer = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    orphan = tmp_path / writer.stdout.readline().strip()
    orphan.touch()
    assert atomic.sweep(tmp_path) == []
    writer.kill()
    os.waitid(os.P_PID, writer.pid, os.WEXITED | os.WNOWAIT)  # dead, and not yet collected
    assert atomic.sweep(tmp_path) == [orphan]
    writer.communicate()
