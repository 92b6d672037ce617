"""``cosmic-conn reduce``: from repeated exposures to frames with their cosmic rays labelled."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli


class Order(StrEnum):
    """Ways to interpolate between pixels."""

    NEAREST = "nearest-neighbor"
    BILINEAR = "bilinear"
    BIQUADRATIC = "biquadratic"
    BICUBIC = "bicubic"


class Noise(StrEnum):
    """Where the noise of the sky is taken from."""

    MEASURED = "measured"
    MODEL = "model"


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("reduce")(reduce)


def reduce(
    data: Annotated[
        Path, cli.option("--data", "-i", "--input", help="Folder of exposures, or of folders banzai_frms of them")
    ] = Path("./data"),
    output: Annotated[Path | None, cli.option("-o", "--output", help="Root of the results [default: DATA]")] = None,
    aligned: Annotated[bool, cli.option("--aligned", help="Skip phase one: the frames are aligned already")] = False,
    nres: Annotated[bool, cli.option("--nres", help="Spectra of LCO's NRES: nothing is aligned")] = False,
    min_exptime: Annotated[
        float, cli.option("--min_exptime", help="Shortest exposure that is used", unit="s", min=0)
    ] = 100.0,
    snr_thres: Annotated[float, cli.option("--snr_thres", help="Significance of a cosmic ray", unit="sigma")] = 5.0,
    snr_thres_low: Annotated[float, cli.option("--snr_thres_low", help="And of its edges", unit="sigma")] = 2.5,
    dilation: Annotated[
        int, cli.option("--dilation", help="How far edges may be from the core", unit="pixel", min=0)
    ] = 1,
    flood_fill: Annotated[
        bool, cli.option("--flood_fill", help="Edges are all that is connected, however far")
    ] = False,
    min_cr_size: Annotated[
        int, cli.option("--min_cr_size", help="Smallest cosmic ray; smaller ones are ignored", unit="pixel", min=1)
    ] = 3,
    border: Annotated[
        int | None, cli.option("--border", help="Edge that is ignored [default: 5; 100 with --compat]", min=0)
    ] = None,
    min_frames: Annotated[int, cli.option("--min_frames", help="Fewest frames of a sequence", min=2)] = 2,
    max_frames: Annotated[int, cli.option("--max_frames", help="Most frames of a sequence", min=2)] = 12,
    order: Annotated[Order, cli.option("--order", help="Interpolation of the alignment")] = Order.NEAREST,
    noise: Annotated[
        Noise, cli.option("--noise", help="Noise of the sky: from the frames, or sky and read noise")
    ] = Noise.MEASURED,
    keywords: Annotated[
        list[str] | None,
        cli.option("--keywords", help="Cards of the header, for example request=OBSID,total=,exposure=EXPOSURE"),
    ] = None,
    comment: Annotated[
        str | None, cli.option("--comment", help="Folder of the previews, and part of their names")
    ] = None,
    no_png: Annotated[bool, cli.option("--no_png", help="Draw no previews")] = False,
    debug: Annotated[bool, cli.option("--debug", help="Also write CR_SNR and MASK_HIGH, ratios and cores")] = False,
    compat: Annotated[bool, cli.option("--compat", help="The very labels of Cosmic-CoNN 0.6")] = False,
    cpus: Annotated[int, cli.option("--cpus", "--workers", help="Processes to use", min=1)] = 1,
    linear_model: Annotated[bool, cli.option("--linear_model", hidden=True)] = False,
    scrappy: Annotated[bool, cli.option("--scrappy", hidden=True)] = False,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
    dry_run: cli.DryRun = False,
) -> None:
    """Label the cosmic rays in repeated exposures: align them (phase one), find what is in one frame only (phase two).

    Example:
      cosmic-conn reduce --data night1 --min_cr_size 2 --cpus 4
      cosmic-conn reduce --data night1 --aligned --no_png --comment dilation5-SNR5-2.5
    """
    from cosmic_conn.cli.requests import reduction_of
    from cosmic_conn.pipeline.reducing import find_sources, plan, reduce_planned

    options = cli.resolved()
    groups, aligning, request = reduction_of(options)
    planned = plan(find_sources(data, aligned=aligned, output=output), groups, request, aligned=aligned)
    if dry_run:
        cli.show([{"sequence": str(s.target), "frames": len(s.paths)} for s in planned.sequences])
        cli.show([{"sequence": str(j.target)} for j in planned.jobs])
        raise typer.Exit
    cli.show(
        reduce_planned(
            planned, request, aligning, output or data, options=options, overwrite=overwrite, resume=resume, cpus=cpus
        )
    )
