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
    assert sources.signature(sources.find(tmp_path)) != one
