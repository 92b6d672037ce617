"""Names, order and types of the columns of a feature table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from scope.features.crossmatch import CATALOGUES, IDENTIFIERS, TEXTS
from scope.features.fourier import NAMES as FOURIER
from scope.kernels.statistics import NAMES as STATISTICS
from scope.periods.search import NESTED

ONES = "Ones"
"""The algorithm of a run without periods: all of them are 1 d."""

INT, FLOAT, TEXT, PICTURE, POINT, TRUTH = "int64", "float64", "string", "picture", "point", "bool"


AGREEMENT_TYPES = {
    "n_agree_pairs": INT, "n_total_pairs": INT, "agree_score": FLOAT, "agree_strict": FLOAT, "agree_weighted": FLOAT,
    "best_agree_period": FLOAT, "best_consensus_period": FLOAT,
}  # fmt: skip
"""Types of the columns of :mod:`scope.periods.agreement`."""

_WHOLE = frozenset({"n_flares", "drw_fit_success"})


def columns(
    algorithms: Sequence[str], top_n: int, *, catalogues: Mapping[str, Sequence[str]] = CATALOGUES,
    cesium: Sequence[str] = (), extras: Sequence[str] = (), named: bool = False, decided: bool = True,
) -> dict[str, str]:  # fmt: skip
    """Return the columns of a table in their order, with their types.

    Parameters
    ----------
    algorithms : sequence of str
        Period algorithms; `ONES` for a run without.
    top_n : int
        Periods listed of every single algorithm, when the decision is not among them and more than one is asked.
    catalogues : mapping of str to sequence of str
        Columns taken from each catalogue.
    cesium : sequence of str
        Features of the cesium library that follow.
    extras : sequence of str
        Features of damped random walks and flares that follow these.
    named : bool
        Sources have names of Fritz.
    decided : bool
        The nested period is our decision, whose columns come last.

    Returns
    -------
    dict of str to str
        Types `INT`, `FLOAT`, `TEXT`, `PICTURE` (26 rows of 26 numbers), `POINT` (GeoJSON) or `TRUTH`; integers and
        texts may be missing.
    """
    out = {"_id": INT, "radec_geojson": POINT} | ({"fritz_name": TEXT} if named else {}) | {"ra": FLOAT, "dec": FLOAT}
    out |= dict.fromkeys(("field", "ccd", "quad", "filter"), INT)
    out |= dict.fromkeys(STATISTICS, FLOAT)
    for name in algorithms:
        out |= {f"{column}_{name}": FLOAT for column in ("period", "significance", "pdot", *FOURIER)}
    if top_n > 1 and NESTED not in algorithms and ONES not in algorithms:
        for name in algorithms:
            for rank in range(1, top_n + 1):
                out |= {f"period_{rank}_{name}": FLOAT, f"significance_{rank}_{name}": FLOAT}
        out |= AGREEMENT_TYPES
    out |= {"dmdt": PICTURE, "n_ztf_alerts": INT, "mean_ztf_alert_braai": FLOAT}
    for catalogue, names in catalogues.items():
        kinds = [INT if n in IDENTIFIERS else TEXT if n in TEXTS else FLOAT for n in names]
        out |= {f"{catalogue}__{name}": kind for name, kind in zip(names, kinds, strict=True)}
    out |= {name: FLOAT for name in cesium if name not in out}
    out |= {name: INT if name in _WHOLE else FLOAT for name in extras}
    if NESTED in algorithms and decided:
        out |= {"periodic": TRUTH}
        out |= dict.fromkeys(("fap", "period_merit", "period_trend_merit", "period_alias", "period_alias_merit"), FLOAT)
        out |= {"n_bands": INT}
    return out
