"""What every step says of its outputs: tool, version, settings and checksums of the inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from shared_io.provenance import Provenance, digest


def provenance(
    verb: str, config: Mapping[str, object], inputs: Iterable[Path], *, model: str | None = None
) -> Provenance:
    """Return the provenance of one unit.

    Parameters
    ----------
    verb : str
        The step.
    config : mapping
        Every setting that changes its outputs.
    inputs : iterable of pathlib.Path
        Input files; they are named by folder and file name, so that moving a working folder changes nothing.
    model : str, optional
        Checksum of the model grid.
    """
    from dre import __version__

    names = {f"{path.absolute().parent.name}/{path.name}": digest(path) for path in inputs}
    return Provenance("dre", __version__, verb, dict(config), names, model)
