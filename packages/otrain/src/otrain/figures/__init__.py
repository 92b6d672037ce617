"""Pictures: curves, galleries of cut-outs, maps of what decided."""

from __future__ import annotations
