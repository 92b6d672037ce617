"""The curves of a training of our own weights, from its log.

    python draw_training.py [LOG] [PICTURE]

LOG is what ``cosmic-conn models train`` writes beside the weights; the default is that of the weights that are shipped,
whose picture is in the README.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

EXAMPLES = Path(__file__).parents[1] / "examples"


def main(log: Path, picture: Path) -> None:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    checks = [line for line in lines if "recall" in line]
    figure = Figure(figsize=(9.5, 3), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot([line["step"] for line in lines], [line["loss"] for line in lines], lw=1, label="training")
    steps = [line["step"] for line in checks]
    left.plot(steps, [line["valid_loss"] for line in checks], ".-", label="24 other samples")
    left.set(yscale="log", xlabel="step", title="loss")
    left.legend(fontsize=8)
    for key, name in (("recall", "recall"), ("purity", "purity"), ("recall_pure", "recall at a purity of 0.99")):
        right.plot(steps, [line[key] for line in checks], ".-", label=name)
    right.set(xlabel="step", ylim=(0.6, 1.0), title="on 24 other samples")
    right.legend(fontsize=8)
    figure.savefig(picture, metadata={"Software": None})


if __name__ == "__main__":
    asked = [Path(name) for name in sys.argv[1:]]
    main(*(asked + [EXAMPLES / "ground_imaging.log.jsonl", EXAMPLES / "pictures" / "training.png"][len(asked) :]))
