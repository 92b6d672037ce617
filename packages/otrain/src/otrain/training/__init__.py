"""Training with Keras 3: the network, the loop, the ensemble.  Only here is a framework imported, and only when used."""

from __future__ import annotations
