"""A model file -> something that scores."""

from __future__ import annotations

import os
from pathlib import Path

from otrain.files.models import read_model
from otrain.inference import Classifier
from otrain.model import Decision

__all__ = ["load"]


def load(path: str | os.PathLike[str], decision: Decision | None = None, *, threads: int = 1) -> Classifier:
    """Return the classifier of a model file.

    Parameters
    ----------
    path : path
        ``NAME.h5``, from ``otrain-train`` or ``otrain import``.
    decision : Decision, optional
        Threshold, target rate and mixture of classes.
    threads : int
        To score with.
    """
    return Classifier(read_model(Path(path)), decision, threads=threads)
