"""The applications: Typer with a plain help, no completion and the options that all commands share."""

from __future__ import annotations

import copy
import functools
import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from shared_io.cli.coerce import quicken
from shared_io.cli.options import add_common, negatives

__all__ = ["App", "Command", "build", "new_app", "version_line"]

_EXAMPLE = re.compile(r"^\s*Examples?\s*(:|$)", re.MULTILINE)
_SECTION = re.compile(r"^\s*(Parameters|Returns|Raises|Notes|See Also)\n\s*-{3,}\s*$", re.MULTILINE)


class Command(TyperCommand):
    """A command whose docstring may end in an ``Example:`` section, printed as it stands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text = self.help or ""
        self.help, self.example = _split(text)
        for param in self.params:
            param.show_envvar = False  # type: ignore[attr-defined]
            _several_values(param)
            quicken(param)

    def get_help_option(self, ctx: Any) -> Any:
        """The option ``--help``."""
        option = super().get_help_option(ctx)
        if option is not None:
            quicken(option)
        return option

    def make_parser(self, ctx: Any) -> Any:
        """The parser, which also knows the hidden ``--no-NAME`` of each flag."""
        parser: Any = super().make_parser(ctx)
        for param in self.params:
            if getattr(param, "is_bool_flag", False) and not param.secondary_opts:
                parser.add_option(obj=param, opts=negatives(param), dest=param.name, action="store_const", const=False)
        return parser

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the example below the options, with its line breaks."""
        if self.example:
            formatter.write_paragraph()
            formatter.write("Example:\n" + "".join(f"  {line}\n" for line in self.example.splitlines()))
        formatter.write_paragraph()
        prefix = ctx.auto_envvar_prefix
        if prefix:
            formatter.write(f"Options are also read from the environment ({prefix}_NAME) and from --settings.\n")
        super().format_epilog(ctx, formatter)


class App(typer.Typer):
    """A `typer.Typer` that remembers its tool and package and makes `Command` objects."""

    def __init__(self, tool: str, package: str, help: str) -> None:
        super().__init__(
            name=tool,
            help=help,
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
        )
        self.tool = tool
        self.package = package

    def command(self, name: str | None = None, **more: Any) -> Callable[[Any], Any]:
        """As `typer.Typer.command`."""
        more.setdefault("cls", Command)
        register = super().command(name, **more)

        def decorate(function: Any) -> Any:
            register(_with_values(function))
            return function

        return decorate


def new_app(tool: str, *, package: str, help: str, config: typer.Typer | None = None) -> App:
    """Make the application of a tool.

    Parameters
    ----------
    tool
        Its name: the umbrella command, the prefix of its environment variables.
    package
        The installed distribution, for ``--version``.
    help
        What it is for, in a sentence or two.
    config
        The verbs below ``config`` of a tool that has settings of its own; by default ``show``, of the options.
    """
    from shared_io.cli.settings import config_app

    app = App(tool, package, help)
    app.callback()(_root)
    app.add_typer(config or config_app(tool), name="config")
    return app


def _root() -> None:
    return None


def build(app: App, only: str | None = None) -> Any:
    """The tree of commands of an application, with the shared options added.

    Parameters
    ----------
    app
        The application.
    only
        The one command that is wanted, which takes a fraction of the time; by default all are there.
    """
    wanted = [command for command in app.registered_commands if only is not None and command.name == only]
    if wanted:
        app = copy.copy(app)
        app.registered_commands, app.registered_groups = wanted, []
    root = typer.main.get_command(app)
    root.help = app.info.help if isinstance(app.info.help, str) else ""
    for command in leaves(root).values():
        add_common(command, app.tool)
    return root


def leaves(node: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """The commands below a node by their path of verbs."""
    if not hasattr(node, "commands"):
        return {path: node}
    found: dict[tuple[str, ...], Any] = {}
    for name, child in node.commands.items():
        found |= leaves(child, (*path, name))
    return found


def version_line(app: App) -> str:
    """``tool 1.2.3``."""
    from importlib.metadata import version

    return f"{app.tool} {version(app.package)}"


def _split(text: str) -> tuple[str, str]:
    """The description and the example of a docstring."""
    found = _EXAMPLE.search(text)
    head = text[: found.start()] if found else text
    section = _SECTION.search(head)
    head = head[: section.start()] if section else head
    if not found:
        return head.strip(), ""
    lines = text[found.end() :].strip("\n").splitlines()
    lines = [line for i, line in enumerate(lines) if i or not re.fullmatch(r"\s*-{3,}\s*", line)]
    return head.strip(), textwrap.dedent("\n".join(lines)).strip("\n")


class _Values:
    """Convert the values of one occurrence of an option that takes several.

    Parameters
    ----------
    types
        One type a value.
    """

    def __init__(self, types: tuple[Any, ...]) -> None:
        self.types = types

    def __call__(self, words: Any) -> tuple[Any, ...]:
        return tuple(convert(word) for convert, word in zip(self.types, words, strict=True))


def _with_values(function: Any) -> Any:
    """Explain ``list[tuple[str, float, float]]`` (repeatable, three values) to Typer, which lacks it."""
    hints = get_type_hints(function, include_extras=True)
    changed = {name: _explained(hint) for name, hint in hints.items()}
    if changed == hints:
        return function

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    signature = inspect.signature(function)
    wrapper.__annotations__ = changed
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(annotation=changed[n]) for n, p in signature.parameters.items()]
    )
    return wrapper


def _explained(hint: Any) -> Any:
    if get_origin(hint) is not Annotated:
        return hint
    kind, info = get_args(hint)[0], copy.copy(get_args(hint)[1])
    for choice in (kind, *get_args(kind)):
        element = get_args(choice)[0] if get_origin(choice) is list else None
        if get_origin(element) is tuple:
            info.parser = _Values(get_args(element))
            info.metavar = info.metavar or " ".join(t.__name__.upper() for t in info.parser.types)
            return Annotated[list[str] | None if kind is not choice else list[str], info]
    return hint


def _several_values(param: Any) -> None:
    """Tell the parser how many values one occurrence takes, and the help that there may be several."""
    parser = param.type_descriptor.parameter_info.parser
    if isinstance(parser, _Values):
        param.nargs = len(parser.types)
    elif getattr(param, "multiple", False) and not param.is_flag and param.metavar is None:
        (element,) = get_args(param.type_descriptor.annotation)
        if isinstance(element, type) and param.type_descriptor.choices is None:
            param.metavar = f"<{element.__name__.lower()}>..."
