"""Frames with known cosmic rays: the sky through a telescope, a detector with its faults, and particles through it."""

from __future__ import annotations

from cosmic_conn.simulate.frames import Frame, Scene, draw_scene, expose
from cosmic_conn.simulate.tracks import Particles, shower

__all__ = ["Frame", "Particles", "Scene", "draw_scene", "expose", "shower"]
