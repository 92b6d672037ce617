"""``cosmic-conn evaluate``: detectors scored on frames with known cosmic rays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from shared_io import cli


def register(app: cli.App) -> None:
    """Add the verb to the application."""
    app.command("evaluate")(evaluate)


def evaluate(
    output: Annotated[Path, cli.option("-o", "--output", help="Folder of table and curves")] = Path("evaluation"),
    stamps: Annotated[
        Path | None, cli.option("--stamps", help="JSON of real cosmic rays; those after the first 100 are put in")
    ] = None,
    data: Annotated[Path | None, cli.option("--data", help="Folder of real frames, m51_artificial/ among them")] = None,
    peers: Annotated[
        str | None, cli.option("--peers", help="Python of an environment with other detectors to score")
    ] = None,
    threads: Annotated[int, cli.option("--threads", help="Threads of each detector", min=1)] = 1,
    repeats: Annotated[int, cli.option("--repeats", help="How often each is timed; the best counts", min=1)] = 1,
    seed: cli.Seed = 5,
    overwrite: cli.Overwrite = False,
) -> None:
    """Score detectors on simulated and real frames: recall, completeness, purity, false positives, time and memory.

    Example:
      cosmic-conn evaluate -o scores --stamps stamps.json --peers other/bin/python
    """
    from cosmic_conn.evaluation.detectors import available
    from cosmic_conn.evaluation.report import as_table, evaluate, write_report
    from cosmic_conn.evaluation.scenes import real_cases, simulated_cases
    from cosmic_conn.files.stamps import read_stamps
    from cosmic_conn.training.recipe import LEARNT

    events = [] if stamps is None else read_stamps(stamps)[LEARNT:]
    cases = simulated_cases(events, seed) + ([] if data is None else real_cases(data))
    contenders = available(peers, threads)
    with cli.progress(len(cases) * len(contenders), "runs") as shown:
        rows = evaluate(cases, contenders, peers, repeats=repeats, told=shown.advance)
    cli.show(as_table(rows))
    for path in write_report(rows, output, overwrite=overwrite):
        cli.say(f"wrote {path}")
