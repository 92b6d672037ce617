"""Our profiles through a PSF beside GalSim's: largest difference in units of the peak.

    python bench_convolved.py [PYTHON of an environment with GalSim 2.8.5]

n 0.5-6.2, r_e 0.5-20 px, q 0.1-1, Moffat PSF of FWHM 3 px with the pixel, sampled at whole pixels for us.
"""

from __future__ import annotations

import numpy as np
from truth import BOX, Verdict, drawn

from dre import Profile, Renderer

CASES = [
    (n, r_e, q, angle)
    for n in (0.5, 1.0, 2.0, 4.0, 6.2)
    for r_e in (0.5, 1.0, 2.5, 6.0, 20.0)
    for q, angle in ((1.0, 0.0), (0.5, 30.0), (0.1, 60.0))
]


def main() -> None:
    verdict = Verdict()
    theirs, psf = drawn(np.array([(*case, 1.0, 0.2, -0.3) for case in CASES]))
    renderer = Renderer.through(psf, BOX)
    differences = []
    for (n, r_e, q, angle), picture in zip(CASES, theirs, strict=True):
        ours = renderer.image(Profile(r_e, q, angle, n, 1.0, 0.2, -0.3))
        differences.append(np.abs(ours - picture).max() / picture.max())
    for name, k in (("n", 0), ("r_e", 1), ("q", 2)):
        for value in sorted({case[k] for case in CASES}):
            own = [d for d, case in zip(differences, CASES, strict=True) if case[k] == value]
            print(f"  {name} = {value:g}: largest {max(own):.1e}, median {np.median(own):.1e}")
    verdict.row(f"{len(CASES)} pictures: largest difference / peak", max(differences), -np.inf, 1e-3)
    verdict.end()


if __name__ == "__main__":
    main()
