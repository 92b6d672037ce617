"""Commands whose options are the fields of dataclasses."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from typing import Any, get_type_hints


def parameters(settings: type, but: Collection[str] = ()) -> list[Parameter]:
    """Return the fields of a dataclass as parameters of a command, in their order."""
    hints = get_type_hints(settings, include_extras=True)
    return [
        Parameter(f.name, Parameter.KEYWORD_ONLY, annotation=hints[f.name],
                  default=Parameter.empty if f.default is MISSING else f.default)
        for f in fields(settings) if f.name not in but
    ]  # fmt: skip


def taking(*settings: type, but: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function that takes settings objects the options of a command.

    Parameters
    ----------
    *settings : type
        Dataclasses whose fields are annotated like parameters of a Typer command.
    but : collection of str
        Fields of all but the first that are no options of this command; they keep their defaults.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        declared = [parameters(kind, but if number else ()) for number, kind in enumerate(settings)]

        def command(**given: Any) -> None:
            groups = zip(settings, declared, strict=True)
            function(*(kind(**{p.name: given[p.name] for p in group}) for kind, group in groups))

        every = [parameter for group in declared for parameter in group]
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in every}
        command.__signature__ = Signature(every)  # type: ignore[attr-defined]
        return command

    return decorate
