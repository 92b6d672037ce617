"""Pairs of GalSim galaxies two half-light radii apart: radii before and after the neighbour is taken out.

    python bench_blends.py [PYTHON of an environment with GalSim 2.8.5]

Both galaxies of a pair have n 0.5-4, q 0.5-1, r_e 3-6 px and fluxes of 4e4 to 1e5 counts; they are found, told apart
and masked by the embedded detection. Pairs that it takes for one source are counted and left out. Seeds are fixed.
"""

from __future__ import annotations

import numpy as np
from truth import BOX, GAIN, RMS, Verdict, drawn, mad

from dre import SEARCH, Fitter, SearchGrid, Stamp, fit_profiles
from dre.blends import deblended
from dre.config import DETECTION, parse
from dre.cutouts import clean_mask, neighbour_map
from dre.extract.detect import detect
from dre.extract.measure import measure

PAIRS = 150


def main() -> None:
    rng = np.random.default_rng(31)
    n, q = np.exp(rng.uniform(np.log(0.5), np.log(4), 2 * PAIRS)), rng.uniform(0.5, 1, 2 * PAIRS)
    angle = rng.uniform(0, 180, 2 * PAIRS)
    r_e = np.repeat(rng.uniform(3, 6, PAIRS), 2)
    flux, zero = 10 ** rng.uniform(4.6, 5, 2 * PAIRS), np.zeros(2 * PAIRS)
    truth = np.column_stack([n, r_e, q, angle, flux, zero, zero])
    pictures, psf = drawn(truth)
    tool = Fitter(SearchGrid.build(SEARCH, psf), psf, GAIN)
    before, after, lost = [], [], 0
    for k in range(PAIRS):
        stamps = cuts(pictures[2 * k], pictures[2 * k + 1], 2 * r_e[2 * k], rng)
        if stamps is None:
            lost += 1
            continue
        by_name = {stamp.name: stamp for stamp in stamps}
        first = list(fit_profiles(stamps, tool))
        second = deblended(first, lambda names, by_name=by_name: (by_name[name] for name in names), tool)
        before += [one.estimate.values[0] - np.log10(r_e[2 * k]) for one in first]
        after += [one.estimate.values[0] - np.log10(r_e[2 * k]) for one in second]
    report(np.array(before), np.array(after), lost)


def cuts(left: np.ndarray, right: np.ndarray, separation: float, rng: np.random.Generator) -> list[Stamp] | None:
    """Put two pictures on one image, detect, and cut; None where two sources are not found at the two places."""
    shift = round(separation)
    image = np.zeros((BOX, BOX + shift))
    image[:, :BOX] += left
    image[:, shift:] += right
    image = np.pad(image, 40)
    image += rng.normal(size=image.shape) * np.sqrt(np.maximum(image, 0) / GAIN + RMS**2)
    settings = parse("BACK_SIZE 256", DETECTION)
    found = detect(image.astype(np.float32), settings)
    table = measure(found, settings).table
    stamps = []
    for middle in (40 + (BOX - 1) / 2, 40 + (BOX - 1) / 2 + shift):
        distance = np.hypot(table["X_IMAGE"] - 1 - middle, table["Y_IMAGE"] - 1 - 40 - (BOX - 1) / 2)
        k = int(np.argmin(distance))
        if distance[k] > 3:
            return None
        number, x, y = int(table["NUMBER"][k]), float(table["X_IMAGE"][k]), float(table["Y_IMAGE"][k])
        column, row = int(np.ceil(x - 1 - BOX / 2)), int(np.ceil(y - 1 - BOX / 2))
        place = np.s_[row : row + BOX, column : column + BOX]
        segments = found.segmentation[place]
        stamps.append(
            Stamp(
                f"00_{number:04d}", image[place].astype(np.float32), clean_mask(segments, number),
                np.full((BOX, BOX), RMS, np.float32), 0, number, x, y, neighbour_map(segments, number),
            )
        )  # fmt: skip
    return stamps if stamps[0].number != stamps[1].number else None


def report(before: np.ndarray, after: np.ndarray, lost: int) -> None:
    verdict = Verdict()
    print(f"{PAIRS} pairs at 2 r_e, {lost} of them found as one source; log10 r_e, fit minus truth [dex]")
    print(f"  neighbour masked:    median {np.median(before):+.4f}, scatter {mad(before):.4f}")
    print(f"  neighbour taken out: median {np.median(after):+.4f}, scatter {mad(after):.4f}")
    verdict.row("  |median|, neighbour taken out", abs(float(np.median(after))), -np.inf, 0.02)
    verdict.row("  more than 0.15 dex off [fraction]", float(np.mean(np.abs(after) > 0.15)), -np.inf, 0.03)
    verdict.end()


if __name__ == "__main__":
    main()
