"""The command ``scope`` with its verbs, and the programs that are one verb each."""

from __future__ import annotations

from typing import NoReturn

from shared_io import cli

from scope.cli.configuration import group

app = cli.new_app(
    "scope",
    package="scope",
    help="Measure features and periods of the variable sources of ZTF light curves.\n\n"
    "light curves -> generate-features -> a feature table for each quadrant; plot-lightcurve shows one source. "
    "Training, inference and the exchange with Fritz are not built yet.",
    config=group(),
)


def _register() -> None:
    from scope.cli import cluster, generating, plotting

    for module in (generating, cluster, plotting):
        module.register(app)


_register()


def main() -> NoReturn:
    """Run ``scope``."""
    cli.run(app, prog="scope")


def generate_features() -> NoReturn:
    """Run ``generate_features``, the verb ``generate-features``."""
    cli.run(app, prog="generate_features", verb="generate-features")


def generate_features_slurm() -> NoReturn:
    """Run ``generate_features_slurm``, the verb ``generate-features-slurm``."""
    cli.run(app, prog="generate_features_slurm", verb="generate-features-slurm")


def generate_features_job_submission() -> NoReturn:
    """Run ``generate_features_job_submission``, the verb ``generate-features-job-submission``."""
    cli.run(app, prog="generate_features_job_submission", verb="generate-features-job-submission")
