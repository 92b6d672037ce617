from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from masked import exposures_of, write_hst, write_masked
from shared_io.errors import CorruptInput, InputNotFound, SchemaMismatch

from cosmic_conn.training.datasets import Entry, list_files, read_exposures
from cosmic_conn.training.deck import divided, files_of_epoch
from cosmic_conn.training.exposures import Exposures, draw_crop, middle, usable
from cosmic_conn.training.feeding import Feeder, Shelf
from cosmic_conn.training.options import Options


def numbered(side: int = 40, number: int = 3, turns: bool = True) -> Exposures:
    """Frames whose pixels tell frame and place."""
    place = np.arange(side * side, dtype=np.float32).reshape(side, side)
    frames = np.stack([place + index * side * side for index in range(number)])
    return Exposures("x", frames, frames % 7 == 0, frames % 5 > 0, turns=turns)


def test_crops_reach_every_pixel_of_every_frame() -> None:
    exposures, random = numbered(20), np.random.default_rng(0)
    seen = np.concatenate([draw_crop(exposures, 8, random).pixels.ravel() for _ in range(1500)])
    places, times = np.unique(seen, return_counts=True)
    assert len(places) == exposures.frames.size
    assert times.min() > 1


def test_all_parts_of_a_crop_show_the_same_place() -> None:
    exposures, random = numbered(), np.random.default_rng(1)
    orientations = set()
    for _ in range(60):
        crop = draw_crop(exposures, 16, random)
        assert np.array_equal(crop.truth, crop.pixels % 7 == 0)
        assert np.array_equal(crop.keep, crop.pixels % 5 > 0)
        assert np.array_equal(crop.reference % 1600, crop.pixels % 1600)
        orientations.add((crop.pixels[0, 1] - crop.pixels[0, 0], crop.pixels[1, 0] - crop.pixels[0, 0]))
    assert len(orientations) == 8  # four turns, mirrored or not


def test_spectra_are_mirrored_but_never_turned() -> None:
    random = np.random.default_rng(2)
    steps = {float(abs(np.diff(draw_crop(numbered(turns=False), 16, random).pixels[0, :2])[0])) for _ in range(40)}
    assert steps == {1.0}


def test_a_frame_smaller_than_the_crop_is_mirrored_and_its_surroundings_do_not_count() -> None:
    crop = draw_crop(numbered(12), 32, np.random.default_rng(3))
    assert crop.pixels.shape == (32, 32)
    assert crop.keep.sum() <= 144
    assert set(np.unique(crop.pixels)) <= set(range(12 * 12 * 3))


def test_of_two_exposures_the_fainter_is_the_reference() -> None:
    frames = np.stack([np.zeros((16, 16)), np.ones((16, 16))]).astype(np.float32)
    none = np.zeros(frames.shape, dtype=bool)
    assert (draw_crop(Exposures("x", frames, none, ~none), 8, np.random.default_rng(0)).reference == 0).all()


def test_the_middle_is_the_middle() -> None:
    cut = middle(numbered(40), 10)
    assert cut.frames.shape == (3, 10, 10)
    assert cut.frames[0, 0, 0] == 15 * 40 + 15
    assert middle(numbered(40), 100).frames.shape == (3, 40, 40)


def test_stars_are_learnt_from_but_not_what_may_be_a_cosmic_ray_on_one() -> None:
    frames = np.full((3, 4, 4), 100, dtype=np.float32)
    frames[1, 2, 2] = 400
    ignore = np.full((3, 4, 4), 4, dtype=np.uint8)
    ignore[:, 0] = 5
    ignore[:, 1] = 8
    keep = usable(frames, ignore)
    assert not keep[:, :2].any()
    assert keep[:, 2:].sum() == 3 * 8 - 1
    assert not keep[1, 2, 2]


@pytest.mark.parametrize(("kind", "spectra"), [("lco", False), ("nres", True)])
def test_masked_files_are_read(kind: str, spectra: bool, tmp_path: Path) -> None:
    write_masked(tmp_path / "masked_fits" / f"{kind}_a_masks.fits", 1, spectra=spectra)
    (tmp_path / "aligned_fits").mkdir()
    (tmp_path / "aligned_fits" / "other.fits").write_bytes(b"not looked at")
    (entry,) = list_files(tmp_path, "lco").entries  # the name of the file says what it is
    assert entry.kind == kind
    found = read_exposures(entry)
    _, truth, ignore = exposures_of(1)
    assert found.turns is not spectra
    assert np.array_equal(found.truth, truth)
    assert found.frames.shape == (3, 96, 96)
    assert abs(np.median(found.frames)) < 0.2
    assert not found.keep[:, :2].any()
    assert found.keep[ignore == 0].all()


def test_hst_archives_are_read(tmp_path: Path) -> None:
    write_hst(tmp_path / "one.npz", 2)
    write_hst(tmp_path / "short.npz", 3, seconds=20)
    (entry,) = list_files(tmp_path, "hst", min_exposure=100).entries
    found = read_exposures(entry)
    assert found.frames.shape == (1, 96, 96)
    assert found.clean is not None
    assert not found.keep[0, :, 7].any()
    assert found.keep.sum() == 96 * 95


def test_names_tell_the_kind_of_files_in_one_folder(tmp_path: Path) -> None:
    write_masked(tmp_path / "plain.fits", 1)
    write_masked(tmp_path / "nres_1.fits", 2, spectra=True)
    write_hst(tmp_path / "hst_1.npz", 3)
    write_hst(tmp_path / "other.npz", 4)
    kinds = {e.path.name: e.kind for e in list_files(tmp_path, "lco").entries}
    assert kinds == {"plain.fits": "lco", "nres_1.fits": "nres", "hst_1.npz": "hst"}


def test_short_exposures_are_left_out(tmp_path: Path) -> None:
    write_masked(tmp_path / "a.fits", 1, seconds=10)
    write_masked(tmp_path / "b.fits", 2, seconds=200)
    assert [e.path.name for e in list_files(tmp_path, "lco", 100).entries] == ["b.fits"]
    with pytest.raises(InputNotFound, match="exposed long enough"):
        list_files(tmp_path, "lco", 1000)


def test_bad_files_are_named_and_left_out(tmp_path: Path) -> None:
    good = write_masked(tmp_path / "good.fits", 1)
    (tmp_path / "bad.fits").write_bytes(good.read_bytes()[:20_000])
    write_masked(tmp_path / "spectra.fits", 2, spectra=True)
    listing = list_files(tmp_path, "lco")
    assert [e.path.name for e in listing.entries] == ["good.fits"]
    assert {Path(name).name for name in listing.failed} == {"bad.fits", "spectra.fits"}
    with pytest.raises(InputNotFound, match="no such file"):
        list_files(tmp_path / "none", "lco")


def test_archives_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "objects.npz", raw=objects, clean=objects, crmask=objects, badmask=objects)
    np.savez(tmp_path / "shapes.npz", raw=np.ones((9, 9)), clean=np.ones((9, 8)), crmask=np.ones(3), badmask=np.ones(3))
    assert [Path(name).name for name in list_files(tmp_path, "hst").failed] == ["text.npz"]
    for name in ("objects", "shapes"):
        with pytest.raises(SchemaMismatch, match=name):
            read_exposures(Entry(tmp_path / f"{name}.npz", "hst", name))


def entries_of(*fields: str) -> list[Entry]:
    return [Entry(Path(f"{number}.fits"), "lco", name) for number, name in enumerate(fields)]


def test_fields_are_not_divided_between_training_and_validation() -> None:
    entries = entries_of(*(name for name in "abcdefgh" for _ in range(3)))
    learn, valid = divided(entries, 0.25, 0, 1)
    assert {e.field for e in learn}.isdisjoint({e.field for e in valid})
    assert len(valid) == 6
    assert divided(entries, 0.25, 0, 1) == (learn, valid)
    assert divided(entries, 0.25, 0, 2) != (learn, valid)
    assert len(divided(entries, 0.25, 3, 1)[1]) == 3
    assert divided(entries, 0, 0, 1) == (entries, [])


def test_something_is_always_left_to_learn_from() -> None:
    assert [len(part) for part in divided(entries_of("a"), 0.5, 5, 0)] == [1, 0]
    assert [len(part) for part in divided(entries_of("a", "a", "a"), 0.2, 0, 0)] == [2, 1]
    assert [len(part) for part in divided(entries_of(*"aaaaab"), 0.2, 0, 0)] == [5, 1]


def test_no_file_is_drawn_twice_before_all_have_been() -> None:
    drawn = [index for epoch in range(1, 8) for index in files_of_epoch(7, 3, epoch, 5)]
    assert all(set(drawn[start : start + 7]) == set(range(7)) for start in (0, 7, 14))
    assert Counter(files_of_epoch(7, 0, 3, 5)) == Counter(range(7))
    assert files_of_epoch(2, 10, 1, 0) in ([0, 1], [1, 0])


def test_the_shelf_holds_no_more_than_it_may(tmp_path: Path) -> None:
    paths = [write_masked(tmp_path / f"{n}.fits", n, side=40) for n in range(4)]
    entries = [Entry(path, "lco", path.name) for path in paths]
    size = read_exposures(entries[0]).bytes
    shelf = Shelf(memory=2 * size)
    for entry in entries:
        shelf.get(entry)
        assert sum(e.bytes for e in shelf._kept.values()) <= 2 * size
    assert shelf.get(entries[-1]) is shelf.get(entries[-1])


def test_a_file_that_cannot_be_read_is_replaced_by_the_next(tmp_path: Path) -> None:
    good = [write_masked(tmp_path / f"{n}.fits", n, side=40) for n in range(2)]
    broken = bytearray(good[1].read_bytes())
    (tmp_path / "2.fits").write_bytes(broken[: len(broken) // 2])
    entries = [Entry(tmp_path / f"{n}.fits", "lco", str(n)) for n in range(3)]
    shelf = Shelf()
    feeder = Feeder(entries, Options(crop=16, batch=2), shelf)
    batches = list(feeder.batches(1))
    assert [len(batch.pixels) for batch in batches] == [2, 1]
    assert [Path(name).name for name in shelf.failed] == ["2.fits"]
    again = list(Feeder(entries, Options(crop=16, batch=2), Shelf()).batches(1))
    assert all((one.pixels == two.pixels).all() for one, two in zip(batches, again, strict=True))
    with pytest.raises(CorruptInput, match="none of the files"):
        list(Feeder(entries[2:], Options(crop=16), Shelf()).batches(1))
