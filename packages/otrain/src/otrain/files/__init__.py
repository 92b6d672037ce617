"""Files <-> cut-outs, cubes, models and tables.  Names of keywords, columns and keys are written down here."""

from __future__ import annotations
