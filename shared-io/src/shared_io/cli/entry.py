"""The body of every console script: from the words of the command line to the exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import typer

from shared_io.cli import exits
from shared_io.cli.app import App, build, version_line
from shared_io.cli.options import Secret, common_specs, common_values, specs
from shared_io.cli.session import Session, running
from shared_io.cli.spelling import Parsed, normalise
from shared_io.cli.verbs import Chosen, choose

__all__ = ["execute", "run"]


def run(
    app: App,
    *,
    prog: str,
    verb: str | None = None,
    default_verb: str | None = None,
    argv: Sequence[str] | None = None,
) -> NoReturn:
    """Run an application as a console script and leave Python with its exit code.

    Parameters
    ----------
    app
        What `new_app` made.
    prog
        The name of the program in usage and messages.
    verb
        Be only this command of the application (``sex_dre`` is ``dre sex``).
    default_verb
        The command to take where the line names none (``dre models.fits`` is ``dre fit models.fits``).
    argv
        The words after the program's name; those of the process by default.
    """
    gc.freeze()  # what was imported so far stays: there is nothing to be found in it
    code = execute(app, prog=prog, verb=verb, default_verb=default_verb, argv=argv)
    gc.freeze()  # nor is there at the end
    sys.exit(code)


def execute(
    app: App,
    *,
    prog: str,
    verb: str | None = None,
    default_verb: str | None = None,
    argv: Sequence[str] | None = None,
) -> int:
    """As `run`, but return the exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    session = Session(prog=prog, tool=app.tool, json="--json" in args, debug="--debug" in args)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with running(session), _terminable():
        try:
            code = _main(app, session, args, verb, default_verb, own=argv is None)
            sys.stdout.flush()
        except BaseException as error:
            return _failed(session, error)
    return code


def _main(app: App, session: Session, args: list[str], verb: str | None, default_verb: str | None, *, own: bool) -> int:
    root = session.root = build(app, verb or (args[0] if args else None))
    chosen = Chosen((verb,), root.commands[verb], args) if verb else choose(root, args, default_verb)
    if chosen.is_group:
        return _group(app, session, chosen, default_verb)
    required = sum(p.required for p in chosen.command.params if p.param_type_name == "argument")
    parsed = normalise(chosen.args, specs(chosen.command), required=required)
    session.secrets += parsed.secrets
    if own and parsed.secrets:
        sys.argv[1:] = [session.redact(word) for word in sys.argv[1:]]
    if parsed.values("common_version") == ["--version"]:
        print(version_line(app))
        return exits.DONE
    name = session.prog if verb else " ".join((session.prog, *chosen.path))
    session.name = name
    if parsed.values("help") == ["--help"]:
        print(_help(chosen.command, name, app, chosen.path))
        return exits.DONE
    return _command(app, session, chosen, parsed, name)


def _group(app: App, session: Session, chosen: Chosen, default_verb: str | None) -> int:
    """``--version``, ``--help``, or nothing at all."""
    default_verb = None if chosen.path else default_verb
    known = specs(chosen.command.commands[default_verb]) if default_verb else common_specs()
    parsed = normalise(chosen.args, known)
    if parsed.values("common_version"):
        print(version_line(app))
        return exits.DONE
    name = " ".join((session.prog, *chosen.path))
    text = _help(chosen.command, name, app, ())
    if default_verb:
        more = _help(chosen.command.commands[default_verb], f"{name} [{default_verb}]", app, (default_verb,))
        text += f"\n\nWithout a command's name, {session.prog} is {name} {default_verb}:\n\n{more}"
    asked = bool(parsed.values("help"))
    print(text, file=sys.stdout if asked else sys.stderr)
    return exits.DONE if asked else exits.USAGE


def _help(command: Any, name: str, app: App, path: tuple[str, ...]) -> str:
    """The help of a command; nothing is parsed or read for it."""
    from shared_io.cli.resolve import variable_prefix

    prefix = variable_prefix(app.tool, path)
    ctx = typer.Context(command, info_name=name, auto_envvar_prefix=prefix, help_option_names=["-h", "--help"])
    with ctx:
        return command.get_help(ctx)


def _command(app: App, session: Session, chosen: Chosen, parsed: Parsed, name: str) -> int:
    from shared_io.cli.resolve import context_settings

    command = chosen.command
    settings = parsed.values("common_settings")
    session.settings = settings[1] if settings else os.environ.get(_variable(app, "SETTINGS"))
    if session.settings:
        session.root = build(app)  # the file may speak of all commands
    extra = context_settings(session.root, app.tool, chosen.path, session.settings)
    with command.make_context(name, parsed.argv, **extra) as ctx:
        _adopt(session, common_values(ctx.params))
        _remember(session, ctx.params, command)
        if parsed.secrets:
            from shared_io.cli.output import warn

            warn("a secret on the command line can be seen by other users of this machine")
        result = _invoke(app, session, command, ctx)
    code = result if isinstance(result, int) and not isinstance(result, bool) else session.exit_code
    if session.json:
        from shared_io.cli.output import finish_json

        print(finish_json(session, None))
    return code


def _invoke(app: App, session: Session, command: Any, ctx: Any) -> Any:
    from shared_io.cli.logs import configured

    import_name = app.package.replace("-", "_")
    aside = contextlib.redirect_stdout(sys.stderr) if session.json else contextlib.nullcontext()
    with configured(session, import_name) as log, aside:
        log.debug("%s with %s", ctx.info_name, session.options)
        try:
            return command.invoke(ctx)
        except Exception:
            log.debug("the command failed", exc_info=True)
            raise


def _adopt(session: Session, common: dict[str, Any]) -> None:
    session.json = bool(common.get("json"))
    session.quiet = bool(common.get("quiet"))
    session.debug = bool(common.get("debug"))
    session.verbose = int(common.get("verbose") or 0)
    session.log_file = common.get("log_file")


def _remember(session: Session, params: dict[str, Any], command: Any) -> None:
    from shared_io.cli.plain import plain

    hidden = {p.name for p in command.params if getattr(p, "hide_input", False)}
    session.options = {name: plain(v) for name, v in sorted(params.items()) if name not in hidden}
    session.secrets += [v.reveal() for v in params.values() if isinstance(v, Secret) and v.reveal()]


def _failed(session: Session, error: BaseException) -> int:
    code, message = exits.explain(error)
    if isinstance(error, BrokenPipeError):
        _close_stdout()
        return code
    if session.debug and code != exits.USAGE and not isinstance(error, SystemExit) and message:
        import traceback

        sys.stderr.write(session.redact("".join(traceback.format_exception(error))))
    with contextlib.suppress(OSError):
        if message:
            if code == exits.USAGE and "did you mean" not in message:
                message = f"{message} (see {session.name or session.prog} --help)"
            print(session.redact(f"{session.prog}: error: {message}"), file=sys.stderr, flush=True)
        if session.json:
            from shared_io.cli.output import finish_json

            print(finish_json(session, {"exit_code": code, "message": message} if code else None), flush=True)
    return code


def _close_stdout() -> None:
    """Nobody reads any more: keep the interpreter from complaining when it flushes."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _variable(app: App, name: str) -> str:
    return f"{app.tool.upper().replace('-', '_')}_{name}"


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception while the command runs (main thread only)."""

    def stop(signum: int, frame: Any) -> NoReturn:
        raise exits.Terminated

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
