"""What a result says, as sections: the same ones in a terminal, a notebook and a report.

A result lists headings, paragraphs and tables; how they look is decided by whoever shows
them: :func:`as_text` and :func:`as_html` here, colours in ``bayesscale.tell``.
"""

from __future__ import annotations

import html
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bayesscale import _equation
from bayesscale._format import printable
from bayesscale.errors import BayesScaleWarning

if TYPE_CHECKING:
    import pandas as pd

type Severity = Literal["ok", "note", "caution", "stop"]
"""Nothing found; worth knowing; use with this in mind; do not use."""

ORDER: tuple[Severity, ...] = ("ok", "note", "caution", "stop")

LABELS: dict[Severity, str] = {
    "ok": "Passed", "note": "Passed", "caution": "Caution", "stop": "Do not use",
}  # fmt: skip
"""What a verdict is marked with."""

NOT_TESTED, WEAKLY_TESTED = "Not tested", "Weakly tested"
"""What a verdict is marked with instead where nothing was found, but too little was tested."""

COLOURS: dict[Severity, str] = {
    "ok": "#2e7d32", "note": "#2e7d32", "caution": "#8a5a00", "stop": "#b00020",
}  # fmt: skip
"""Of verdicts in HTML, dark enough for white text."""

ROWS_SHOWN = 40
COLUMNS_SHOWN = 8
CELL_SHOWN = 48
"""Longer tables and cells are cut, with a word on what was left out."""


@dataclass(frozen=True)
class Heading:
    """A title of what follows."""

    text: str


@dataclass(frozen=True)
class Verdict:
    """Whether a result may be used, in a line: the first thing to read, marked by its severity."""

    text: str
    severity: Severity = "ok"
    label: str = ""

    @property
    def mark(self) -> str:
        """The label: that of its severity unless it has its own."""
        return self.label or LABELS[self.severity]

    @property
    def marked(self) -> str:
        """The line behind its label."""
        return clean(f"{self.mark}: {self.text}")

    def __str__(self) -> str:
        return self.marked


@dataclass(frozen=True)
class Paragraph:
    """Sentences; line breaks in them are kept. ``emphasis`` marks what to read first."""

    text: str
    severity: Severity = "ok"
    emphasis: bool = False


@dataclass(frozen=True)
class Equation:
    """An equation in a little LaTeX, and numbers for some of its parameters, by plain name."""

    tex: str
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The equation on one line, with the numbers."""
        return _equation.as_text(_equation.with_numbers(self.tex, self.values))

    @property
    def html(self) -> str:
        """The equation with raised exponents, with the numbers."""
        return _equation.as_html(_equation.with_numbers(self.tex, self.values))


@dataclass(frozen=True)
class Table:
    """Cells of text, which may have two lines; ``more`` rows were left out at the end."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    more: int = 0

    @classmethod
    def of(
        cls, frame: pd.DataFrame, columns: Mapping[str, Callable[[Mapping[str, Any]], str]],
        note: str = "",
    ) -> Table:  # fmt: skip
        """Write the first rows of a frame: titles, and what makes a cell of a row by name."""
        shown = records(frame.head(ROWS_SHOWN))
        cells = [[write(row) for write in columns.values()] for row in shown]
        return cls(list(columns), cells, note, len(frame) - len(shown))

    @property
    def footer(self) -> str:
        """What is written below the cells: how many rows are not shown, and the note."""
        left_out = f"… and {self.more:,} more rows." if self.more else ""
        return "\n".join(filter(None, [left_out, self.note]))


@dataclass(frozen=True)
class Details:
    """What need not be read: folded away where that is possible, and last where it is not."""

    title: str
    paragraphs: Sequence[Paragraph]


type Section = Heading | Verdict | Paragraph | Equation | Table | Details


class Result(ABC):
    """A result that is described in sections. ``passed`` means that nothing forbids its use."""

    @property
    def severity(self) -> Severity:
        """The gravest of its checks' findings, if any: ok, note, caution or stop."""
        return worst(check.severity for check in getattr(self, "checks", ()))

    @property
    def passed(self) -> bool:
        """Whether nothing forbids to use it; a caution does not."""
        return self.severity != "stop"

    @abstractmethod
    def sections(self) -> list[Section]:
        """Return what it says, the verdict first."""

    def __repr__(self) -> str:
        return as_text(self.sections())

    def _repr_html_(self) -> str:
        return as_html(self.sections())


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    ``name``: what was checked; ``severity``: ``"ok"``; ``"note"``, worth knowing; ``"caution"``,
    usable with this in mind; ``"stop"``, not to be used; ``text``: what was found, in plain words,
    and what to do about it; ``table``: the figures behind it; ``warning``: category of the warning
    that is issued for a caution or a stop.
    """

    name: str
    severity: Severity
    text: str
    table: pd.DataFrame
    warning: type[BayesScaleWarning]

    @property
    def passed(self) -> bool:
        """Whether nothing forbids to use the result."""
        return self.severity != "stop"

    @property
    def warns(self) -> bool:
        """Whether the finding is a caution or a stop."""
        return self.severity in ("caution", "stop")


def verdict(checks: Iterable[CheckResult], *, of: str = "posterior") -> Verdict:
    """Return what checks come to, in a line that names the gravest of what they found."""
    checks = list(checks)
    gravest = worst(check.severity for check in checks)
    named = ", ".join(dict.fromkeys(c.name for c in checks if c.severity == gravest))
    text = {
        "stop": f"the {of} failed its checks ({named}).",
        "caution": f"these checks of the {of} found problems: {named}.",
    }.get(gravest, f"the {of} passed its checks.")
    return Verdict(text, gravest)


def findings(checks: Iterable[CheckResult], *, of: str = "posterior") -> list[Section]:
    """Return the verdict of checks, then what it rests on where something was found."""
    checks = list(checks)
    grave = [c for level in ("stop", "caution") for c in checks if c.severity == level]
    return [verdict(checks, of=of), *(Paragraph(check.text, check.severity) for check in grave)]


def further(checks: Iterable[CheckResult]) -> list[Section]:
    """Return what else checks have to say, notes first, as details."""
    checks = list(checks)
    rest = [c for level in ("note", "ok") for c in checks if c.severity == level]
    texts = [Paragraph(f"{check.name[:1].upper()}{check.name[1:]}. {check.text}") for check in rest]
    return [Details("Other findings of the checks", texts)] if texts else []


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the gravest of severities, ``"ok"`` if there are none."""
    return ORDER[max((ORDER.index(severity) for severity in severities), default=0)]


def words(sections: Iterable[Section]) -> str:
    """Return the sentences alone, as one text."""
    sentences: list[str] = []
    for section in sections:
        match section:
            case Verdict(text) | Paragraph(text):
                sentences.append(text)
            case Details(_, paragraphs):
                sentences.append(words(paragraphs))
    return " ".join(sentences)


def as_text(sections: Iterable[Section]) -> str:
    """Write sections without any colours."""
    parts: list[str] = []
    for section in sections:
        match section:
            case Heading(text):
                parts.append(f"{clean(text)}\n")
            case Verdict():
                parts.append(f"{section.marked}\n")
            case Paragraph():
                parts.append(f"{marked(section)}\n")
            case Details(title, paragraphs):
                parts.append(f"{clean(title)}\n\n{as_text(paragraphs)}\n")
            case Equation():
                parts.append(f"{clean(section.text)}\n")
            case Table():
                parts.append("\n".join([*_lines(section), clean(section.footer)]).rstrip() + "\n")
    return "\n".join(parts).rstrip("\n")


def as_html(sections: Iterable[Section]) -> str:
    """Write sections for a notebook: no script, no style sheet, everything escaped."""
    parts = []
    for section in sections:
        match section:
            case Heading(text):
                parts.append(f"<h3>{_escaped(text)}</h3>")
            case Verdict():
                colours = f"background:{COLOURS[section.severity]};color:#fff"
                badge = f'<span style="{colours};border-radius:3px;padding:1px 6px">{section.mark}'
                parts.append(f"<p>{badge}</span> <b>{_escaped(section.text)}</b></p>")
            case Paragraph():
                text_html = _escaped(marked(section))
                text_html = f"<b>{text_html}</b>" if section.emphasis else text_html
                parts.append(f"<p{_style(section)}>{text_html}</p>")
            case Details(title, paragraphs):
                folded = "".join(f"<p{_style(p)}>{_escaped(marked(p))}</p>" for p in paragraphs)
                parts.append(f"<details><summary>{_escaped(title)}</summary>{folded}</details>")
            case Equation():
                parts.append(f'<p style="font-family:serif">{section.html}</p>')
            case Table():
                parts.append(_html_table(section))
    return f'<div class="bayesscale">{"".join(parts)}</div>'


def marked(paragraph: Paragraph) -> str:
    """Return what is grave and emphasised behind its label, and any other paragraph as it is."""
    grave = paragraph.emphasis and paragraph.severity in ("caution", "stop")
    return clean(f"{LABELS[paragraph.severity]}: {paragraph.text}" if grave else paragraph.text)


def clean(text: str) -> str:
    """Show characters that steer a terminal instead of obeying them."""
    return "\n".join(map(printable, text.split("\n")))


def cell_lines(cell: str) -> list[str]:
    """Return the lines of a cell, each cut where it gets too long."""
    lines = [clean(line) for line in cell.split("\n")]
    return [line if len(line) <= CELL_SHOWN else f"{line[: CELL_SHOWN - 1]}…" for line in lines]


def widths(table: Table) -> list[int]:
    """Return how many characters each column takes."""
    return [
        max(len(line) for cell in (title, *(row[i] for row in table.rows))
            for line in cell_lines(cell))
        for i, title in enumerate(table.columns)
    ]  # fmt: skip


def as_records(table: Table) -> str:
    """Write a table for a narrow place: a line a cell, and a blank line between rows."""
    return "\n\n".join(
        "\n".join(
            f"{clean(title)}: {', '.join(cell_lines(cell))}"
            for title, cell in zip(table.columns, row, strict=True)
        )
        for row in table.rows
    )


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one dict a row, the index included."""
    return [{str(k): v for k, v in row.items()} for row in frame.reset_index().to_dict("records")]


def _lines(table: Table) -> list[str]:
    wide = widths(table)
    rule = ["─" * sum(w + 2 for w in wide)]
    lines = _laid_out(table.columns, wide) + rule
    for row in table.rows:
        lines += _laid_out(row, wide)
    return lines


def _laid_out(cells: Sequence[str], wide: Sequence[int]) -> list[str]:
    columns = [cell_lines(cell) for cell in cells]
    height = max(map(len, columns), default=0)
    padded = [[*column, *[""] * (height - len(column))] for column in columns]
    return [
        "  ".join(line.ljust(w) for line, w in zip(row, wide, strict=True)).rstrip()
        for row in zip(*padded, strict=True)
    ]


def _html_table(table: Table) -> str:
    shown = slice(COLUMNS_SHOWN)
    head = "".join(f"<th>{_escaped(title)}</th>" for title in table.columns[shown])
    body = "".join(
        "<tr>" + "".join(f"<td{_side(cell)}>{_cell(cell)}</td>" for cell in row[shown]) + "</tr>"
        for row in table.rows
    )
    left = [clean(str(title)) for title in table.columns[COLUMNS_SHOWN:]]
    cut = f"Not shown: {', '.join(left)}." if left else ""
    foot = "".join(f"<p>{_escaped(text)}</p>" for text in (cut, *table.footer.split("\n")) if text)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}"


def _side(cell: str) -> str:
    """Align words to the left; numbers stand to the right, as notebooks have it."""
    return "" if cell[:1].isdigit() or cell[:1] in "+-−±∞" else ' style="text-align:left"'


def _cell(cell: str) -> str:
    """Write ``median (interval)`` where a cell has two lines, which may break between the two."""
    first, *rest = (html.escape(line) for line in cell_lines(cell))
    if not rest:
        return first
    return f'{first} <span style="white-space:nowrap">({", ".join(rest)})</span>'


def _style(paragraph: Paragraph) -> str:
    if paragraph.severity not in ("caution", "stop"):
        return ""
    return f' style="border-left:3px solid {COLOURS[paragraph.severity]};padding-left:6px"'


def _escaped(text: str) -> str:
    """Escape a text, and keep intervals on one line."""
    text = re.sub(r"(?<=\S)–(?=\S)", "\u2060–\u2060", html.escape(clean(text)))
    return text.replace("\n", "<br>")
