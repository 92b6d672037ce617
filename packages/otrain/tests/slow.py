"""The obvious, slow twins of fast kernels."""

from __future__ import annotations

import numpy as np


def robust(cube: np.ndarray) -> np.ndarray:
    out = np.zeros((*cube.shape[:3], cube.shape[3] + 1))
    for k, cut in enumerate(cube):
        for plane in range(cut.shape[2]):
            values = cut[..., plane].astype(float)
            good = np.isfinite(values)
            if good.any():
                middle = np.median(values[good])
                spread = 1.4826 * np.median(np.abs(values[good] - middle)) or values[good].std() or 1.0
                out[k, ..., plane] = np.where(
                    good, 0.5 * np.arcsinh((np.where(good, values, middle) - middle) / spread), 0
                )
            out[k, ..., -1] += ~good / cut.shape[2]
    return out


def conv(x: np.ndarray, weights: np.ndarray, bias: np.ndarray, stride: int, padding: str) -> np.ndarray:
    ky, kx, _, filters = weights.shape
    n, ny, nx, _ = x.shape
    if padding == "same":
        my, mx = -(-ny // stride), -(-nx // stride)
        top, left = (max((m - 1) * stride + k - size, 0) // 2 for m, k, size in ((my, ky, ny), (mx, kx, nx)))
    else:
        my, mx, top, left = (ny - ky) // stride + 1, (nx - kx) // stride + 1, 0, 0
    out = np.zeros((n, my, mx, filters))
    for i in range(my):
        for j in range(mx):
            for a in range(ky):
                for b in range(kx):
                    y, z = i * stride + a - top, j * stride + b - left
                    if 0 <= y < ny and 0 <= z < nx:
                        out[:, i, j] += x[:, y, z] @ weights[a, b]
    return out + bias


def auc(truth: np.ndarray, score: np.ndarray) -> float:
    pairs = [(a > b) + 0.5 * (a == b) for a in score[truth] for b in score[~truth]]
    return float(np.mean(pairs))
