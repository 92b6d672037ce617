"""The page of a run, and its sheets."""

import numpy as np

from dre import FitFlag
from dre.page import SHOWN, Entry, page
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
    drawn = np.asarray(sheet([dark] * COLUMNS + [blank]).convert("RGB")).astype(float).sum(2)
    assert drawn.shape == (2 * CARD[1], COLUMNS * CARD[0])
    left, top = place(COLUMNS)
    panel = drawn[top : top + 96, left : left + 96]
    assert panel[2:30, 2:25].mean() > 2 * panel[50:90, 40:90].mean()


def test_fits_without_a_model_are_drawn_grey():
    nothing = Card(np.full((32, 32), np.nan), np.full((32, 32), np.nan), np.ones((32, 32)), ("", ""), False, np.nan)
    drawn = np.asarray(sheet([nothing]).convert("RGB"))
    assert (drawn[:96, :96] == 153).all()


def test_values_are_written_below_in_black_or_red():
    plane, noise = np.zeros((32, 32)), np.ones((32, 32))
    cards = [Card(plane, plane, noise, ("00_0001 r_e 3.0", "S/N 20"), good, 5.0) for good in (True, False)]
    drawn = np.asarray(sheet(cards).convert("RGB")).astype(int)
    black, red = (drawn[96 : CARD[1], place(k)[0] : place(k)[0] + CARD[0]] for k in (0, 1))
    assert (np.ptp(black, axis=2) == 0).all()
    assert black.min() < 50
    assert ((red[..., 0] - red[..., 1]) > 100).sum() > 50
    assert (black.min((1, 2)) < 128).sum() < 30  # two lines, and white around them


def test_a_long_run_shows_the_most_doubtful():
    flags = [FitFlag.LOW_SN] * 3 + [FitFlag(0)] * (SHOWN + 2)
    entries = (entry(f"{k:05d}", 1 + k / 1e5, flag) for k, flag in enumerate(flags))
    text = page(entries, "run")
    assert text.count("<article") == SHOWN
    assert text.index("image 00000<") < text.index(f"image {SHOWN + 4:05d}<") < text.index(f"image {SHOWN + 3:05d}<")
    assert "image 00003<" not in text
    assert f"{SHOWN + 5} objects, 3 flagged" in text
    assert "the other 5 on" in text
    assert f"good ({SHOWN + 2})" in text
