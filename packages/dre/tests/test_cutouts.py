"""Selecting, cutting, masking and recentring."""

import numpy as np
import pytest
from astropy.nddata import Cutout2D
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from dre.cutouts import Selection, clean_mask, cut, neighbour_map, recentred, window
from dre.stamp import Stamp


@given(st.floats(70, 130), st.floats(70, 130))
def test_window_is_that_of_cutout2d_and_holds_the_object_between_63_and_64(x, y):
    image = np.arange(200 * 200).reshape(200, 200)
    place = window(x, y, image.shape)
    assert np.array_equal(image[place], Cutout2D(image, (x, y), 128, mode="strict").data)
    assert 63 <= x - place[1].start <= 64
    assert 63 <= y - place[0].start <= 64


@pytest.mark.parametrize("place", [(60, 100), (100, 60), (140, 100), (100, 140)])
def test_a_square_that_leaves_the_image_is_refused(place):
    assert window(*place, (200, 200)) is None


def dilated(mask, times):
    """Slow twin: grow by the four neighbours, pixel by pixel."""
    for _ in range(times):
        grown = mask.copy()
        for y, x in zip(*np.nonzero(mask), strict=True):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < mask.shape[0] and 0 <= x + dx < mask.shape[1]:
                    grown[y + dy, x + dx] = True
        mask = grown
    return mask


def test_mask_keeps_the_central_part_fills_holes_and_grows_by_four():
    segments = np.zeros((64, 64), int)
    segments[26:40, 26:40] = 7
    segments[28, 28] = 0  # a hole
    segments[5:8, 5:8] = 7  # a detached part
    segments[50:55, 28:36] = 9  # a neighbour
    expected = np.zeros((64, 64), bool)
    expected[26:40, 26:40] = True
    assert np.array_equal(clean_mask(segments, 7), dilated(expected, 4))


def test_mask_of_a_source_without_pixels_is_the_grown_central_block():
    expected = np.zeros((64, 64), bool)
    expected[30:34, 30:34] = True
    assert np.array_equal(clean_mask(np.zeros((64, 64), int), 3), dilated(expected, 4))


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.6))
def test_masks_of_any_segments_are_those_of_the_whole_square(seed, share):
    random = np.random.default_rng(seed)
    segments = np.where(random.random((32, 32)) < share, random.integers(1, 4, (32, 32)), 0)
    if seed % 2:  # segments in one piece, some of them at the edge
        segments = ndimage.grey_dilation(segments, 5)
    own = segments == 2
    own[14:18, 14:18] = True
    parts, _ = ndimage.label(own)
    filled = ndimage.binary_fill_holes(parts == parts[16, 16])
    assert np.array_equal(clean_mask(segments, 2), dilated(filled, 4))

    others = np.where(segments == 2, 0, segments)
    for _ in range(4):
        others = ndimage.maximum_filter(others, footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]], mode="constant")
    assert np.array_equal(neighbour_map(segments, 2), np.where(segments == 2, 0, others))


def catalogue(**columns):
    base = {"X_IMAGE": [200.0], "Y_IMAGE": [200.0], "CLASS_STAR": [0.1], "NUMBER": [5], "EXT_NUMBER": [0]}
    return Table(base | columns)


@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [
        ("X_IMAGE", 80.0, False), ("X_IMAGE", 80.01, True), ("X_IMAGE", 220.0, False), ("Y_IMAGE", 320.0, False),
        ("Y_IMAGE", 319.9, True), ("CLASS_STAR", 0.5, False), ("CLASS_STAR", 0.49, True), ("CLASS_STAR", np.nan, False),
    ],
)  # fmt: skip
def test_bounds_of_the_selection_are_strict(column, value, kept):
    assert Selection().rows(catalogue(**{column: [value]}), (400, 300))[0] == kept


def test_filters_are_strict_and_all_must_hold():
    table = catalogue(MAG_AUTO=[18.0], FLAGS=[0])
    assert Selection(filters=[("MAG_AUTO", 17, 19), ("FLAGS", -1, 1)]).rows(table, (400, 400))[0]
    assert not Selection(filters=[("MAG_AUTO", 18, 19)]).rows(table, (400, 400))[0]


def test_a_cut_with_a_pixel_without_data_is_refused_and_its_neighbours_are_not():
    image = np.ones((400, 400))
    image[150, 150] = np.nan
    row = catalogue()[0]
    planes = (np.ones((400, 400)), np.zeros((400, 400), int), np.ones((400, 400)))
    assert cut(row, image, *planes) is None
    image[150, 150], image[100, 100] = 1, np.inf
    stamp = cut(row, image, *planes)
    assert stamp.name == "00_0005"
    assert stamp.obj.shape == (128, 128)
    assert (stamp.x, stamp.y) == (200.0, 200.0)


@pytest.mark.parametrize("mode", ["com", "1dg", "2dg"])
def test_recentring_puts_a_gaussian_on_the_centre(mode):
    y, x = np.mgrid[:128, :128]
    blob = np.exp(-((x - 64.3) ** 2 + (y - 62.9) ** 2) / (2 * 3**2))
    stamp = recentred(Stamp("00_0001", blob, blob > 1e-4, np.ones_like(blob), 0, 1, None, None), mode)
    centre = [(stamp.obj * axis).sum() / stamp.obj.sum() for axis in (x, y)]
    assert np.allclose(centre, 63.5, atol=0.03)
    assert stamp.mask.dtype == bool


def test_a_centroid_far_off_is_not_trusted():
    y, x = np.mgrid[:128, :128]
    blob = np.exp(-((x - 80) ** 2 + (y - 60) ** 2) / 20)
    stamp = Stamp("00_0001", blob, np.ones_like(blob, bool), np.ones_like(blob), 0, 1, None, None)
    assert recentred(stamp, "com") is stamp
