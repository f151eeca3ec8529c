"""Sections in a terminal, with colours where it has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bayesscale._sections import (
    Figure,
    Heading,
    Paragraph,
    Section,
    Severity,
    Table,
    as_records,
    cell_lines,
    clean,
    marked,
    widths,
)

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 100
"""Sentences are hard to follow over wider lines than this."""

UNIT, NARROWEST_UNIT = "unit", 22
"""A column of words, which may be folded down to this width."""

STYLES: dict[Severity, str] = {"ok": "", "note": "", "caution": "yellow", "stop": "red"}


def terminal(*, stderr: bool = False, quiet: bool = False) -> Console:
    """Open standard output, or standard error, for :func:`tell`."""
    from rich.console import Console

    console = Console(stderr=stderr, quiet=quiet, highlight=False, emoji=False)
    console.width = min(console.width, WIDEST)
    return console


def tell(sections: Iterable[Section], console: Console) -> None:
    """Print sections, a blank line before a heading and around a table."""
    for section in sections:
        match section:
            case Heading(text):
                say(f"\n{clean(text)}", console, style="bold")
            case Paragraph(severity=severity, emphasis=emphasis):
                say(marked(section), console, style=f"{'bold ' * emphasis}{STYLES[severity]}")
            case Table():
                _table(section, console)
            case Figure():
                pass  # its file is named by whoever writes it


def say(text: str, console: Console, *, style: str = "") -> None:
    """Print a paragraph; line breaks in it are kept, and nothing in it is markup."""
    from rich.text import Text

    console.print(Text(text, style=style.strip()))


def _table(table: Table, console: Console) -> None:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    console.print()
    taken = widths(table)
    if table.columns[-1] == UNIT:
        taken[-1] = min(taken[-1], NARROWEST_UNIT)  # words may be folded
    if sum(taken) + 2 * len(table.columns) > console.width:
        say(as_records(table), console)  # cells are not cut, nor numbers broken over lines
    else:
        grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in table.columns:
            grid.add_column(Text(clean(column)), no_wrap=column != UNIT)
        for row in table.rows:
            grid.add_row(*(Text("\n".join(cell_lines(cell))) for cell in row))
        console.print(grid)
    console.print()
    if table.footer:
        say(f"{clean(table.footer)}\n", console)
