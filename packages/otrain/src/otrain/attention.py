"""Where a network looks: Grad-CAM on logits for any convolution, and the occlusion test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.kernels import maps as kernels

if TYPE_CHECKING:
    from otrain.inference import Classifier
    from otrain.network import Network

__all__ = ["grad_cam", "occlusion"]

Array = npt.NDArray[Any]

_BATCH = 64


def grad_cam(classifier: Classifier, cube: Array, *, layer: str | None = None, real: Array | None = None,
             kind: str = "hires") -> Array:  # fmt: skip
    """Return maps of what speaks for a class, averaged over the members of a model.

    Parameters
    ----------
    classifier : Classifier
    cube : ndarray, shape (n, ny, nx, planes)
        Raw cut-outs.
    layer : str, optional
        Name of a convolution; by default the last one.
    real : ndarray of bool, shape (n,), optional
        For which class each map speaks; by default the one that the classifier decides for.
    kind : str
        ``hires`` or ``grad``, see `otrain.kernels.maps.cam`.

    Returns
    -------
    ndarray of float, shape (n, ny, nx)
        From 0 to 1, 0 outside of the square that the model sees. A map may be 0 everywhere: nothing spoke for the
        class.

    Raises
    ------
    SchemaMismatch
        If there is no such convolution, or the layers of the model are not known.
    """
    real = classifier.predict(cube).real if real is None else np.asarray(real, bool)
    networks = classifier.networks
    number = _number(networks[0], layer)
    x = classifier.card.preprocessing(cube)
    out = np.zeros((len(cube), *x.shape[1:3]))
    for start in range(0, len(cube), _BATCH):
        rows = slice(start, start + _BATCH)
        found = [_maps(network, x[rows], real[rows], number, kind) for network in networks]
        out[rows] = kernels.unit(np.mean(found, axis=0))
    return _framed(out, cube.shape)


def _number(network: Network, layer: str | None) -> int:
    names = [one.name for one in network.layers]
    convolutions = network.convolutions
    if not convolutions:
        raise SchemaMismatch("the network has no convolution")
    if layer is not None and layer not in convolutions:
        raise SchemaMismatch(f"no convolution is called {layer!r}", hint=f"there are {', '.join(convolutions)}")
    return names.index(layer or convolutions[-1])


def _maps(network: Network, x: Array, real: Array, number: int, kind: str) -> Array:
    trace = network.trace(x)
    sign = np.where(real, 1.0, -1.0)[:, None, None, None]
    gradient = network.back(trace, number) * sign
    return kernels.enlarged(kernels.cam(trace[number + 1], gradient, kind), *x.shape[1:3])


def occlusion(classifier: Classifier, cube: Array, *, real: Array | None = None, box: int = 5, step: int = 2) -> Array:
    """Return how much the decision's logit falls when a box of the prepared cut-out is covered by sky.

    It needs no gradients, so it works for every model, and it does not share Grad-CAM's assumptions.

    Parameters
    ----------
    classifier, cube, real
        As for `grad_cam`.
    box, step : int
        Side of the box, and from one to the next [pixel].

    Returns
    -------
    ndarray of float, shape (n, ny, nx)
        From 0 to 1; 0 where covering does not speak against the class.
    """
    real = classifier.predict(cube).real if real is None else np.asarray(real, bool)
    x = classifier.card.preprocessing(cube)
    out = np.zeros((len(cube), *x.shape[1:3]))
    for start in range(0, len(cube), _BATCH):
        rows = slice(start, start + _BATCH)
        sign = np.where(real[rows], 1.0, -1.0)

        def score(inputs: Array, sign: Array = sign) -> Array:
            return sign * classifier.forward(inputs).mean(axis=1)

        out[rows] = kernels.unit(np.maximum(kernels.occluded(x[rows], score, box=box, step=step), 0))
    return _framed(out, cube.shape)


def _framed(maps: Array, shape: tuple[int, ...]) -> Array:
    """Put maps of the central square back into the whole cut-out."""
    n, ny, nx = shape[:3]
    if maps.shape[1:] == (ny, nx):
        return maps
    whole = np.zeros((n, ny, nx))
    y, x = ny // 2 - maps.shape[1] // 2, nx // 2 - maps.shape[2] // 2
    whole[:, y : y + maps.shape[1], x : x + maps.shape[2]] = maps
    return whole
