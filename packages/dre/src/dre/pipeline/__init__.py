"""The four steps over whole folders: sextract, model the PSF, cut, fit.  One function a step, one unit an image."""
