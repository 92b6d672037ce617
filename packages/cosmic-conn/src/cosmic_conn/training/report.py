"""The page of a run: curves, and frames with what is true and what was found; one file that needs no other."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from shared_io import atomic

from cosmic_conn.models.store import load
from cosmic_conn.network import UNet
from cosmic_conn.training.exposures import middle
from cosmic_conn.training.scores import Tally, probability_of
from cosmic_conn.training.session import Session

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["write_report"]

_EXAMPLES, _SIDE = 4, 192  # frames that are shown, and the side of what is shown of each [pixel]
_KNEE = 4.0
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid #ddd; padding: .2rem .8rem; text-align: left; }
img { max-width: 100%; height: auto; } code { background: #f3f3f3; padding: 0 .2rem; }
"""


def write_report(session: Session) -> None:
    """Write the page of a run, ``report.html``, in place of an earlier one.

    Raises
    ------
    WriteFailed
        When it cannot be written.
    """
    which = "best" if session.folder.weights("best").is_file() else "last"
    network, card = load(session.folder.weights(which))
    tally = session.tally(network)
    lines = session.folder.lines()
    parts = [_picture(_history(lines), "Loss, Dice coefficient and recall of each epoch")]
    if tally.losses:
        parts.append(_picture(_quality(tally), "Purity over recall, and recall over the share of empty pixels flagged"))
    examples = _examples(session, network, card.threshold)
    if examples is not None:
        parts.append(_picture(examples, "Frames: the field without cosmic rays, the frame, the truth, what is found"))
    numbers = {"epochs": session.epoch, "best epoch": session.best["epoch"], **session.best.get("scores", {})}
    facts = {"files learnt from": len(session.learn), "files validated on": len(session.valid)}
    settings = {**session.options.to_dict(), **facts}
    title = f"Training {session.folder.path.name}"
    body = f"<h1>{html.escape(title)}</h1>{_use(session)}<h2>Scores</h2>{_table(numbers)}"
    body += "<h2>Curves and examples</h2>" + "".join(parts) + f"<h2>Settings</h2>{_table(_flat(settings))}"
    head = f"<meta charset=utf-8><title>{html.escape(title)}</title><style>{_STYLE}</style>"
    page = f"<!doctype html><html lang=en><head>{head}</head><body>{body}</body></html>\n"
    atomic.write_text(session.folder.report, page, overwrite=True)


def _use(session: Session) -> str:
    name = html.escape(f"{session.folder.path.name}/models/best.safetensors")
    return f"<p>To use it: <code>cosmic-conn detect -i FRAMES -m {name}</code></p>"


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= {f"{name}: {k}": v for k, v in value.items()} if isinstance(value, dict) else {name: value}
    return found


def _table(values: dict[str, Any]) -> str:
    cells = (
        (html.escape(str(k)), html.escape(f"{v:.4g}" if isinstance(v, float) else str(v))) for k, v in values.items()
    )
    return "<table>" + "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in cells) + "</table>"


def _picture(figure: Figure, text: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    image = f'<img alt="{html.escape(text)}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{html.escape(text)}</figcaption></figure>"


def _sheet(rows: int, columns: int, width: float, height: float) -> tuple[Figure, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def _history(lines: Sequence[dict[str, Any]]) -> Figure:
    figure, axes = _sheet(1, 3, 12, 3.5)
    panels = {
        "loss of training": ("train_loss",),
        "loss and Dice of validation": ("valid_cr_loss", "dice"),
        "recall and purity of validation": ("recall_at_1e-4", "recall_at_1e-3", "purity_at_0.95"),
    }
    for axis, (title, names) in zip(axes[0], panels.items(), strict=True):
        for name in names:
            points = [(line["epoch"], line[name]) for line in lines if line.get(name) is not None]
            if points:
                axis.plot(*zip(*points, strict=True), ".-", label=name, lw=1)
        axis.set(xlabel="epoch", title=title)
        if len(names) > 1 and axis.lines:
            axis.legend(fontsize=8)
    axes[0][0].set_yscale("log")
    return figure


def _quality(tally: Tally) -> Figure:
    recall, purity, rate = tally.curves()
    figure, ((left, right),) = _sheet(1, 2, 12, 4)
    left.plot(recall, purity)
    left.set(xlabel="recall", ylabel="purity", xlim=(0, 1.01), ylim=(0, 1.01), title="purity over recall")
    right.plot(np.maximum(rate, 1e-7), recall)
    for fixed in (1e-4, 1e-3):
        right.axvline(fixed, color="0.7", lw=1, ls="--")
    right.set(xlabel="share of empty pixels flagged", ylabel="recall", xscale="log", xlim=(1e-7, 1), ylim=(0, 1.01))
    right.set_title("recall over the share of empty pixels flagged")
    return figure


def _examples(session: Session, network: UNet, threshold: float) -> Figure | None:
    """Draw the part of some frames with the most cosmic rays."""
    engine = session.machine.engine(network, session.card(0))
    shown = []
    for entry in (session.valid or session.learn)[:_EXAMPLES]:
        exposures = session.shelf.get(entry)
        if exposures is not None:
            cut = middle(exposures, session.options.valid_crop)
            shown.append((cut, probability_of(engine, cut, 0)))
    if not shown:
        return None
    figure, rows = _sheet(len(shown), 4, 12, 3.1 * len(shown))
    for axes, (cut, probability) in zip(rows, shown, strict=True):
        window = _busiest(cut.truth[0])
        clean = np.median(cut.frames, axis=0) if cut.clean is None else cut.clean
        pictures = (_bright(clean[window]), _bright(cut.frames[0][window]), cut.truth[0][window], probability[window])
        limits = ((-3, 15), (-3, 15), (0, 1), (0, 1))
        titles = ("field", "frame", "truth", f"probability (flagged from {threshold:.2f})")
        for axis, picture, (low, high), title in zip(axes, pictures, limits, titles, strict=True):
            axis.imshow(picture, vmin=low, vmax=high, cmap="gray", origin="lower", interpolation="nearest")
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
        axes[0].text(0, -0.03, cut.name, transform=axes[0].transAxes, fontsize=7, va="top")
    return figure


def _bright(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.asarray(_KNEE * np.arcsinh(pixels / _KNEE))


def _busiest(truth: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the square with the most true pixels, of some on a grid."""
    places = [(y, x) for y in range(0, truth.shape[0], _SIDE // 2) for x in range(0, truth.shape[1], _SIDE // 2)]
    y, x = max(places, key=lambda p: int(truth[p[0] : p[0] + _SIDE, p[1] : p[1] + _SIDE].sum()))
    y, x = (max(min(place, n - _SIDE), 0) for place, n in zip((y, x), truth.shape, strict=True))
    return slice(y, y + _SIDE), slice(x, x + _SIDE)
