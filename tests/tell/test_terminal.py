"""Sections in a terminal: colours and widths, and nothing hostile gets through."""

import io

import pytest
from rich.console import Console

from bayesscale._sections import Heading, Paragraph, Table
from bayesscale.tell import tell
from tests.test_sections import HOSTILE, everything


def told(sections, width=80, *, colours=False):
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colours, highlight=False, emoji=False)
    tell(sections, console)
    return out.getvalue()


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
@pytest.mark.parametrize("width", [40, 80])
def test_hostile_names_do_not_steer_the_terminal(name, width):
    shown = told(everything(name), width)
    assert all(c.isprintable() or c == "\n" for c in shown)
    if name.startswith("[bold]"):
        assert name in shown


def test_verdicts_have_a_colour():
    shown = told([Paragraph("Bad.", "stop", emphasis=True)], colours=True)
    assert "\x1b[1;31mDo not use: Bad." in shown
    assert "\x1b[33mCareful." in told([Paragraph("Careful.", "caution")], colours=True)


TABLE = Table(
    ["FLOP", "parameters", "tokens", "loss"],
    [["1.0e24", "57B\n29B–109B", "2.9T\n1.5T–5.7T", "1.923\n1.870–1.981"]],
    note="Medians.",
)


def test_a_table_that_fits_is_a_grid():
    shown = told([Heading("What to train"), TABLE], 60)
    assert "57B" in shown
    assert any("1.0e24" in line and "1.923" in line for line in shown.split("\n"))


def test_words_wrap_before_numbers_do():
    unit = "(nats/token)^(1/k) × tokens^(alpha_D/k)"
    table = Table(["parameter", "90 % interval", "unit"], [["B", "169.9–918.2", unit]])
    shown = told([table], 50)
    assert "parameter:" not in shown  # still a grid
    assert "169.9–918.2" in shown
    assert max(map(len, shown.split("\n"))) <= 50


@pytest.mark.parametrize("width", [20, 30])
def test_no_number_is_cut_in_a_narrow_terminal(width):
    shown = told([TABLE], width)
    for number in ("1.0e24", "29B–109B", "1.5T–5.7T", "1.870–1.981"):
        assert number in shown
    assert "…" not in shown
