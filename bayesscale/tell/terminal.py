"""Sections in a terminal, with colours where it has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from bayesscale import _sections as page

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 100
"""Sentences are hard to follow over wider lines than this."""

PIPED, WIDEST_TABLE = 80, 400
"""What is piped is read by programs: sentences wrap, but a table is as wide as it has to be."""

STYLES: dict[page.Severity, str] = {"ok": "", "note": "", "caution": "yellow", "stop": "red"}
PASSED = "green"


def terminal(file: IO[str] | None = None, *, stderr: bool = False, quiet: bool = False) -> Console:
    """Open a stream, by default standard output, for :func:`tell`."""
    from rich.console import Console

    console = Console(file=file, stderr=stderr, quiet=quiet, highlight=False, emoji=False)
    console.width = min(console.width, WIDEST) if console.is_terminal else WIDEST_TABLE
    return console


def tell(sections: Iterable[page.Section], console: Console) -> None:
    """Print sections, a blank line before a heading and around a table."""
    for section in sections:
        match section:
            case page.Heading(text):
                say(f"\n{page.clean(text)}", console, style="bold")
            case page.Verdict(severity=severity):
                say(section.marked, console, style=f"bold {STYLES[severity] or PASSED}")
            case page.Details(title, paragraphs):
                say(f"\n{page.clean(title)}", console, style="bold dim")
                for paragraph in paragraphs:
                    say(page.marked(paragraph), console, style="dim")
            case page.Paragraph(severity=severity, emphasis=emphasis):
                say(page.marked(section), console, style=f"{'bold ' * emphasis}{STYLES[severity]}")
            case page.Equation():
                say(page.clean(section.text), console)
            case page.Table():
                _table(section, console)


def say(text: str, console: Console, *, style: str = "") -> None:
    """Print a paragraph; line breaks in it are kept, and nothing in it is markup."""
    from rich.text import Text

    width = console.width if console.is_terminal else min(console.width, PIPED)
    console.print(Text(text, style=style.strip()), width=width)


def _table(table: page.Table, console: Console) -> None:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    console.print()
    # words may wrap; numbers are neither cut nor broken over lines
    words, least = [], []
    for i, wide in enumerate(page.widths(table)):
        lines = [line for row in table.rows for line in page.cell_lines(row[i])]
        words.append(any(" " in line for line in lines))
        lines += page.cell_lines(table.columns[i])
        least.append(max(len(w) for line in lines for w in line.split(" ")) if words[i] else wide)
    if sum(least) + 2 * len(least) > console.width:
        say(page.as_records(table), console)
    else:
        grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column, wraps, width in zip(table.columns, words, least, strict=True):
            grid.add_column(Text(page.clean(column)), no_wrap=not wraps, min_width=width)
        for row in table.rows:
            grid.add_row(*(Text("\n".join(page.cell_lines(cell))) for cell in row))
        console.print(grid)
    console.print()
    if table.footer:
        say(f"{page.clean(table.footer)}\n", console)
