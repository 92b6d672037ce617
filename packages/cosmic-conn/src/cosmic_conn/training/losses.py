"""Losses between a probability map and a mask of cosmic rays, over the pixels that count.

The median-weighted binary cross-entropy is that of Cosmic-CoNN (Xu et al. 2023, ApJ 942, 73, section 4.3): pixels
without a cosmic ray count by how bright the median of the repeated exposures is there, that is, sources count more than
empty sky, until the lower bound of the weights has risen to one.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Loss", "dice", "lower_bound", "median_weights", "terms"]

Loss = Literal["bce", "median_bce", "dice", "mse"]

_TINY = 1e-7
_MAD = 1.4826
_BRIGHTEST = 5.0  # deviations of the median frame from which a pixel counts in full
_SIGMA, _REACH = 2.0, 2  # of the smoothing [pixel]


def lower_bound(epoch: int, imbalance_alpha: float) -> float:
    """Return the lower bound of the weights in an epoch (from 1): rising to one at epoch `imbalance_alpha`."""
    return 0.0 if epoch <= 1 or imbalance_alpha <= 0 else min(epoch / imbalance_alpha, 1.0)


def terms(kind: Loss, probability: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return what each pixel adds to a loss that is a mean over pixels.

    Parameters
    ----------
    kind
        ``bce``: ``-(y ln p + (1 - y) ln(1 - p))``; ``median_bce``: the second part times `weight`; ``mse``:
        ``(p - y)^2``.
    probability, truth
        Of shape (n, 1, h, w); probabilities are kept 1e-7 away from 0 and 1.
    weight
        From `median_weights`, for ``median_bce``.
    """
    if kind == "mse":
        return (probability - truth) ** 2
    p = probability.clamp(_TINY, 1 - _TINY)
    empty = (1 - truth) * torch.log1p(-p)
    return -(truth * torch.log(p) + (empty if weight is None else weight * empty))


def dice(probability: Tensor, truth: Tensor, keep: Tensor) -> Tensor:
    """Return ``1 - (2 sum(p y) + 1) / (sum p + sum y + 1)`` over the pixels that count, all images together."""
    p, y = probability * keep, truth * keep
    return 1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)


def median_weights(reference: Tensor, alpha: float) -> Tensor:
    """Return the weights of pixels without a cosmic ray.

    With M the reference less its median and s = 1.4826 median(|M - median M|) + 1e-7 of each image,
    ``W = clamp(G * (clamp(M, s, min(max M, 5 s)) - s) / max, alpha, 1)``, G a Gaussian of 5x5 pixels and a standard
    deviation of 2; beyond the edge there is nothing.

    Parameters
    ----------
    reference : Tensor, shape (n, 1, h, w)
        Median of the sky-subtracted exposures, in any unit.
    alpha
        From `lower_bound`.
    """
    if alpha >= 1:
        return torch.ones_like(reference)
    m = reference - _median(reference)
    s = _MAD * _median(m.abs()) + _TINY  # its median is 0 now
    top = torch.maximum(torch.minimum(m.amax(dim=(2, 3), keepdim=True), _BRIGHTEST * s), s)
    smooth = _smoothed(torch.minimum(torch.maximum(m, s), top) - s)
    largest = smooth.amax(dim=(2, 3), keepdim=True)
    return (smooth / torch.where(largest > 0, largest, 1)).clamp(alpha, 1)


def _median(images: Tensor) -> Tensor:
    """Median of each image; of an even number of pixels the lower of the middle two."""
    return images.flatten(2).median(dim=2).values[..., None, None]


def _smoothed(images: Tensor) -> Tensor:
    step = torch.arange(-_REACH, _REACH + 1, dtype=images.dtype, device=images.device)
    profile = torch.exp(-0.5 * (step / _SIGMA) ** 2)
    profile = profile / profile.sum()
    rows = functional.conv2d(images, profile.view(1, 1, -1, 1), padding=(_REACH, 0))
    return functional.conv2d(rows, profile.view(1, 1, 1, -1), padding=(0, _REACH))
