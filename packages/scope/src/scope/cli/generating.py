"""``scope generate-features``: light curves of a quadrant to its feature table."""

from __future__ import annotations

import typer
from shared_io import cli

from scope.cli.declaring import taking
from scope.cli.generation import Generation


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("generate-features")(generate_features)


@taking(Generation)
def generate_features(asked: Generation) -> None:
    """Measure features and periods of all sources of a quadrant.

    Example:
      generate_features --field 250 --ccd 1 --quad 1 --light-curves ztf_dr5 --doCPU
    """
    from scope.cli import choices
    from scope.config import read_config
    from scope.pipeline.blocks import Running
    from scope.pipeline.features import count, generate

    if asked.do_not_save and asked.scheduler is not None:
        raise typer.BadParameter("--doNotSave and --scheduler exclude each other")
    config = read_config(asked.config_path)
    threads, local = choices.threads_of(asked.ncore), choices.local_folder(asked.light_curves, asked.kowalski)
    request = choices.request_of(asked, config, local)
    quadrant = choices.quadrant_of(asked, request)
    service = choices.find_service(config, local, asked.kowalski_instances or [], threads, asked.kowalski)
    if asked.do_not_save:
        sources = count(request, quadrant, service=service, threads=threads)
        cli.show({"sources": sources, "columns": len(request.columns)})
        return
    running = Running(threads if asked.scheduler is None else asked.ncore, asked.scheduler)
    cli.show(
        generate(
            request, quadrant, service=service, overwrite=asked.overwrite, resume=asked.resume, running=running
        )
    )  # fmt: skip
