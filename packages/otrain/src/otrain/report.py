"""One page that shows a training: no scripts, no other files, no network."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from otrain.figures.pictures import encode, grey, heat

__all__ = ["Gallery", "page"]

Array = npt.NDArray[Any]

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:0;color:#1c2530;background:#f6f7f9}
main{max-width:1180px;margin:auto;padding:1.2rem}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2rem 0 .4rem;border-bottom:1px solid #cdd4dc}
p{max-width:62rem;margin:.3rem 0 .8rem}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(340px,1fr));gap:.8rem}
.plots img{width:100%;background:#fff;border:1px solid #dde2e8}
.stamps{display:flex;flex-wrap:wrap;gap:.6rem}
figure{margin:0;background:#fff;border:1px solid #dde2e8;padding:.35rem}
figure img{height:96px;image-rendering:pixelated;margin-right:2px}
figcaption{font-size:12px;max-width:400px;color:#3a4653}
table{border-collapse:collapse;background:#fff;font-size:14px}td,th{border:1px solid #dde2e8;padding:.2rem .55rem}
th{text-align:left;background:#eef1f4}pre{background:#fff;border:1px solid #dde2e8;padding:.6rem;overflow:auto}
.card pre{font-size:12px;max-height:24rem}nav a{margin-right:1rem}
"""


@dataclass(frozen=True)
class Gallery:
    """Cut-outs under one heading.

    Attributes
    ----------
    title, text : str
    stamps : ndarray, shape (n, ny, nx, planes)
    captions : sequence of str
    maps : ndarray, shape (n, ny, nx), optional
        Laid over the last plane in one picture more.
    total : int
        How many there are, of which these are shown.
    """

    title: str
    text: str
    stamps: Array
    captions: Sequence[str]
    maps: Array | None = None
    total: int = 0


def page(title: str, scores: str, plots: Sequence[tuple[str, bytes]], galleries: Sequence[Gallery],
         tables: Sequence[tuple[str, str, Sequence[Sequence[str]]]], planes: Sequence[str],
         card: str) -> str:  # fmt: skip
    """Return the page as HTML.

    Parameters
    ----------
    title : str
    scores : str
        Text of the scores.
    plots : sequence of (name, PNG)
    galleries : sequence of Gallery
    tables : sequence of (title, text, rows)
        The first row holds the heads.
    planes : sequence of str
        Names of the planes of the cut-outs.
    card : str
        The model's card.
    """
    names = [("scores", "Scores"), ("plots", "Curves"), *((f"g{k}", g.title) for k, g in enumerate(galleries)),
             *((f"t{k}", t[0]) for k, t in enumerate(tables)), ("card", "Card")]  # fmt: skip
    menu = "".join(f'<a href="#{key}">{_safe(name)}</a>' for key, name in names)
    parts = [
        f"<h1>{_safe(title)}</h1><nav>{menu}</nav>",
        f'<h2 id="scores">Scores</h2><pre>{_safe(scores)}</pre>',
        '<h2 id="plots">Curves</h2><div class="plots">',
        *(f'<img alt="{_safe(name)}" src="{_data(picture)}">' for name, picture in plots), "</div>",
        *(_gallery(f"g{k}", one, planes) for k, one in enumerate(galleries)),
        *(_table(f"t{k}", *one) for k, one in enumerate(tables)),
        f'<h2 id="card">Card</h2><div class="card"><pre>{_safe(card)}</pre></div>',
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_safe(title)}</title>'
    body = "".join(parts)
    return (
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body><main>{body}</main></body>'
        "</html>\n"
    )


def _safe(text: str) -> str:
    return html.escape(text, quote=True)


def _data(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _gallery(key: str, gallery: Gallery, planes: Sequence[str]) -> str:
    count = f"{len(gallery.stamps)} of {gallery.total}" if gallery.total > len(gallery.stamps) else f"{gallery.total}"
    shown = ", ".join([*planes, *(["what decided"] if gallery.maps is not None else [])])
    figures = [_figure(gallery, k) for k in range(len(gallery.stamps))]
    return (
        f'<h2 id="{key}">{_safe(gallery.title)} ({count})</h2><p>{_safe(gallery.text)} From left to right: '
        f'{_safe(shown)}.</p><div class="stamps">{"".join(figures) or "none"}</div>'
    )


def _figure(gallery: Gallery, number: int) -> str:
    stamp = gallery.stamps[number]
    levels = [grey(stamp[..., k]) for k in range(stamp.shape[-1])]
    pictures = [encode(one) for one in levels]
    if gallery.maps is not None:
        pictures.append(encode(heat(levels[-1], gallery.maps[number])))
    images = "".join(f'<img alt="" src="{_data(picture)}">' for picture in pictures)
    return f"<figure>{images}<figcaption>{_safe(gallery.captions[number])}</figcaption></figure>"


def _table(key: str, title: str, text: str, rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_safe(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f'<h2 id="{key}">{_safe(title)}</h2><p>{_safe(text)}</p><table><tr>{head}</tr>{body}</table>'
