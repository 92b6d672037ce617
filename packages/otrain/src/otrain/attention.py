"""Where a network looks: class activation maps of the logit, for any convolution, and the occlusion test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io.errors import SchemaMismatch

from otrain.kernels import maps as kernels
from otrain.kernels import pixels
from otrain.network import ARCHITECTURES

if TYPE_CHECKING:
    from otrain.inference import Classifier
    from otrain.network import Network

__all__ = ["grad_cam", "occlusion"]

Array = npt.NDArray[Any]

_BATCH = 16  # what passes through a network stays in the cache


def grad_cam(classifier: Classifier, cube: Array, *, layer: str | None = None, real: Array | None = None,
             kind: str = "fused", views: int | None = None) -> Array:  # fmt: skip
    """Return maps of what speaks for a class, averaged over the members of a model.

    The last convolution knows best what decides, but has few pixels; one before it has more and is less sure. So a
    ``fused`` map is the product of two: HiResCAM of the convolution (Draelos & Carin 2020), and LayerCAM of the last
    one before it that has more pixels, which keeps places where those of Grad-CAM dissolve (Jiang et al. 2021, IEEE
    TIP 30, 5875, equations 3 and 4, and their section on the fusion of layers). Both are averaged over rotations and
    flips, turned back, before they are scaled and multiplied; the members of an ensemble look at them in turn.

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
        ``fused``, or one of those of `otrain.kernels.maps.cam`: ``hires``, ``layer`` or ``grad``, of one layer.
    views : int, optional
        Rotations and flips, 1 to 8; by default all for networks of ours, which were trained on all, and the first for
        those of others, which may know up from down.

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
    wanted = _wanted(networks[0], layer, kind)
    x = classifier.card.preprocessing(cube)
    own = pixels.VIEWS if classifier.card.network in ARCHITECTURES else 1
    chosen = pixels.views_of(x.shape, own if views is None else views)
    out = np.zeros((len(cube), *x.shape[1:3]))
    for start in range(0, len(cube), _BATCH):
        rows = slice(start, start + _BATCH)
        found = [
            pixels.unview(_maps(network, pixels.view(x[rows], k), real[rows], wanted), k)
            for network, k in _in_turn(networks, chosen)
        ]  # fmt: skip
        out[rows] = kernels.unit(np.prod(kernels.unit(np.mean(found, axis=0)), axis=-1))
    return _framed(out, cube.shape)


def _in_turn(networks: Sequence[Network], views: Sequence[int]) -> list[tuple[Network, int]]:
    """Pair members and views: as many pairs as there are of the more numerous, each of the others in turn."""
    return [
        (networks[k % len(networks)], views[k % len(views)]) for k in range(max(len(networks), len(views)))
    ]  # fmt: skip


def _wanted(network: Network, layer: str | None, kind: str) -> list[tuple[int, str]]:
    """The numbers of the layers to look at, the last first, and the kinds of their maps."""
    names = [one.name for one in network.layers]
    convolutions = network.convolutions
    if not convolutions:
        raise SchemaMismatch("the network has no convolution")
    if layer is not None and layer not in convolutions:
        raise SchemaMismatch(f"no convolution is called {layer!r}", hint=f"there are {', '.join(convolutions)}")
    last = names.index(layer or convolutions[-1])
    if kind != "fused":
        return [(last, kind)]
    sides = [y.shape[1] for y in network.trace(np.zeros((1, *network.shape), np.float32))[1:]]
    finer = [k for k in map(names.index, convolutions) if k < last and sides[k] > sides[last]]
    return [(last, "hires"), *((k, "layer") for k in finer[-1:])]


def _maps(network: Network, x: Array, real: Array, wanted: list[tuple[int, str]]) -> Array:
    """Maps of the layers that are wanted, shape (n, ny, nx, layers)."""
    trace = network.trace(x)
    made, since, gradient = [], None, np.where(real, 1.0, -1.0).astype(np.float32)[:, None]
    for number, kind in wanted:
        gradient = network.back(trace, number, gradient, since)
        since = number
        made.append(kernels.enlarged(kernels.cam(trace[number + 1], gradient, kind), *x.shape[1:3]))
    return np.stack(made, axis=-1)


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
