#!/usr/bin/env bash
# Labels the cosmic rays in data/demo_data, with the settings of the LCO data set (Xu et al. 2023, ApJ 942, 73).
# Run it in a folder with data/demo_data in it; where there is none, a simulated night is made there first.
set -euo pipefail

data="${1:-data/demo_data}"
if [ ! -d "$data" ]; then
    cosmic-conn simulate night "$data" --aligned
fi

# --data           path to the data
# --snr_thres      threshold to detect cosmic rays, in sigma
# --snr_thres_low  lower threshold, for their edges
# --dilation       how far the edges may be from the core
# --min_exptime    shorter exposures are not used
# --min_cr_size    2 leaves isolated hot pixels out
# --cpus           processes
# --aligned        phase one is done
# --no_png         no previews
# --comment        a part of the names of the previews
python -m cosmic_conn.reduce_cr \
    --data "$data" \
    --snr_thres 5 \
    --snr_thres_low 2.5 \
    --dilation 5 \
    --min_exptime 99. \
    --min_cr_size 2 \
    --cpus 8 \
    --aligned \
    --no_png \
    --comment dilation5-SNR5-2.5
