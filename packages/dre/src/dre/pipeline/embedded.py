"""The embedded extractor on one file: every 2-D extension, products as SExtractor would write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from shared_io import fits

from dre.config import Settings
from dre.extract.detect import Detections, detect
from dre.extract.measure import Measurement, measure
from dre.files import images
from dre.files.catalogue import write_ldac

if TYPE_CHECKING:
    from astropy.io.fits import Header
    from shared_io.fits import Image
    from shared_io.provenance import Provenance

    from dre.pipeline.extraction import Job


def extract_file(job: Job, settings: Settings, kernel: np.ndarray | None, provenance: Provenance) -> str:
    """Extract the sources of one image file and write its four products; return a summary."""
    frames = images.read_extensions(job.measurement)
    shapes = [frame.data.shape for frame in frames]
    detection = frames if job.detection == job.measurement else images.read_matching(job.detection, shapes)
    weights = [[frame.data for frame in images.read_matching(path, shapes)] for path in job.weights]
    flag_maps = [frame.data for frame in images.read_matching(job.flags, shapes)] if job.flags else None
    found, measured, heads = [], [], []
    for k, frame in enumerate(frames):
        own = _with_header(settings, frame, job)
        first = detect(detection[k].data, own, weight=weights[0][k] if weights else None, kernel=kernel)
        second = None
        if detection is not frames:
            second = detect(frame.data, own, weight=weights[-1][k] if weights else None, kernel=kernel)
        result = measure(first, own, measured=second, image_flags=flag_maps[k] if flag_maps else None)
        if len(frames) > 1:
            result.table["EXT_NUMBER"] = np.full(len(result.table), k + 1, np.int16)
        found.append((first, second or first))
        measured.append(result)
        heads.append(_head(frame, second or first, own))
    _write(job, frames, found, measured, heads, provenance)
    return f"{sum(len(one.table) for one in measured)} sources"


def _with_header(settings: Settings, frame: Image, job: Job) -> Settings:
    """Let the header's gain and saturation level win over the configuration, as in SExtractor, but not over options."""
    for key, card in (("GAIN", settings.text("GAIN_KEY")), ("SATUR_LEVEL", settings.text("SATUR_KEY"))):
        value = frame.header.get(card)
        if key not in job.overrides and isinstance(value, int | float) and value > 0:
            settings = settings.replaced(**{key: value})
    return settings


def _head(frame: Image, found: Detections, settings: Settings) -> Header:
    """Return the image header with the cards that PSFEx asks of a catalogue."""
    with fits.quiet():
        header = frame.header.copy()
    for key in ("CHECKSUM", "DATASUM"):
        header.remove(key, ignore_missing=True)
    header["SEXBKGND"] = (float(np.median(found.background)), "[adu] median background")
    header["SEXBKDEV"] = (float(np.median(found.rms)), "[adu] median background noise")
    header["SEXGAIN"] = (settings.number("GAIN"), "[e-/adu] gain used")
    header["SEXMGZPT"] = (settings.number("MAG_ZEROPOINT"), "[mag] zero point used")
    header["SEXSATLV"] = (settings.number("SATUR_LEVEL"), "[adu] saturation level used")
    return header


def _write(
    job: Job,
    frames: list[Image],
    found: list[tuple[Detections, Detections]],
    measured: list[Measurement],
    heads: list[Header],
    provenance: Provenance,
) -> None:
    from astropy.io import fits as afits

    planes = {
        job.target.subtracted: [second.subtracted for _, second in found],
        job.target.rms: [second.rms for _, second in found],
        job.target.segmentation: [first.segmentation for first, _ in found],
    }
    for path, arrays in planes.items():
        hdus: list = [afits.PrimaryHDU(arrays[0], _sky_cards(frames[0]))]
        if len(arrays) > 1:
            hdus = [afits.PrimaryHDU()]
            hdus += [afits.ImageHDU(a, _sky_cards(f)) for a, f in zip(arrays, frames, strict=True)]
        fits.write(path, hdus, overwrite=True, provenance=provenance)
    tables = [one.table for one in measured]
    for one, table in zip(measured, tables, strict=True):
        table.meta["STARRAD"] = (one.locus.radius, "[pixel] half-light radius of a star")
        table.meta["STARNUM"] = (one.locus.stars, "stars on the locus; 0: from SEEING_FWHM")
    write_ldac(job.target.catalogue, tables, heads, overwrite=True, provenance=provenance)


def _sky_cards(frame: Image) -> Header:
    """Return the world-coordinate and name cards of an image, which hold for its check images too."""
    from astropy.io import fits as afits

    cards = afits.Header()
    for key in ("OBJECT", "FILTER", "EXPTIME", "EXTNAME"):
        if key in frame.header:
            cards[key] = frame.header[key]
    system = images.system_of(frame.header, frame.path.name if frame.path else "image")
    if system is not None:
        cards.update(system.to_header(relax=True))
    return cards
