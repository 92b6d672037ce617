"""The page of a run, and its sheets."""

import numpy as np

from dre import FitFlag
from dre.page import Entry, page
from dre.sheets import CARD, COLUMNS, Card, place, sheet


def entry(name, chi2=1.0, flag=FitFlag(0)):  # noqa: B008
    return Entry("image", name, "image_sheet1.png", 1, {"r_e [px]": "3.0"}, chi2, flag)


def test_doubtful_fits_come_first():
    text = page([entry("a"), entry("b", 3.0), entry("c", flag=FitFlag.LOW_SN), entry("d", float("nan"))], "run")
    order = [text.index(f"image {name}<") for name in "cdba"]
    assert order == sorted(order)
    assert "low sn (1)" in text
    assert "good (3)" in text
    assert f"-{place(1)[0]}px" in text


def test_names_cannot_break_out():
    hostile = Entry("<script>x</script>", "'\"", "a'b.png", 0, {"<b>": "<i>"}, 1.0, FitFlag(0))
    text = page([hostile], "<title>")
    assert "<script>x" not in text
    assert "<b>" not in text
    assert "a'b.png" not in text


def test_cards_lie_where_the_page_looks_for_them():
    """A card of a bright model in one corner of its stamp shows it in that corner: no panel is turned."""
    model = np.zeros((64, 64))
    model[40:, :20] = 1e3  # top left on the sky
    blank = Card(model, model, np.ones((64, 64)), ("", ""), True, 20.0)
    dark = Card(np.zeros((64, 64)), np.zeros((64, 64)), np.ones((64, 64)), ("", ""), True, 20.0)
    figure = sheet([dark] * COLUMNS + [blank])
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(float).sum(2)
    assert drawn.shape == (2 * CARD[1], COLUMNS * CARD[0])
    left, top = place(COLUMNS)
    panel = drawn[top : top + 96, left : left + 96]
    assert panel[2:30, 2:25].mean() > 2 * panel[50:90, 40:90].mean()


def test_fits_without_a_model_are_drawn_grey():
    nothing = Card(np.full((32, 32), np.nan), np.full((32, 32), np.nan), np.ones((32, 32)), ("", ""), False, np.nan)
    figure = sheet([nothing])
    figure.canvas.draw()
    assert np.ptp(np.asarray(figure.canvas.buffer_rgba())[2:94, 2:94, :3]) == 0
