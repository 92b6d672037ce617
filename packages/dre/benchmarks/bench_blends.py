"""Pairs and threes of GalSim galaxies close together: radii before and after the neighbours are taken out.

    python bench_blends.py [PYTHON of an environment with GalSim 2.8.5]

The galaxies of a group have n 0.5-4, q 0.5-1, one r_e of 3-6 px and fluxes of 4e4 to 1e5 counts; they are found, told
apart and masked by the embedded detection. Groups in which it does not find all are counted and left out. Seeds are
fixed.
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

#: What is drawn: how many groups, distance in r_e, places of the members in units of that distance.
GROUPS = {
    "pairs at 2 r_e": (150, 2.0, ((0.0, 0.0), (1.0, 0.0))),
    "threes at 2.5 r_e": (80, 2.5, ((0.0, 0.0), (1.0, 0.0), (0.5, 0.87))),
}


def main() -> None:
    rng, verdict = np.random.default_rng(31), Verdict()
    for title, (count, distance, places) in GROUPS.items():
        group(title, count, distance, places, rng, verdict)
    verdict.end()


def group(
    title: str, count: int, distance: float, places: tuple[tuple[float, float], ...], rng: np.random.Generator,
    verdict: Verdict,
) -> None:  # fmt: skip
    size = len(places)
    n, q = np.exp(rng.uniform(np.log(0.5), np.log(4), size * count)), rng.uniform(0.5, 1, size * count)
    angle = rng.uniform(0, 180, size * count)
    r_e = np.repeat(rng.uniform(3, 6, count), size)
    flux, zero = 10 ** rng.uniform(4.6, 5, size * count), np.zeros(size * count)
    pictures, psf = drawn(np.column_stack([n, r_e, q, angle, flux, zero, zero]))
    tool = Fitter(SearchGrid.build(SEARCH, psf), psf, GAIN)
    before, after, errors, lost = [], [], [], 0
    for k in range(0, size * count, size):
        shifts = np.round(np.array(places) * distance * r_e[k]).astype(int)
        stamps = cuts(pictures[k : k + size], shifts, rng)
        if stamps is None:
            lost += 1
            continue
        by_name = {stamp.name: stamp for stamp in stamps}
        first = list(fit_profiles(stamps, tool))
        second = deblended(first, lambda names, by_name=by_name: (by_name[name] for name in names), tool)
        before += [one.estimate.values[0] - np.log10(r_e[k]) for one in first]
        after += [one.estimate.values[0] - np.log10(r_e[k]) for one in second]
        errors += [one.estimate.errors[0] for one in second]
    print(f"{count} {title}, {lost} of them not found as {size} sources and left out; log10 r_e, fit minus truth [dex]")
    report(np.array(before), np.array(after), np.array(errors), verdict)


def cuts(pictures: np.ndarray, shifts: np.ndarray, rng: np.random.Generator) -> list[Stamp] | None:
    """Put pictures on one image, detect, and cut; None where the sources are not found at their places."""
    image = np.zeros((BOX + shifts[:, 1].max(), BOX + shifts[:, 0].max()))
    for picture, (x, y) in zip(pictures, shifts, strict=True):
        image[y : y + BOX, x : x + BOX] += picture
    image = np.pad(image, 40)
    image += rng.normal(size=image.shape) * np.sqrt(np.maximum(image, 0) / GAIN + RMS**2)
    settings = parse("BACK_SIZE 256", DETECTION)
    found = detect(image.astype(np.float32), settings)
    table = measure(found, settings).table
    stamps = []
    for middle_x, middle_y in 40 + (BOX - 1) / 2 + shifts:
        distance = np.hypot(table["X_IMAGE"] - 1 - middle_x, table["Y_IMAGE"] - 1 - middle_y)
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
    return stamps if len({one.number for one in stamps}) == len(stamps) else None


def report(before: np.ndarray, after: np.ndarray, errors: np.ndarray, verdict: Verdict) -> None:
    print(f"  neighbours masked:    median {np.median(before):+.4f}, scatter {mad(before):.4f}")
    print(f"  neighbours taken out: median {np.median(after):+.4f}, scatter {mad(after):.4f}")
    inside = [100 * float(np.mean(np.abs(after) < width * errors)) for width in (1, 1.96)]
    print(f"  per cent of the truths within 1 and 1.96 standard errors: {inside[0]:.0f}, {inside[1]:.0f}")
    verdict.row("  |median|, neighbours taken out", abs(float(np.median(after))), -np.inf, 0.02)
    verdict.row("  more than 0.15 dex off [fraction]", float(np.mean(np.abs(after) > 0.15)), -np.inf, 0.03)


if __name__ == "__main__":
    main()
