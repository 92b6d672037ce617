"""One HTML page of a run: fits with their pictures and values, the doubtful ones first."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from .flags import FitFlag, explained
from .sheets import CARD, PANEL, place

SHOWN = 2000
"""Fits on the page; the others are on the sheets."""


@dataclass(frozen=True)
class Entry:
    """One object on the page.

    Attributes
    ----------
    image, name : str
        Name of the image, and EE_NNNN.
    sheet : str
        File of the sheet, beside the page.
    position : int
        Its card on that sheet.
    values : dict of str to str
        What is written below the pictures.
    chi2 : float
        Reduced chi-square of the mask.
    flag : FitFlag
    """

    image: str
    name: str
    sheet: str
    position: int
    values: dict[str, str]
    chi2: float
    flag: FitFlag


_STYLE = f"""
body{{font:13px system-ui,sans-serif;margin:1.5em;background:#fafafa;color:#222}}
button{{margin:0 .4em .4em 0;padding:.3em .7em;border:1px solid #999;border-radius:4px;background:#fff;cursor:pointer}}
button[aria-pressed=true]{{background:#222;color:#fff}}
main{{display:flex;flex-wrap:wrap;gap:12px}}
article{{background:#fff;border:1px solid #ccc;border-left:4px solid #4a4;padding:6px;width:{CARD[0]}px}}
article.flagged{{border-left-color:#c33}} article.hidden{{display:none}}
.pictures{{width:{3 * PANEL + 2}px;height:{PANEL}px;object-fit:none}}
h2{{font-size:13px;margin:0 0 4px}} dl{{display:grid;grid-template-columns:auto 1fr;gap:0 .6em;margin:4px 0 0}}
dt{{color:#666}} dd{{margin:0}} .why{{color:#c33}}
"""

_SCRIPT = """
for (const button of document.querySelectorAll('button')) button.onclick = () => {
  for (const other of document.querySelectorAll('button')) other.setAttribute('aria-pressed', other === button);
  const flag = button.dataset.flag;
  for (const card of document.querySelectorAll('article'))
    card.classList.toggle('hidden', flag !== '' && !card.dataset.flags.split(',').includes(flag));
};
"""


def page(entries: Iterable[Entry], title: str) -> str:
    """Return the page of the `SHOWN` most doubtful fits: flagged ones first, then the worst reduced chi-square first.

    Parameters
    ----------
    entries : iterable of Entry
        Of all fits; drawn from one by one, so that memory stays flat.
    title : str
        Heading.
    """
    counts, tally = Counter[str](), Counter[str]()

    def counted() -> Iterator[Entry]:
        for entry in entries:
            counts.update(_names(entry.flag))
            tally.update(["objects", *(["flagged"] if entry.flag else [])])
            yield entry

    shown = heapq.nsmallest(SHOWN, counted(), key=_doubt)
    left = tally["objects"] - len(shown)
    more = f" The {len(shown)} most doubtful are here, the other {left} on the sheets beside this page." * bool(left)
    buttons = ['<button data-flag="" aria-pressed="true">all</button>', _button("good", "good", counts)]
    buttons += [_button(one.name or "", explained(one), counts) for one in FitFlag if counts[one.name or ""]]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1>\n"
        f"<p>{tally['objects']} objects, {tally['flagged']} flagged.{more} "
        "Panels: data, model, residual (&plusmn;5 times the noise).</p>\n"
        f"<nav>{''.join(buttons)}</nav>\n<main>\n"
        + "\n".join(map(_article, shown))
        + f"\n</main><script>{_SCRIPT}</script></body></html>\n"
    )


def _doubt(entry: Entry) -> tuple[bool, float, str, str]:
    return not entry.flag, -(entry.chi2 if math.isfinite(entry.chi2) else math.inf), entry.image, entry.name


def _button(flag: str, text: str, counts: Counter[str]) -> str:
    return f'<button data-flag="{flag}" aria-pressed="false">{escape(text)} ({counts[flag]})</button>'


def _names(flag: FitFlag) -> list[str]:
    return [one.name or "" for one in FitFlag if one in flag] or ["good"]


def _article(entry: Entry) -> str:
    left, top = place(entry.position)
    values = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in entry.values.items())
    why = f'<p class="why">{escape(explained(entry.flag))}</p>' if entry.flag else ""
    kind = ' class="flagged"' if entry.flag else ""
    flags, title = ",".join(_names(entry.flag)), escape(f"{entry.image} {entry.name}")
    return (
        f'<article{kind} data-flags="{flags}"><h2>{title}</h2>'
        f'<img class="pictures" loading="lazy" alt="data, model, residual" src="{quote(entry.sheet)}"'
        f' style="object-position:-{left}px -{top}px"><dl>{values}</dl>{why}</article>'
    )
