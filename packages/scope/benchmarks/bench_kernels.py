"""Time of the periodograms and features beside other codes, on one core.

    python bench_kernels.py

Each number is the best of five runs of process time; compilation (once, then cached) is stated apart. Peers run where
they are installed: astropy always, nifty-ls if it is there. The references are the obvious NumPy forms.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import numpy as np

from scope.features.assembly import shapiro
from scope.features.dmdt import dmdt
from scope.features.fourier import fourier_features
from scope.kernels.aov import aov
from scope.kernels.box import box
from scope.kernels.entropy import entropy
from scope.kernels.harmonics import harmonics
from scope.kernels.lomb_scargle import lomb_scargle
from scope.kernels.statistics import basic_statistics

NF = 100_000


def best(work: Callable[[], object], runs: int = 5) -> float:
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def star(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    t = np.sort(rng.choice(1826, n, replace=False)) + rng.uniform(0.2, 0.4, n)
    err = rng.uniform(0.03, 0.08, n)
    return t - t[0], 16 + 0.3 * np.sin(2 * np.pi * t / 0.5678) + rng.normal(0, err), err


def numpy_aov(t: np.ndarray, mag: np.ndarray, w: np.ndarray, f: np.ndarray, bins: int) -> np.ndarray:
    out = np.empty(len(f))
    y = mag - np.average(mag, weights=w)
    for k, frequency in enumerate(f):
        where = (((t * frequency) % 1) * bins).astype(int)
        s, d = np.bincount(where, w, bins), np.bincount(where, w * y, bins)
        out[k] = (d[s > 0] ** 2 / s[s > 0]).sum()
    return out / (w * y**2).sum()


def main() -> None:
    started = time.perf_counter()
    for n in (50, 100):
        work(*star(n))
    print(f"compilation or its cache: {time.perf_counter() - started:.1f} s")
    print(f"\n{'ns per frequency and point':32} {'N=100':>8} {'N=300':>8} {'N=1000':>8}")
    rows: dict[str, list[float]] = {}
    for n in (100, 300, 1000):
        for name, seconds, nf in work(*star(n)):
            rows.setdefault(name, []).append(seconds / nf / n * 1e9)
    for name, row in rows.items():
        print(f"{name:32} " + " ".join(f"{value:8.3f}" for value in row))
    print(f"\n{'us per source':32} {'N=100':>8} {'N=300':>8} {'N=1000':>8}")
    parts: dict[str, list[float]] = {}
    for n in (100, 300, 1000):
        for name, seconds in features(*star(n)):
            parts.setdefault(name, []).append(seconds * 1e6)
    for name, row in parts.items():
        print(f"{name:32} " + " ".join(f"{value:8.0f}" for value in row))


def work(t: np.ndarray, mag: np.ndarray, err: np.ndarray) -> list[tuple[str, float, int]]:
    from astropy.timeseries import LombScargle

    w, fmin, df = 1 / err**2, 2.0, 1 / (10 * t[-1])
    out = [
        ("scope LS (weights, floating mean)", best(lambda: lomb_scargle(t, mag, w, fmin, df, NF)), NF),
        ("scope CE 20 x 10", best(lambda: entropy(t, mag, fmin, df, NF, 20, 10)), NF),
        ("scope AOV 20 (weights)", best(lambda: aov(t, mag, w, fmin, df, NF, 20)), NF),
        ("scope AOV 40 (weights)", best(lambda: aov(t, mag, w, fmin, df, NF, 40)), NF),
        ("scope BLS 50", best(lambda: box(t, mag, w, fmin, df, NF // 4, 50, 0.01, 0.5)), NF // 4),
        ("scope MHF 3 harmonics", best(lambda: harmonics(t, mag, w, fmin, df, NF // 4, 3)), NF // 4),
        ("NumPy AOV 20", best(lambda: numpy_aov(t, mag, w, fmin + df * np.arange(500), 20), 2), 500),
    ]
    peer = LombScargle(t, mag, err)
    fast = {"assume_regular_frequency": True, "method": "fast"}
    out.append(("astropy LS fast", best(lambda: peer.power(fmin + df * np.arange(NF), **fast), 2), NF))
    if find_spec("nifty_ls"):
        peer_of_nufft = import_module("nifty_ls").lombscargle
        bounds = {"fmin": fmin, "fmax": fmin + df * NF, "Nf": NF}
        out.append(("nifty-ls LS", best(lambda: peer_of_nufft(t, mag, err, **bounds)), NF))
    return out


def features(t: np.ndarray, mag: np.ndarray, err: np.ndarray) -> list[tuple[str, float]]:
    coefficients = shapiro(len(t))
    repeat = range(50)
    out = [
        ("22 statistics", best(lambda: [basic_statistics(t, mag, err, coefficients) for _ in repeat]) / 50),
        ("Fourier features, one period", best(lambda: [fourier_features(t, mag, err, 0.5678) for _ in repeat]) / 50),
        ("dm-dt picture", best(lambda: [dmdt(t, mag) for _ in repeat]) / 50),
    ]
    out.append(("all of them, four periods", out[0][1] + 4 * out[1][1] + out[2][1]))
    return out


if __name__ == "__main__":
    main()
