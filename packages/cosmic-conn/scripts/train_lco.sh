#!/bin/sh
# Train a ground-imaging model on masked LCO sequences: the settings of Cosmic-CoNN's script of this name.
# Further options replace these: scripts/train_lco.sh --data night1 --epoch 2 --crop 256
set -eu
exec python -m cosmic_conn.train \
    --data data \
    --model lco \
    --comment lco \
    --max_train_size 70 \
    --loss median_bce \
    --imbalance_alpha 100 \
    --norm group \
    --n_group 8 \
    --hidden 32 \
    --crop 1024 \
    --batch 10 \
    --lr 0.001 \
    --epoch 30000 \
    --milestones 30000 \
    --validate_freq 10 \
    "$@"
