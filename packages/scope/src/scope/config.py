"""``config.yaml``: what a run uses where its command line says nothing.

The defaults are shipped in ``config.defaults.yaml``; a file of the user replaces those it names.  Unknown keys are
refused with the nearest known one.  Tokens come from the environment, or from a file that only its owner can read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_origin

from shared_io.cli.settings import load
from shared_io.errors import SchemaMismatch, UnsafeInput

from scope.settings import LATER, SECRETS, Settings

FILE = "config.yaml"
"""Read from the folder where a program is started, if it is there."""

ENVIRONMENT = "{}_INSTANCE_TOKEN"
"""Environment variable of a host's token."""


@dataclass(frozen=True)
class Config:
    """The settings of a run, and where they are from.

    Parameters
    ----------
    settings : Settings
        Checked values; secrets hide themselves.
    path : pathlib.Path or None
        The user's file.
    given : mapping
        What that file says, as read.
    """

    settings: Settings
    path: Path | None
    given: Mapping[str, Any]

    def remarks(self) -> list[str]:
        """Return what is allowed but may not be meant."""
        there = {".".join(keys[:depth]) for keys, _ in _leaves(self.given) for depth in range(1, len(keys) + 1)}
        found = [f"{name}: known, but nothing of this release uses it" for name in LATER if name in there]
        suffix = self.settings.features.info.period_suffix
        algorithms = self.settings.feature_generation.period_algorithms
        for device in ("CPU", "GPU"):
            if suffix not in getattr(algorithms, device):
                found.append(f"feature_generation.period_algorithms.{device}: without features.info.period_suffix "
                             f"{suffix}, whose columns training and inference read")  # fmt: skip
        return found

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a value: key, value and source; secrets are masked."""
        return [
            {"key": ".".join(keys), "source": self._source(keys), "value": value}
            for keys, value in _leaves(self.settings.model_dump(mode="json", by_alias=True))
            if value is not None or keys[:2] != ("kowalski", "hosts") or keys[-1] == "token"
        ]

    def _source(self, keys: tuple[str, ...]) -> str:
        if keys[-1] == "token" and os.environ.get(ENVIRONMENT.format(_variable(keys[-2]))):
            return "environment"
        node: Any = self.given
        for key in keys:
            if not isinstance(node, Mapping) or key not in node:
                return "default"
            node = node[key]
        return str(self.path)


def read_config(path: Path | None = None, *, look: bool = True) -> Config:
    """Read the settings.

    Parameters
    ----------
    path : pathlib.Path, optional
        The user's file; by default `FILE` in the current folder, if there is one.
    look : bool
        Look for that default.

    Returns
    -------
    Config

    Raises
    ------
    InputNotFound, CorruptInput, UnsafeInput
        When the file cannot be read, is no plain YAML, or shows a secret to others.
    SchemaMismatch
        When a key is unknown or a value is not of its kind.
    """
    if path is None and look and Path(FILE).is_file():
        path = Path(FILE)
    given = load(path) if path is not None else {}
    known = _read_here(given)
    if path is not None:
        _guard(path, known)
    return Config(_checked(_merged(_defaults(), known), path), path, given)


def _read_here(content: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return a mapping without the keys of `LATER`."""
    kept = {key: value for key, value in content.items() if f"{above}{key}" not in LATER}
    return {k: _read_here(v, f"{above}{k}.") if isinstance(v, Mapping) else v for k, v in kept.items()}


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    with resources.as_file(resources.files("scope") / "config.defaults.yaml") as path:
        return load(path)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with the values of another one in place of its own, at any depth; lists are replaced."""
    out = dict(base)
    for key, value in over.items():
        inner = out.get(key)
        out[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
    return out


def _checked(content: dict[str, Any], path: Path | None) -> Settings:
    from pydantic import ValidationError

    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        problems = [_problem(e) for e in error.errors(include_url=False, include_input=False)]
        more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
        raise SchemaMismatch("; ".join(problems[:3]) + more, path=path, hint="scope config show") from None
    for name, host in settings.kowalski.hosts.items():
        token = os.environ.get(ENVIRONMENT.format(_variable(name)))
        if token:
            host.token = type(host).hidden(token)
    return settings


def _problem(error: Mapping[str, Any]) -> str:
    keys = [str(part) for part in error["loc"]]
    where = ".".join(keys)
    if error["type"] != "extra_forbidden":
        return f"{where}: {error['msg'].removeprefix('Value error, ')}"
    node: Any = Settings
    for key in keys[:-1]:
        node = _inner(node, key)
    names = list(getattr(node, "model_fields", {}))
    near = get_close_matches(keys[-1], names, 1, 0.5)
    return f"{where}: unknown key" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}")


def _inner(node: Any, key: str) -> Any:
    """Return the kind of a key's value."""
    if get_origin(node) is dict:
        return get_args(node)[1]
    fields = getattr(node, "model_fields", {})
    return fields[key].annotation if key in fields else None


def _guard(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse secrets in a file that others can read."""
    holds = any(keys[-1] in SECRETS and value for keys, value in _leaves(content))
    if holds and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise UnsafeInput(
            "holds a token or password that others on this machine can read", path=path,
            hint="chmod 600 it, or set NAME_INSTANCE_TOKEN in the environment",
        )  # fmt: skip


def _leaves(content: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield keys and values; a feature or a projection is one value."""
    for key, value in content.items():
        keys = (*above, str(key))
        if isinstance(value, Mapping) and value and "include" not in value and key != "projection":
            yield from _leaves(value, keys)
        else:
            yield keys, value


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
