"""Names, order and types of the columns of a feature table."""

from __future__ import annotations

from collections.abc import Sequence

from scope.features.crossmatch import CATALOGUES, IDENTIFIERS, TEXTS
from scope.features.fourier import NAMES as FOURIER
from scope.kernels.statistics import NAMES as STATISTICS
from scope.periods.search import NESTED

ONES = "Ones"
"""The algorithm of a run without periods: all of them are 1 d."""

INT, FLOAT, TEXT, PICTURE, POINT, TRUTH = "int64", "float64", "string", "picture", "point", "bool"


def columns(algorithms: Sequence[str], top_n: int, *, cesium: Sequence[str] = ()) -> dict[str, str]:
    """Return the columns of a table in their order, with their types.

    Parameters
    ----------
    algorithms : sequence of str
        Period algorithms; `ONES` for a run without.
    top_n : int
        Periods listed of every single algorithm, when the decision is not among them and more than one is asked.
    cesium : sequence of str
        Features of the cesium library that follow.

    Returns
    -------
    dict of str to str
        Types `INT`, `FLOAT`, `TEXT`, `PICTURE` (26 rows of 26 numbers), `POINT` (GeoJSON) or `TRUTH`; integers and
        texts may be missing.
    """
    out = {"_id": INT, "radec_geojson": POINT, "ra": FLOAT, "dec": FLOAT}
    out |= dict.fromkeys(("field", "ccd", "quad", "filter"), INT)
    out |= dict.fromkeys(STATISTICS, FLOAT)
    for name in algorithms:
        out |= {f"{column}_{name}": FLOAT for column in ("period", "significance", "pdot", *FOURIER)}
    if top_n > 1 and NESTED not in algorithms and ONES not in algorithms:
        for name in algorithms:
            for rank in range(1, top_n + 1):
                out |= {f"period_{rank}_{name}": FLOAT, f"significance_{rank}_{name}": FLOAT}
    out |= {"dmdt": PICTURE, "n_ztf_alerts": INT, "mean_ztf_alert_braai": FLOAT}
    for catalogue, names in CATALOGUES.items():
        kinds = [INT if n in IDENTIFIERS else TEXT if n in TEXTS else FLOAT for n in names]
        out |= {f"{catalogue}__{name}": kind for name, kind in zip(names, kinds, strict=True)}
    out |= {name: FLOAT for name in cesium if name not in out}
    if NESTED in algorithms:
        out |= {"periodic": TRUTH, "period_merit": FLOAT, "period_trend_merit": FLOAT, "n_bands": INT}
    return out
