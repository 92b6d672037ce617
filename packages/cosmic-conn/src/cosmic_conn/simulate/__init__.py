"""Frames with known cosmic rays: the sky through a telescope, a detector with its faults, and particles through it."""

from __future__ import annotations

from cosmic_conn.simulate.drawing import draw_detector, draw_scene
from cosmic_conn.simulate.frames import Detector, Frame, Scene, expose
from cosmic_conn.simulate.tracks import Particles, shower

__all__ = ["Detector", "Frame", "Particles", "Scene", "draw_detector", "draw_scene", "expose", "shower"]
