"""The names that pipelines call today: those of Cosmic-CoNN, and one shaped like astroscrappy's.

>>> from cosmic_conn import init_model
>>> model = init_model("ground_imaging")
>>> model.opt.crop = 256
>>> probability = model.detect_cr(image)  # doctest: +SKIP
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cosmic_conn.detection import TILE, Camera, Detector, Settings

__all__ = ["Model", "Options", "detect_FITS", "detect_cosmics", "detect_image", "init_model"]


@dataclass
class Options:
    """What callers set on a model.

    Attributes
    ----------
    crop
        Side of the tiles [pixel]; 0 for the whole image at once.
    parity
        Whether the very map of Cosmic-CoNN 0.6 is wanted.
    """

    crop: int = TILE
    parity: bool = False


class Model:
    """A network with the methods that Cosmic-CoNN's has.

    Parameters
    ----------
    settings
        How to detect.
    """

    def __init__(self, settings: Settings) -> None:
        self.opt = Options()
        self._detector = Detector(settings)

    def detect_cr(self, image: Any, ret_numpy: bool = True) -> Any:
        """Return the probability of a cosmic ray in each pixel.

        Parameters
        ----------
        image : array_like, shape (height, width)
            As for `cosmic_conn.detect`. Never changed.
        ret_numpy
            False gives a torch tensor.
        """
        whole = max(np.shape(image)[-2:])
        tile = self.opt.crop or whole
        self._detector.settings = replace(
            self._detector.settings, tile=tile, parity=self.opt.crop if self.opt.parity else None
        )
        probability = self._detector(image).probability
        if ret_numpy:
            return probability
        import torch

        return torch.from_numpy(probability)


def init_model(model: str | os.PathLike[str] = "ground_imaging", opt: Any = None) -> Model:
    """Return a model by its name, or by the path of its weights.

    Parameters
    ----------
    model
        ``ground_imaging`` is the one that comes with this package.
    opt
        An object whose ``crop`` is taken, if it has one.
    """
    found = Model(Settings(model=model, method="net"))
    if getattr(opt, "crop", None) is not None:
        found.opt.crop = int(opt.crop)
    return found


def detect_image(model: Model, image: Any, ret_numpy: bool = True) -> Any:
    """Return ``model.detect_cr(image)``."""
    return model.detect_cr(image, ret_numpy)


def detect_FITS(model: Model, path: str | os.PathLike[str], ext: str = "SCI") -> npt.NDArray[np.float32]:
    """Return the probability of a cosmic ray in each pixel of the first image of a file that is to be searched."""
    from cosmic_conn.files.frames import read_science

    probability: npt.NDArray[np.float32] = model.detect_cr(next(read_science(path, ext)).pixels)
    return probability


def detect_cosmics(
    indat: Any,
    inmask: Any = None,
    inbkg: Any = None,
    invar: Any = None,
    *,
    gain: float = 1.0,
    readnoise: float = 6.5,
    satlevel: float = 65536.0,
    model: str | os.PathLike[str] = "ground_imaging",
    threshold: float | None = None,
    verbose: bool = False,
    **ignored: Any,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Find and fill cosmic rays, called as `astroscrappy.detect_cosmics` is.

    Parameters
    ----------
    indat : array_like, shape (height, width)
        Image [ADU].
    inmask : array_like, optional
        Bad pixels.
    inbkg, invar : array_like, optional
        Background and variance that the image is divided by, instead of those that are measured [ADU, ADU^2].
    gain
        [e-/ADU].
    readnoise
        [e-].
    satlevel
        [e-].
    model, threshold
        See `cosmic_conn.Settings`.
    verbose
        Taken and not used.
    **ignored
        Other arguments of astroscrappy (``sigclip``, ``objlim``, ``cleantype``, ...): they steer an algorithm that
        is not used here.

    Returns
    -------
    crmask : ndarray of bool
    cleanarr : ndarray of float32
        The image in electrons, filled where `crmask` is True, as from astroscrappy.
    """
    data = np.asarray(indat)
    camera = Camera(gain, readnoise, satlevel / gain)
    shown = _normalised(data, inbkg, invar)
    found = Detector(Settings(model=model, threshold=threshold))
    if shown is not data:
        bad = data >= camera.saturation if inmask is None else np.asarray(inmask, bool) | (data >= camera.saturation)
        detection = found(shown, bad, Camera())
    else:
        detection = found(data, inmask, camera)
    return detection.mask, detection.cleaned(data) * np.float32(gain)


def _normalised(data: npt.NDArray[Any], background: Any, variance: Any) -> npt.NDArray[Any]:
    """Return an image less its background and over its noise, where they are given."""
    if background is not None:
        data = data - np.asarray(background, dtype=np.float32)
    if variance is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            data = data / np.sqrt(np.asarray(variance, dtype=np.float32))
    return data
