"""Features of the cesium library."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from scope.lightcurves.record import LightCurve

CADENCE = (
    "avg_err", "med_err", "std_err", "total_time", "avgt", "cads_std", "mean", "cads_avg", "cads_med",
    "cad_probs_1", "cad_probs_10", "cad_probs_20", "cad_probs_30", "cad_probs_40", "cad_probs_50", "cad_probs_100",
    "cad_probs_500", "cad_probs_1000", "cad_probs_5000", "cad_probs_10000", "cad_probs_50000", "cad_probs_100000",
    "cad_probs_500000", "cad_probs_1000000", "cad_probs_5000000", "cad_probs_10000000", "med_double_to_single_step",
    "avg_double_to_single_step", "std_double_to_single_step", "all_times_nhist_numpeaks", "all_times_nhist_peak_val",
    "all_times_nhist_peak_1_to_2", "all_times_nhist_peak_1_to_3", "all_times_nhist_peak_2_to_3",
    "all_times_nhist_peak_1_to_4", "all_times_nhist_peak_2_to_4", "all_times_nhist_peak_3_to_4",
    "all_times_nhist_peak1_bin", "all_times_nhist_peak2_bin", "all_times_nhist_peak3_bin", "all_times_nhist_peak4_bin",
)  # fmt: skip

GENERAL = (
    "amplitude", "flux_percentile_ratio_mid20", "flux_percentile_ratio_mid35", "flux_percentile_ratio_mid50",
    "flux_percentile_ratio_mid65", "flux_percentile_ratio_mid80", "max_slope", "maximum", "minimum",
    "percent_amplitude", "percent_beyond_1_std", "percent_close_to_median", "percent_difference_flux_percentile",
    "period_fast", "qso_log_chi2_qsonu", "qso_log_chi2nuNULL_chi2nu", "skew", "std",
)  # fmt: skip

NAMES = (*CADENCE, *GENERAL)
"""The features that classifiers were trained on; `skew` keeps the value of the basic statistics."""


def cesium_features(curve: LightCurve, names: Sequence[str] = NAMES) -> dict[str, float]:
    """Return features of a light curve; one that the library cannot compute is NaN."""
    from cesium.featurize import featurize_single_ts
    from cesium.time_series import TimeSeries

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        series = TimeSeries(curve.hjd, curve.mag, curve.magerr)
        try:
            found = featurize_single_ts(series, list(names), raise_exceptions=False)
        except ValueError:  # of the whole curve: its other features are still good
            return dict.fromkeys(names, np.nan)
    return {name: float(found[name].iloc[0] if hasattr(found[name], "iloc") else found[name]) for name in names}
