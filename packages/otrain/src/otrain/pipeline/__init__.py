"""The steps: from files to files."""

from __future__ import annotations
