"""From option values to what the library takes; a wrong value is a wrong usage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from cosmic_conn.detection import TILE, Camera, Settings
from cosmic_conn.files.products import Layout

if TYPE_CHECKING:
    from cosmic_conn.labelling.grouping import GroupRules
    from cosmic_conn.pipeline.aligning import AlignRequest
    from cosmic_conn.pipeline.labelling import Request
    from cosmic_conn.pipeline.training import Request as Training
    from cosmic_conn.simulate.nights import Night

__all__ = ["camera_of", "layout_of", "night_of", "reduction_of", "settings_of", "training_of"]

_WHOLE = 1 << 20  # a tile that holds any image
_PUBLISHED = 1024  # side of the tiles of Cosmic-CoNN


def _published(crop: int | None) -> int:
    return _PUBLISHED if crop is None else crop


def settings_of(*, crop: int | None, parity: bool, **values: Any) -> Settings:
    """Return the settings of a detection, after a look at model and device."""
    with _usage():
        tile = TILE if crop is None else crop or _WHOLE
        settings = Settings(tile=tile, parity=_published(crop) if parity else None, **values)
    if settings.method != "lacosmic":
        from cosmic_conn.models.card import read_card
        from cosmic_conn.models.registry import find_model

        if settings.device not in ("auto", "cpu"):
            from cosmic_conn.engine import device_of

            with _usage():
                device_of(settings.device)
        read_card(find_model(settings.model))
    return settings


def camera_of(gain: float | None, read_noise: float | None, saturation: float | None) -> Camera:
    """Return what the user says of the camera."""
    with _usage():
        return Camera(gain, read_noise, saturation)


def layout_of(bit: int, merge: str, clean: bool) -> Layout:
    """Return what goes into the results."""
    with _usage():
        return Layout(bit, merge, clean)


def night_of(options: Mapping[str, Any]) -> Night:
    """Return what a night is like, from the options of ``simulate night`` by their names."""
    from cosmic_conn.simulate.nights import Night

    with _usage():
        return Night(**{f.name: options[f.name] for f in fields(Night) if f.name in options})


def reduction_of(options: Mapping[str, Any]) -> tuple[GroupRules, AlignRequest, Request]:
    """Return how to group, align and label, from the options of ``reduce`` by their names."""
    from cosmic_conn.files.keywords import LCO, NRES
    from cosmic_conn.labelling.compat import BORDER_WIDTH
    from cosmic_conn.labelling.grouping import GroupRules
    from cosmic_conn.labelling.stack import Rules
    from cosmic_conn.pipeline.aligning import AlignRequest
    from cosmic_conn.pipeline.labelling import Request

    given, compat = dict(options), bool(options["compat"])
    if given["border"] is None:
        given["border"] = BORDER_WIDTH if compat else Rules.border
    preview = not given["no_png"]
    with _usage():
        keywords = (NRES if given["nres"] else LCO).changed(given["keywords"] or ())
        fewest = max(given["min_frames"], 3) if compat else given["min_frames"]
        rules = Rules(**{f.name: given[f.name] for f in fields(Rules) if f.name in given} | {"min_frames": fewest})
        shortest = given["min_exptime"] if keywords.exposure else 0.0
        groups = GroupRules(shortest, fewest, max(given["max_frames"], fewest), spectra=given["nres"], compat=compat)
        aligning = AlignRequest(given["order"], keywords, preview=preview, compat=compat)
    return groups, aligning, Request(rules, keywords, given["comment"] or "", preview=preview, debug=given["debug"])


def training_of(values: Mapping[str, Any]) -> Training:
    """Return what to train, of the values of all options by name."""
    from cosmic_conn.network import Architecture
    from cosmic_conn.pipeline.training import Request as Training
    from cosmic_conn.training.options import Options

    with _usage():
        architecture = Architecture(
            **_named(values, "hidden", "norm", "gn_channel", "conv_type", "up_type", "down_type", "deeper"),
            n_group=0 if values["gn_channel"] else values["n_group"],
            affine=not values["no_affine"],
        )
        options = Options(
            **_named(values, *(f.name for f in fields(Options) if f.name in values and f.name != "milestones")),
            architecture=architecture,
            milestones=tuple(values["milestones"] or (0,)),
        )
        request = Training(options=options, **_named(values, *(f.name for f in fields(Training) if f.name in values)))
        _ = request.machine
        return request


def _named(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


@contextmanager
def _usage() -> Iterator[None]:
    from shared_io.errors import SharedIOError

    try:
        yield
    except SharedIOError:
        raise
    except (ValueError, RuntimeError) as error:
        raise typer.BadParameter(str(error)) from error
