"""Detection: an image in, the cosmic rays out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from cosmic_conn.kernels.masks import object_sizes, size_counts
from cosmic_conn.machine import cores, maybe_gpu, maybe_matrices
from cosmic_conn.models.registry import DEFAULT, find_model, open_model
from cosmic_conn.models.store import read
from cosmic_conn.sky import Plane, Sky

if TYPE_CHECKING:
    from cosmic_conn.branches import Strip
    from cosmic_conn.cores import Cores
    from cosmic_conn.engine import Engine

__all__ = ["Camera", "Detection", "Detector", "Settings", "detect"]

Method = Literal["net", "lacosmic", "hybrid"]

TILE = 416
"""Largest side of the tiles that the network is fed with, by default [pixel]: larger ones need more memory."""

SMALLEST = 8
"""Least side of an image [pixel]."""

_STRIP = 256  # rows that are handed on together


@dataclass(frozen=True)
class Settings:
    """How to detect.

    Attributes
    ----------
    model
        Name of a shipped model, or path of a file of weights.
    method
        ``net``, ``lacosmic`` (astroscrappy), or ``hybrid``: the network, and sharp single hits that it leaves.
    threshold
        Probability from which the network flags a pixel; None is what the model's card says.
    tile
        Side of the tiles that the network is fed with [pixel].
    device
        ``auto``, ``cpu`` or ``cuda``.
    precision
        ``auto``, ``fp32`` or ``bf16``; ``auto`` is bf16 where the machine is quick at it.
    threads
        Threads of the network on a CPU; None is one a core. They change nothing in the result.
    parity
        None, or the side of the tiles for the very map of Cosmic-CoNN 0.6 (0: the whole image); network only.
    """

    model: str | os.PathLike[str] = DEFAULT
    method: Method = "hybrid"
    threshold: float | None = None
    tile: int = TILE
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: int | None = None
    parity: int | None = None

    def __post_init__(self) -> None:
        if self.method not in ("net", "lacosmic", "hybrid"):
            raise ValueError(f"method must be net, lacosmic or hybrid, not {self.method!r}")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError(f"threshold must lie between 0 and 1, not {self.threshold}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"precision must be auto, fp32 or bf16, not {self.precision!r}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"at least one thread is needed, not {self.threads}")
        if self.parity is not None and self.parity < 0:
            raise ValueError("the side of a tile is not negative")


@dataclass(frozen=True)
class Camera:
    """What is known of the detector that took an image.

    Attributes
    ----------
    gain
        [e-/unit of the pixels]; 1 where it is not known.
    read_noise
        [e-]; where it is not known, what the noise of the sky leaves for it.
    saturation
        Level from which a pixel holds no count [unit of the pixels].
    """

    gain: float | None = None
    read_noise: float | None = None
    saturation: float | None = None

    def __post_init__(self) -> None:
        for name in ("gain", "saturation"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above zero, not {value}")
        if self.read_noise is not None and not self.read_noise >= 0:
            raise ValueError(f"read_noise must not be negative, not {self.read_noise}")


@dataclass(frozen=True)
class Detection:
    """The cosmic rays of an image.

    Attributes
    ----------
    probability : ndarray of float32, shape of the image
        That a pixel holds charge of a cosmic ray; with ``method="lacosmic"`` 0 or 1.
    mask : ndarray of bool, same shape
        The pixels that are called cosmic rays.
    threshold
        Applied to the probability.
    method
        That found them.
    model
        Name of the model, or ``""`` where none was used.
    """

    probability: npt.NDArray[np.float32]
    mask: npt.NDArray[np.bool_]
    threshold: float
    method: str
    model: str

    @property
    def fraction(self) -> float:
        """Share of the pixels that are flagged."""
        return float(self.mask.mean())

    def counts(self) -> dict[str, int]:
        """Return the number of objects by size: of 1, 2 to 4, 5 to 20 and more pixels (8-connected)."""
        planes = self.mask.reshape(-1, *self.mask.shape[-2:])
        return size_counts(np.concatenate([object_sizes(plane) for plane in planes]))

    def cleaned(self, image: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the image with the flagged pixels filled from around them; see `cosmic_conn.clean.fill`."""
        from cosmic_conn.clean import fill

        pixels = np.asarray(image)
        planes = zip(pixels.reshape(-1, *pixels.shape[-2:]), self.mask.reshape(-1, *pixels.shape[-2:]), strict=True)
        return np.stack([fill(plane, mask) for plane, mask in planes]).reshape(pixels.shape)


class Detector:
    """A model made ready, for any number of images.

    Parameters
    ----------
    settings
        How to detect.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = s = settings or Settings()
        self.engine = _engine(s) if s.method != "lacosmic" or s.parity is not None else None

    @property
    def threshold(self) -> float:
        """The probability from which a pixel is flagged."""
        if self.settings.threshold is not None or self.engine is None:
            return self.settings.threshold or 0.5
        return self.engine.card.threshold

    @property
    def model(self) -> str:
        """Name of the model, or ``""``."""
        return "" if self.engine is None else self.engine.card.name

    def __call__(self, image: Any, mask: Any = None, camera: Camera | None = None) -> Detection:
        """Return the cosmic rays of an image; see `detect`."""
        pixels, mask = _arrays(image, mask)
        planes = pixels.reshape(-1, *pixels.shape[-2:])
        masks = [None] * len(planes) if mask is None else mask.reshape(planes.shape)
        camera = camera or Camera()
        found = [
            _joined(self.strips(Plane(plane, lost, camera.saturation), camera))
            for plane, lost in zip(planes, masks, strict=True)
        ]
        if pixels.ndim == 2:
            probability, flagged = found[0]
        else:
            probability, flagged = (np.stack(parts) for parts in zip(*found, strict=True))
        return Detection(probability, flagged, self.threshold, self.settings.method, self.model)

    def strips(self, plane: Plane, camera: Camera) -> Iterator[Strip]:
        """Yield probability and mask of one plane from its first rows to its last.

        With the network or the hybrid no more than some rows of plane, probability and mask are in memory at a time.
        """
        from cosmic_conn import branches

        s = self.settings
        if s.method == "lacosmic" or s.parity is not None:
            probability, mask = self._whole(plane, camera)
            for start in range(0, len(mask), _STRIP):
                yield probability[start : start + _STRIP], mask[start : start + _STRIP]
            return
        assert self.engine is not None  # noqa: S101 (made for it)
        sky = Sky.measure(plane)
        if s.method == "net":
            yield from branches.network_strips(plane, sky, self.engine, s.tile, self.threshold)
        else:
            yield from branches.hybrid_strips(plane, sky, self.engine, s.tile, self.threshold, camera)

    def _whole(self, plane: Plane, camera: Camera) -> Strip:
        """Return probability and mask of a plane that is not searched by strips."""
        from cosmic_conn import branches

        if self.settings.parity is None:
            found = branches.lacosmic(plane, Sky.measure(plane), camera)
            return found.astype(np.float32), found
        assert self.engine is not None  # noqa: S101 (made for it)
        probability = branches.parity(np.asarray(plane.pixels[:]), self.engine, self.settings.parity)
        return probability, probability > self.threshold


def detect(image: Any, mask: Any = None, *, camera: Camera | None = None, **settings: Any) -> Detection:
    """Find the cosmic rays of an image.

    Parameters
    ----------
    image : array_like, shape (height, width) or (n, height, width)
        Counts in any unit; of any real type and byte order; NaN and infinite pixels have no value. A torch tensor, a
        masked array, or an `astropy.nddata.NDData` or ``CCDData`` will do, with its mask. Never changed. At least 8
        pixels a side; the planes of a stack are searched one by one.
    mask : array_like, same shape, optional
        Pixels without a value (not zero); added to that of the image.
    camera
        Gain, read noise and saturation.
    **settings
        Fields of `Settings`.

    Returns
    -------
    Detection

    Raises
    ------
    ValueError, TypeError
        When the image is not one, or a setting is wrong.
    SharedIOError
        When the model cannot be used, or there is no such device.

    Examples
    --------
    >>> import numpy as np
    >>> from cosmic_conn import detect
    >>> image = np.random.default_rng(0).normal(100, 5, (64, 64))
    >>> image[20, 10:16] += 900
    >>> int(detect(image).mask.sum())
    6
    """
    return Detector(Settings(**settings))(image, mask, camera)


def _joined(strips: Iterable[Strip]) -> Strip:
    """Return probability and mask of strips behind one another."""
    probabilities, masks = zip(*strips, strict=True)
    return np.concatenate(probabilities), np.concatenate(masks)


def _engine(settings: Settings) -> Engine | Cores:
    s, threads = settings, settings.threads or cores()
    wanted = s.parity is None and s.precision != "bf16" and s.device in ("auto", "cpu")
    if wanted and not (s.device == "auto" and maybe_gpu()) and not (s.precision == "auto" and maybe_matrices()):
        found = _without_torch(find_model(s.model), threads)
        if found:
            return found
    from cosmic_conn.engine import Engine, device_of, has_fast_bf16

    network, card = open_model(s.model)
    device = device_of(s.device)
    if s.parity is not None:
        return Engine(network, card, device, "fp32", exact=True, threads=threads)
    precision = s.precision
    if precision == "auto":
        precision = "bf16" if has_fast_bf16(device) else "fp32"
    return Engine(network, card, device, precision, threads=threads)


def _without_torch(path: Path, threads: int) -> Cores | None:
    """Return a model made ready for the fast pass, or None where there is none for its architecture."""
    from cosmic_conn.cores import Cores
    from cosmic_conn.forward import Forward

    tensors, card = read(path)
    if not Forward.suits(card.architecture):
        return None
    try:
        return Cores(Forward(card.architecture, tensors), card, threads)
    except ValueError as error:
        raise SchemaMismatch(f"these tensors do not fit the network of the card ({error})", path=path) from error


def _arrays(image: Any, mask: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Return pixels and mask of whatever holds an image."""
    own = getattr(image, "mask", None)
    if hasattr(image, "detach"):  # a tensor of torch
        image = image.detach().cpu().numpy()
    elif hasattr(image, "wcs") or hasattr(image, "uncertainty"):  # NDData and its kind
        image = image.data
    pixels = np.ma.getdata(image) if isinstance(image, np.ma.MaskedArray) else np.asanyarray(image)
    if pixels.dtype.kind not in "buif":
        raise TypeError(f"an image has real numbers for pixels, not {pixels.dtype}")
    if pixels.ndim not in (2, 3) or min(pixels.shape[-2:]) < SMALLEST or 0 in pixels.shape:
        shape = " x ".join(map(str, pixels.shape)) or "a single number"
        raise ValueError(f"an image is (height, width) or a stack of such, {SMALLEST} pixels a side at least: {shape}")
    masks = [np.asarray(m) != 0 for m in (own, mask) if m is not None and m is not np.ma.nomask]
    for found in masks:
        if found.shape != pixels.shape:
            raise ValueError(f"a mask of shape {found.shape} does not fit an image of shape {pixels.shape}")
    return pixels, np.logical_or.reduce(masks) if masks else None
