"""``cosmic-conn detect``: from frames to copies with their cosmic rays marked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from shared_io import cli


class Method(StrEnum):
    """Ways to find cosmic rays."""

    HYBRID = "hybrid"
    NET = "net"
    LACOSMIC = "lacosmic"


class Precision(StrEnum):
    """Arithmetic of the network."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("detect")(detect)


def detect(
    input: Annotated[str, cli.option("-i", "--input", help="File, folder (searched to its bottom), pattern")] = "./",
    output: Annotated[
        Path | None,
        cli.option("-o", "--output", help="Folder of the results [default: cosmic_conn_output]"),
    ] = None,
    model: Annotated[str, cli.option("-m", "--model", help="Name or path of a model")] = "ground_imaging",
    ext: Annotated[str, cli.option("-e", "--ext", help="Extensions to search: name or index")] = "SCI",
    crop: Annotated[
        int | None,
        cli.option(
            "-c",
            "--crop",
            help="Side of the tiles; 0: whole image [default: 416; 1024 with --parity]",
            unit="pixel",
            min=0,
        ),
    ] = None,
    method: Annotated[Method, cli.option("--method", help="How to find them")] = Method.HYBRID,
    threshold: Annotated[
        float | None, cli.option("--threshold", help="Probability to flag a pixel [default: the model's]")
    ] = None,
    saturation: Annotated[
        float | None,
        cli.option("--saturation", help="Saturation level [default: the header's]", unit="ADU"),
    ] = None,
    gain: Annotated[float | None, cli.option("--gain", help="Gain [default: from the header]", unit="e-/ADU")] = None,
    read_noise: Annotated[
        float | None, cli.option("--read-noise", help="Read noise [default: from the header]", unit="e-")
    ] = None,
    bad_pixels: Annotated[str, cli.option("--bad-pixels", help="Extensions of bad pixels, used if there")] = "BPM",
    bit: Annotated[int, cli.option("--bit", help="Value of a cosmic-ray pixel in the mask", min=1)] = 1,
    merge: Annotated[str, cli.option("--merge", help="Also set the bit in these extensions, for example DQ")] = "",
    clean: Annotated[bool, cli.option("--clean", help="Add the image with its cosmic rays filled")] = False,
    png: Annotated[bool, cli.option("--png", help="Draw a preview beside each result")] = False,
    parity: Annotated[bool, cli.option("--parity", help="The very map of Cosmic-CoNN 0.6 (published weights)")] = False,
    device: Annotated[str, cli.option("--device", help="auto, cpu or cuda")] = "auto",
    precision: Annotated[Precision, cli.option("--precision", help="Arithmetic of the network")] = Precision.AUTO,
    threads: Annotated[
        int | None, cli.option("--threads", help="Threads [default: all cores; 1 with --workers]", min=1)
    ] = None,
    workers: cli.Workers = 1,
    overwrite: cli.Overwrite = False,
    resume: cli.Resume = True,
    dry_run: cli.DryRun = False,
) -> None:
    """Find the cosmic rays in FITS images; write copies with probability and mask behind them, CR_NAME.

    Example:
      cosmic-conn detect -i night1 --clean --png
      cosmic-conn -m ground_imaging -e SCI -i night1 -c 256
    """
    from cosmic_conn.cli.requests import camera_of, layout_of, settings_of
    from cosmic_conn.pipeline.detecting import Request, detect_files, frames_below

    settings = settings_of(
        model=model, method=method.value, threshold=threshold, crop=crop, device=device,
        precision=precision.value, parity=parity, threads=threads or (1 if workers > 1 else None),
    )  # fmt: skip
    camera, layout = camera_of(gain, read_noise, saturation), layout_of(bit, merge, clean)
    paths = frames_below(input)
    if dry_run:
        cli.show([{"frame": str(path)} for path in paths])
        raise typer.Exit
    request = Request(settings, camera, layout, ext, bad_pixels, output, png)
    cli.show(detect_files(paths, request, overwrite=overwrite, resume=resume, workers=workers))
