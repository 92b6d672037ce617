"""How good a network is on samples that it does not learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from cosmic_conn.network import UNet, folded
from cosmic_conn.training.samples import Sample

__all__ = ["Check", "check"]

_PURE = 0.99


@dataclass(frozen=True)
class Check:
    """Scores over all pixels that count.

    Attributes
    ----------
    valid_loss
        Mean binary cross-entropy.
    recall, purity
        At a probability of 0.5.
    recall_pure, threshold
        Recall at a purity of 0.99, and the probability where that is.
    """

    valid_loss: float
    recall: float
    purity: float
    recall_pure: float
    threshold: float

    def to_dict(self) -> dict[str, float]:
        """Return the numbers, rounded."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


@torch.inference_mode()
def check(network: UNet, samples: Sequence[Sample]) -> Check:
    """Score a network; it is not changed."""
    ready = folded(network)
    pairs = []
    for sample in samples:
        found = torch.sigmoid(ready(torch.from_numpy(np.ascontiguousarray(sample.shown))[None, None]))[0, 0].numpy()
        counts = sample.weight > 0
        pairs.append((found[counts], sample.answer[counts]))
    found, answer = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    order = np.argsort(found)[::-1]
    right = np.cumsum(answer[order])
    purity = right / np.arange(1, len(order) + 1)
    last = int(np.flatnonzero(purity >= _PURE)[-1]) if (purity >= _PURE).any() else 0
    flagged = int((found > 0.5).sum())
    total = max(float(answer.sum()), 1.0)
    hit = right[max(flagged - 1, 0)] if flagged else 0.0
    safe = np.clip(found, 1e-7, 1 - 1e-7)
    loss = -np.mean(np.where(answer > 0, np.log(safe), np.log1p(-safe)))
    return Check(
        float(loss),
        float(hit / total),
        float(hit / max(flagged, 1)),
        float(right[last] / total),
        float(found[order[last]]),
    )
