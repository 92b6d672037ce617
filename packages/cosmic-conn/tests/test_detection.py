from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from conftest import finds_the_track, sky_image, with_track
from shared_io.errors import ExternalFailed, InputNotFound

from cosmic_conn import Camera, Detector, Settings, branches, detect
from cosmic_conn.engine import device_of
from cosmic_conn.kernels.masks import around_saturated

TRACK = (30 + np.arange(12), 40 + np.arange(12))


@pytest.fixture(scope="module")
def find() -> Detector:
    return Detector(Settings(precision="fp32"))


def test_bleeds_across_strips_are_kept_clear_of_as_in_one_piece(find: Detector) -> None:
    image = with_track(sky_image((560, 104)))
    image[180:300, 70:73] = 60_000
    image[508:516, 20:23] = 60_000  # a star on the border of strips
    image[253:256, 30] = 60_000  # saturated hits: kept, but for their full pixels
    image[510:514, 90] = 60_000
    found = find(image, camera=Camera(saturation=60_000))
    free = find(np.minimum(image, 60_000), camera=Camera(saturation=60_001))
    clear = around_saturated(image >= 60_000)
    assert np.array_equal(found.probability, free.probability)
    assert finds_the_track(found.mask[:96])
    assert not found.mask[clear].any()
    assert free.mask[clear].any()
    assert np.array_equal(found.mask, free.mask & ~clear)


def test_a_track_and_a_single_hit_are_found_and_nothing_else(find: Detector) -> None:
    found = find(with_track(sky_image()))
    assert finds_the_track(found.mask)
    assert sum(found.counts().values()) == 2
    assert found.counts()["5-20"] == 1
    assert found.fraction == found.mask.sum() / found.mask.size
    assert found.probability.dtype == np.float32
    assert 0 <= found.probability.min() <= found.probability.max() <= 1


@pytest.mark.parametrize("kind", ["u2", ">u2", ">i2", "<i4", ">f4", ">f8", "f8", "i8"])
def test_type_and_byte_order_do_not_matter(kind: str, find: Detector) -> None:
    image = np.round(with_track(sky_image()))
    assert np.array_equal(find(image.astype(kind)).mask, find(image).mask)


@pytest.mark.parametrize("factor", [0.01, 0.1, 10.0])
def test_units_do_not_matter(factor: float, find: Detector) -> None:
    image = with_track(sky_image())
    assert np.array_equal(find(image * np.float32(factor)).mask, find(image).mask)


def test_the_image_is_never_changed(find: Detector) -> None:
    image = with_track(sky_image())
    image[5, 5], image[6, 6] = np.nan, np.inf
    before = image.copy()
    image.setflags(write=False)
    found = find(image)
    assert np.array_equal(image, before, equal_nan=True)
    assert not found.mask[5, 5]
    assert not found.mask[6, 6]
    assert np.isfinite(found.probability).all()


def test_a_nan_column_costs_its_pixels_only(find: Detector) -> None:
    image = with_track(sky_image())
    image[:, ::13] = np.nan
    found = find(image)
    good = ~np.isnan(image)
    truth = find(with_track(sky_image())).mask
    assert (found.mask & ~truth).sum() == 0
    assert (found.mask & good)[truth & good].mean() > 0.8
    assert not found.mask[~good].any()


def test_masks_of_all_kinds(find: Detector) -> None:
    from astropy.nddata import CCDData, NDData

    image = with_track(sky_image())
    mask = np.zeros(image.shape, dtype=bool)
    mask[60, 20] = True
    found = find(image, mask)
    assert not found.mask[60, 20]
    assert found.mask[TRACK].all()
    for other in (np.ma.MaskedArray(image, mask), NDData(image, mask=mask), CCDData(image, mask=mask, unit="adu")):
        assert np.array_equal(find(other).mask, found.mask)
    assert np.array_equal(find(image, mask.astype(">i4") * 8).mask, found.mask)


def test_a_tensor_and_a_stack(find: Detector) -> None:
    image, empty = with_track(sky_image()), sky_image(seed=1)
    tensor = find(torch.from_numpy(image))
    stack = find(np.stack([image, empty]))
    assert np.array_equal(stack.mask[0], tensor.mask)
    assert stack.mask.shape == (2, *image.shape)
    assert not stack.mask[1].any()
    assert sum(stack.counts().values()) == 2


@pytest.mark.parametrize("shape", [(8, 8), (8, 500), (333, 9), (300, 311), (15, 15)])
def test_every_pixel_of_any_size_is_searched(shape: tuple[int, int], find: Detector) -> None:
    image = sky_image(shape, seed=2)
    places = [(0, 0), (shape[0] - 1, shape[1] - 1), (shape[0] - 1, 3), (shape[0] // 2, shape[1] - 1)]
    for place in places:
        image[place] += 2500
    found = find(image)
    assert found.mask.shape == shape
    assert [bool(found.mask[place]) for place in places] == [True] * 4
    assert (found.probability > 0).all()


def test_tiles_and_strips_leave_the_same_answer(find: Detector) -> None:
    random = np.random.default_rng(12)
    image = sky_image((500, 430), seed=3)
    image[random.integers(0, 500, 60), random.integers(0, 430, 60)] += 800
    small = Detector(Settings(precision="fp32", tile=100))(image)
    whole = Detector(Settings(precision="fp32", tile=4096))(image)
    assert np.array_equal(small.mask, whole.mask)
    assert np.abs(small.probability - whole.probability).max() < 1e-4


def test_a_star_is_no_cosmic_ray(find: Detector) -> None:
    from cosmic_conn.simulate.optics import PSF

    random = np.random.default_rng(13)
    image = sky_image((200, 200), seed=4)
    for y in range(20, 190, 30):
        for x in range(20, 190, 30):
            light = PSF(3.0).image(10, *random.uniform(-0.5, 0.5, 2)) * 10 ** random.uniform(3, 5.5)
            image[y - 10 : y + 11, x - 10 : x + 11] += random.poisson(light)
    assert find(image).mask.sum() == 0


def test_a_saturated_star_with_its_bleed_is_left_alone(find: Detector) -> None:
    image = sky_image((120, 120), seed=5)
    y, x = np.mgrid[:120, :120] - 60.0
    image += 3e6 / (1 + (x**2 + y**2) / 4) ** 3
    image[10:110, 59:62] = 60_000
    np.minimum(image, 60_000, out=image)
    assert find(image, camera=Camera(saturation=59_000)).mask.sum() == 0


def test_methods_differ_in_what_they_need(find: Detector) -> None:
    image = with_track(sky_image())
    classic = detect(image, method="lacosmic")
    assert classic.model == ""
    assert set(np.unique(classic.probability)) == {0, 1}
    assert classic.mask[TRACK].all()
    assert (find(image).mask | detect(image, method="net", precision="fp32").mask).sum() == find(image).mask.sum()


def test_a_threshold_is_obeyed() -> None:
    image = with_track(sky_image(), charge=80.0)
    low, high = (detect(image, threshold=t, method="net", precision="fp32").mask for t in (0.02, 0.98))
    assert high.sum() < low.sum()
    assert not (high & ~low).any()


def test_cleaning_fills_what_was_found(find: Detector) -> None:
    image = with_track(sky_image())
    found = find(image)
    cleaned = found.cleaned(image)
    assert np.abs(cleaned[TRACK] - 200).max() < 30
    assert np.array_equal(cleaned[~found.mask], image[~found.mask])


def test_bf16_flips_almost_nothing(find: Detector) -> None:
    image = with_track(sky_image((256, 256), seed=6))
    rough = detect(image, precision="bf16")
    assert (rough.mask != find(image).mask).mean() < 1e-3
    assert np.abs(rough.probability - find(image).probability).max() < 0.2


@pytest.mark.parametrize(
    "image", [np.zeros(5), np.zeros((7, 20)), np.zeros((2, 2, 9, 9)), np.zeros((0, 8, 8)), np.float64(3)]
)
def test_what_is_no_image_is_refused(image: np.ndarray, find: Detector) -> None:
    with pytest.raises(ValueError, match="an image is"):
        find(image)


@pytest.mark.parametrize("kind", ["c8", "U3", "O", "M8[s]"])
def test_what_holds_no_real_numbers_is_refused(kind: str, find: Detector) -> None:
    with pytest.raises(TypeError, match="real numbers"):
        find(np.zeros((9, 9), dtype=kind))


def test_a_mask_that_does_not_fit_is_refused(find: Detector) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        find(sky_image(), np.zeros((3, 3), dtype=bool))


@pytest.mark.parametrize("image", [np.zeros((20, 20)), np.full((20, 20), np.nan), np.full((20, 20), np.inf)])
def test_an_image_without_information_has_no_cosmic_rays(image: np.ndarray, find: Detector) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find(image).mask.sum() == 0


@pytest.mark.parametrize(
    "wrong", [{"method": "magic"}, {"threshold": 1.0}, {"precision": "fp8"}, {"parity": -1}, {"device": "tpu9"}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, RuntimeError)):
        detect(sky_image(), **wrong)


@pytest.mark.parametrize("wrong", [{"gain": 0.0}, {"saturation": -1.0}, {"read_noise": -2.0}])
def test_a_wrong_camera_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Camera(**wrong)


def test_a_gpu_that_is_not_there() -> None:
    if torch.cuda.is_available():
        with pytest.raises(ExternalFailed, match="no GPU 99"):
            device_of("cuda:99")
    else:
        with pytest.raises(ExternalFailed, match="no GPU that torch can use"):
            device_of("cuda")
    assert device_of("cpu").type == "cpu"


def test_a_model_that_is_not_there() -> None:
    with pytest.raises(InputNotFound):
        detect(sky_image(), model="no/such.safetensors")


@pytest.mark.parametrize("rows", [8, 61])
def test_the_hybrid_answers_the_same_by_any_strips(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    image = sky_image((190, 120), seed=3)
    for y, x in random.integers(0, 115, (60, 2)):
        image[y, x : x + 4] += random.uniform(60, 900)
    image[100:112, 30:40] = 60_000
    camera = Camera(saturation=50_000)
    whole = detect(image, camera=camera)
    monkeypatch.setattr(branches, "_STRIP", rows)
    found = detect(image, camera=camera)
    assert whole.mask.any()
    assert np.array_equal(found.mask, whole.mask)
    assert np.array_equal(found.probability, whole.probability)
