"""Training with Keras 3. Only here is a framework imported, and only when it is used."""

from __future__ import annotations
