"""The embedded default for machines without SExtractor and PSFEx: detection, measurement, star/galaxy measure, PSF."""
