from __future__ import annotations

from pathlib import Path

import pytest
from shared_io import locate
from shared_io.errors import InputNotFound

from otrain.files import sources


def test_a_folder_is_listed_as_everywhere_else(tmp_path: Path) -> None:
    for name in ("b.fits", "A.FIT", "c.fits.gz", "d.fits.fz", "e.avro", ".hidden.fits", "notes.txt", "f.fts"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.fits").mkdir()
    (tmp_path / "lost.fits").symlink_to("nowhere")
    assert sources.find(tmp_path) == locate.files(tmp_path, suffixes=sources.SUFFIXES)
    assert [path.name for path in sources.find(tmp_path)][:2] == ["A.FIT", "b.fits"]


def test_folders_without_cut_outs_and_signatures(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="no file ending"):
        sources.find(tmp_path)
    (tmp_path / "a.fits").write_bytes(b"x")
    one = sources.signature(sources.find(tmp_path))
    (tmp_path / "a.fits").write_bytes(b"xy")
    other = sources.signature(sources.find(tmp_path))
    assert other != one
    (tmp_path / "b.fits").symlink_to("nowhere")
    assert sources.signature(sources.find(tmp_path)) != other


def test_files_of_a_folder_are_a_sequence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources.Files, "_BLOCK", 3)
    names = [f"{k}.fits" for k in range(8)]
    files = sources.Files(tmp_path, names)
    paths = [tmp_path / name for name in names]
    assert (len(files), list(files), files[-1], files[2:7:2]) == (8, paths, paths[7], paths[2:7:2])
    assert [files[k] for k in range(8)] == paths
    with pytest.raises(IndexError):
        files[8]
