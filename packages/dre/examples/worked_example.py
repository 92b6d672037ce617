"""dre from Python, step by step: from an image to a table of profiles, and one fit looked at closely.

    python worked_example.py [OUTPUT]

The same steps as the commands take, on a small simulated tile: sources, PSF, cuts, fits, table, picture.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from dre import (
    SEARCH,
    Fitter,
    NoiseCorrelation,
    PSFModel,
    SearchGrid,
    Selection,
    cut,
    detect,
    figures,
    fit_profiles,
    measure,
    mosaic_panels,
    profile_table,
    simulate_tile,
)  # fmt: skip
from dre.config import DETECTION, parse
from dre.simulate import Recipe


def main(output: Path) -> None:
    """Run all steps; print the table, and write a picture of three fits."""
    # 1. An image: pixels in ADU, gain 1 e-/ADU, and what is truly on it.
    sky = simulate_tile(Recipe(size=420, galaxies=6, stars=10, index=2.0), np.random.default_rng(5))

    # 2. Sources, and cuts of 128 x 128 pixels around the galaxies.
    settings = parse("BACK_SIZE 64", DETECTION)
    found = detect(sky.image, settings)
    sources = measure(found, settings).table
    sources["EXT_NUMBER"] = 0
    kept = sources[Selection(margin=65).rows(sources, sky.image.shape)]
    planes = sky.image, found.subtracted, found.segmentation, found.rms
    stamps = [stamp for source in kept if (stamp := cut(source, *planes)) is not None]

    # 3. What all fits share: PSF (here known), models through it, gain, correlation of the noise.
    psf = PSFModel(sky.psf[None], clip=False)
    fitter = Fitter(SearchGrid.build(SEARCH, psf), psf, gain=1.0, noise=NoiseCorrelation.measured(stamps))

    # 4. Fits, and their table: radii, axis ratios, angles, indices, fluxes, with errors and units.
    fits = list(fit_profiles(stamps, fitter, workers=2))
    table = profile_table(fits, zero_points={0: 25.0})
    columns = ["NUMBER", "R_E", "R_E_ERR", "INDEX", "INDEX_ERR", "AX_RATIO", "ANGLE", "MAG", "SN", "FIT_FLAG"]
    table[columns].pprint(max_width=-1)

    # 5. One of them: how its errors go together.
    one = max(fits, key=lambda fit: fit.sn)
    print(f"object {one.number}: radius and index are correlated by {one.estimate.correlations[0, 3]:.2f}")

    # 6. Data, model and residual of the first three.
    rows = [
        mosaic_panels(stamp.obj, stamp.mask, fitter.renderer(stamp).image(fit.profile) + fit.sky)
        for stamp, fit in zip(stamps[:3], fits[:3], strict=True)
    ]
    titles = [f"{fit.number}: r_e {fit.profile.r_e:.2f} px" for fit in fits[:3]]
    output.mkdir(parents=True, exist_ok=True)
    figures.save(figures.fit_sheet(rows, titles, crop=64), output / "worked_example.png")
    table[columns].write(output / "worked_example.ecsv", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "worked-example"))
