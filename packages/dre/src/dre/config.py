"""Configuration: the working folder's layout, and the settings shared by SExtractor, PSFEx and the embedded default.

The two programs are configured by plain ``KEY value # comment`` files.  The embedded default (:mod:`dre.extract`)
obeys the same keys, so one ``default.sex`` and one ``default.psfex`` serve both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FOLDERS = {
    "tiles": "Tiles",
    "sextracted": "Sextracted",
    "psf": "PSF",
    "cuts": "Cuts",
    "chi": "Chi",
    "summary": "Summary",
    "mosaics": "Mosaics",
    "report": "Report",
}
"""Default folder of each product in a working folder."""

STAMP_SIZE = 128
"""Side of a cut [pixel]; the centre lies on the corner between pixels 63 and 64 (0-based)."""

# key: (value, comment); the order is the order of the written file.
DETECTION: dict[str, tuple[str, str]] = {
    "CATALOG_NAME": ("test.cat", "replaced by sex_dre"),
    "CATALOG_TYPE": ("FITS_LDAC", "PSFEx and make_cuts read LDAC"),
    "PARAMETERS_NAME": ("sex_source/default.param", "columns of the catalogue"),
    "DETECT_TYPE": ("CCD", "linear detector"),
    "DETECT_MINAREA": ("5", "fewest connected pixels of a source [pixel]"),
    "DETECT_THRESH": ("1.5", "detection threshold [background rms]"),
    "ANALYSIS_THRESH": ("1.5", "threshold of the isophotal measurements [background rms]"),
    "FILTER": ("Y", "convolve before detection"),
    "FILTER_NAME": ("default.conv", "read from the installed SExtractor"),
    "DEBLEND_NTHRESH": ("32", "deblending sub-thresholds"),
    "DEBLEND_MINCONT": ("0.005", "contrast at which a branch is a source of its own [fraction of flux]"),
    "CLEAN": ("Y", "remove detections in the wings of brighter sources"),
    "CLEAN_PARAM": ("1.0", "Moffat beta assumed for those wings"),
    "WEIGHT_TYPE": ("NONE", "sex_dre --weights turns NONE into MAP_WEIGHT"),
    "PHOT_APERTURES": ("12", "diameter of FLUX_APER [pixel]"),
    "PHOT_AUTOPARAMS": ("2.5,3.5", "Kron factor, smallest radius [Kron radii]"),
    "SATUR_LEVEL": ("50000.0", "saturation [ADU]"),
    "SATUR_KEY": ("SATURATE", "header keyword that overrides SATUR_LEVEL"),
    "MAG_ZEROPOINT": ("25.0", "magnitude of 1 ADU [mag]"),
    "GAIN": ("0.0", "detector gain [e-/ADU]; 0: no photon noise in the errors"),
    "GAIN_KEY": ("GAIN", "header keyword that overrides GAIN"),
    "PIXEL_SCALE": ("1.0", "with 1.0, SEEING_FWHM is in pixels [arcsec]"),
    "SEEING_FWHM": ("3.0", "FWHM of stars, for CLASS_STAR [arcsec]"),
    "STARNNW_NAME": ("default.nnw", "read from the installed SExtractor"),
    "BACK_SIZE": ("64", "mesh of the background map [pixel]"),
    "BACK_FILTERSIZE": ("3", "median filter of the background map [meshes]"),
    "BACKPHOTO_TYPE": ("GLOBAL", "background of the photometry"),
    "CHECKIMAGE_TYPE": ("NONE", "replaced by sex_dre"),
    "MEMORY_OBJSTACK": ("30000", "sources in memory"),
    "MEMORY_PIXSTACK": ("3000000", "pixels in memory"),
    "MEMORY_BUFSIZE": ("4096", "lines in memory"),
    "VERBOSE_TYPE": ("QUIET", "what SExtractor prints"),
    "WRITE_XML": ("N", "no XML file"),
}
"""SExtractor settings of the written ``default.sex``, and the defaults of the embedded extractor."""

PSF_MODEL: dict[str, tuple[str, str]] = {
    "BASIS_TYPE": ("PIXEL_AUTO", "basis of the PSF model"),
    "BASIS_NUMBER": ("20", "size of the basis"),
    "PSF_SAMPLING": ("1.0", "step of the PSF model [pixel]; the fit wants 1"),
    "PSF_ACCURACY": ("0.01", "accuracy expected of the PSF values"),
    "PSF_SIZE": ("25,25", "size of the PSF image [PSF steps]"),
    "CENTER_KEYS": ("X_IMAGE,Y_IMAGE", "catalogue columns of the centres"),
    "PHOTFLUX_KEY": ("FLUX_APER(1)", "catalogue column that normalises a star"),
    "PHOTFLUXERR_KEY": ("FLUXERR_APER(1)", "its error"),
    "PSFVAR_KEYS": ("X_IMAGE,Y_IMAGE", "columns the PSF may vary with"),
    "PSFVAR_GROUPS": ("1,1", "polynomial group of each"),
    "PSFVAR_DEGREES": ("0", "polynomial degree; the fit uses the constant term"),
    "SAMPLE_AUTOSELECT": ("Y", "find the stellar locus"),
    "SAMPLE_FWHMRANGE": ("1.5,12.0", "FWHM of an acceptable star [pixel]"),
    "SAMPLE_VARIABILITY": ("0.2", "spread of the FWHM [fraction]"),
    "SAMPLE_MINSN": ("40", "lowest SNR_WIN of a star; fainter ones are outnumbered by galaxies"),
    "SAMPLE_MAXELLIP": ("0.3", "largest (A-B)/(A+B) of a star"),
    "CHECKPLOT_TYPE": ("NONE", "no plots"),
    "CHECKPLOT_DEV": ("NULL", "no plots"),
    "CHECKIMAGE_TYPE": ("NONE", "no check images"),
    "VERBOSE_TYPE": ("QUIET", "what PSFEx prints"),
    "WRITE_XML": ("N", "no XML file"),
    "NTHREADS": ("1", "threads"),
}
"""PSFEx settings of the written ``default.psfex``, and the defaults of the embedded PSF builder."""

COLUMNS: tuple[str, ...] = (
    "NUMBER", "X_IMAGE", "Y_IMAGE", "A_IMAGE", "B_IMAGE", "THETA_IMAGE", "ELONGATION", "FLAGS", "CLASS_STAR",
    "FWHM_IMAGE", "MAG_AUTO", "MAGERR_AUTO", "FLUX_AUTO", "FLUXERR_AUTO", "KRON_RADIUS", "FLUX_RADIUS", "SNR_WIN",
    "FLUX_APER(1)", "FLUXERR_APER(1)", "BACKGROUND", "ISOAREA_IMAGE", "VIGNET(35,35)",
)  # fmt: skip
"""Catalogue columns of the written ``default.param``: what PSFEx, make_cuts and the summary need."""


@dataclass(frozen=True)
class Settings:
    """The settings of one SExtractor or PSFEx configuration, defaults filled in.

    Parameters
    ----------
    values : mapping of str to str
        Values as written, by upper-case keyword.
    """

    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return the value as written ('' when it is not set)."""
        return self.values.get(key, "")

    def number(self, key: str) -> float:
        """Return the (first) value as a number; a value that is none raises ValueError naming the key."""
        return self.numbers(key)[0]

    def numbers(self, key: str) -> tuple[float, ...]:
        """Return a comma- or space-separated list of numbers."""
        try:
            found = tuple(float(item) for item in self.text(key).replace(",", " ").split())
        except ValueError as error:
            raise ValueError(f"{key} must be a number, not {self.text(key)!r}") from error
        if not found:
            raise ValueError(f"{key} has no value")
        return found

    def flag(self, key: str) -> bool:
        """Return a Y/N value."""
        return self.text(key).strip().upper().startswith("Y")

    def replaced(self, **values: object) -> Settings:
        """Return a copy with some values replaced."""
        return Settings({**self.values, **{key: str(value) for key, value in values.items()}})


def parse(text: str, defaults: Mapping[str, tuple[str, str]]) -> Settings:
    """Read the text of a SExtractor or PSFEx configuration file over `defaults`.

    Parameters
    ----------
    text : str
        Lines ``KEY value[,value...]  # comment``.
    defaults : mapping
        :data:`DETECTION` or :data:`PSF_MODEL`.

    Returns
    -------
    Settings
    """
    values = {key: value for key, (value, _) in defaults.items()}
    for line in text.splitlines():
        key, *rest = line.split("#", 1)[0].split(None, 1) or [""]
        if key:
            values[key.upper()] = rest[0].strip() if rest else ""
    return Settings(values)


def render(defaults: Mapping[str, tuple[str, str]], title: str) -> str:
    """Write `defaults` as the text of a configuration file headed by `title`."""
    lines = [f"# {title}", ""]
    lines += [f"{key:<18} {value:<26} # {comment}" for key, (value, comment) in defaults.items()]
    return "\n".join(lines) + "\n"
