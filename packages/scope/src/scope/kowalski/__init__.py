"""Kowalski, the archive of ZTF light curves, alerts and catalogues, as a source of a quadrant's features."""
