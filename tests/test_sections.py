"""Sections as text and as HTML: nothing hostile gets through, nothing is cut in silence."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pandas as pd
import pytest

from bayesscale._sections import (
    CELL_SHOWN,
    COLOURS,
    COLUMNS_SHOWN,
    ROWS_SHOWN,
    Details,
    Equation,
    Heading,
    Paragraph,
    Result,
    Table,
    Verdict,
    as_html,
    as_text,
    findings,
    further,
    verdict,
    words,
    worst,
)
from bayesscale.laws import LAWS

HOSTILE = [
    "<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "\x1b]8;;http://x\x07y", "a\x00b",
    "x" * 10_000, "[bold]no markup[/bold]", "模型-Ω", "", "a\rb", "\u202eevil", "'\"&<>",
]  # fmt: skip


def everything(name):
    return [
        Heading(name), Paragraph(name, "stop", emphasis=True), Paragraph(name, "caution"),
        Verdict(name, "caution"), Details(name, [Paragraph(name)]),
        Table([name, "value"], [[name, "1"], [f"{name}\n{name}", "2"]], note=name, more=7),
    ]  # fmt: skip


class Seen(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


def seen(html):
    parser = Seen()
    parser.feed(html)
    return parser


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_hostile_names_are_text(name):
    text, html = as_text(everything(name)), as_html(everything(name))
    for shown in (text, "".join(seen(html).text)):
        assert all(c.isprintable() or c == "\n" for c in shown)
    assert seen(html).tags <= {
        "b", "div", "h3", "p", "br", "span", "table", "thead", "tbody", "tr", "th", "td", "details",
        "summary", "sub", "sup",
    }  # fmt: skip
    assert seen(html).attributes <= {"class", "style"}
    if name.startswith("<script>"):
        assert name in "".join(seen(html).text)


def test_long_cells_are_cut_and_columns_stay_in_line():
    lines = as_text([Table(["name", "n"], [["x" * 500, "1"], ["y", "2"]])]).split("\n")
    assert max(map(len, lines)) < CELL_SHOWN + 10
    assert lines[2].index("1") == lines[3].index("2")
    assert "…" in lines[2]


def test_cells_of_two_lines():
    table = Table(["params", "loss"], [["57B\n29B–109B", "2.1"]])
    assert as_text([table]).split("\n")[2:] == ["57B       2.1", "29B–109B"]
    assert re.search(r"<td>57B <span[^>]*>\(29B–109B\)</span></td><td>2.1</td>", as_html([table]))


def test_wide_and_long_tables_are_cut_with_a_word():
    frame = pd.DataFrame({f"c{i}": range(100) for i in range(12)})
    columns = {name: lambda row, name=name: str(row[name]) for name in frame}
    table = Table.of(frame, columns)
    assert (len(table.rows), table.more) == (ROWS_SHOWN, 100 - ROWS_SHOWN)
    html = as_html([table])
    assert html.count("<th>") == COLUMNS_SHOWN
    assert "c8, c9, c10, c11" in html  # named, not shown
    for shown in (html, as_text([table])):
        assert f"… and {100 - ROWS_SHOWN} more rows." in shown


def test_verdicts_are_marked_and_other_paragraphs_are_not():
    said = [Paragraph("stop.", "stop", emphasis=True), Paragraph("Also this.", "stop"),
            Paragraph("Fine.", "ok", emphasis=True)]  # fmt: skip
    assert as_text(said).split("\n\n") == ["Do not use: stop.", "Also this.", "Fine."]
    html = as_html([Verdict("fine.", "ok"), *said])
    assert re.findall(r"<span[^>]*>([^<]*)</span> <b>([^<]*)</b>", html) == [("Passed", "fine.")]
    assert "<b>Do not use: stop.</b>" in html
    assert "<p><b>Fine.</b></p>" in html


def test_equations_have_numbers_in_them():
    law = LAWS["chinchilla"]
    letters = {"E": 1.69, "A": 406.4, "B": 4.107e12, "alpha_N": 0.34, "alpha_D": 0.28}
    equation = Equation(law.equation, letters)
    assert as_text([equation]) == "L(N, D) = 1.69 + 406.4 N^(−0.34) + 4.107 × 10^12 D^(−0.28)"
    assert "4.107 × 10<sup>12</sup> D<sup>−0.28</sup>" in as_html([equation])
    assert as_text([Equation(law.equation)]) == "L(N, D) = E + A N^(−α_N) + B D^(−α_D)"
    assert "<b>" not in as_html([Equation("L = <b>x</b>^{<i>}")])


@pytest.mark.parametrize("name", LAWS)
def test_every_law_can_be_written_with_numbers(name):
    law = LAWS[name]
    equation = Equation(law.equation, dict.fromkeys(law.published_units, 0.3125))
    assert not set("{}\\") & set(equation.text + equation.html)
    assert equation.text.count("0.3125") == len(
        re.findall(
            r"(?<![a-z_])(E|A|B|k|g|P|R_[ND]|q_[NU]|[NDC]_c|M_.start.|.alpha_[NDC])(?![a-z_])",
            law.equation,
        )
    )


@pytest.mark.parametrize(
    ("severity", "label"),
    [("ok", "Passed"), ("note", "Passed"), ("caution", "Caution"), ("stop", "Do not use")],
)
def test_passing_and_failing_look_different(severity, label):
    line = verdict([Check("a", severity, "A."), Check("a", severity, "A again.")])
    assert line.marked.startswith(f"{label}: ")
    assert "a, a" not in line.text
    html = as_html([line])
    others = {"#2e7d32", "#8a5a00", "#b00020"} - {COLOURS[severity]}
    assert COLOURS[severity] in html
    assert not any(colour in html for colour in others)


def test_details_fold_in_html_and_come_out_whole_in_text():
    told = [Details("What else", [Paragraph("First."), Paragraph("Second.")])]
    assert as_html(told).count("<details><summary>What else</summary><p>First.</p>") == 1
    assert as_text(told) == "What else\n\nFirst.\n\nSecond."
    assert words(told) == "First. Second."


@dataclass(frozen=True)
class Check:
    name: str
    severity: str
    text: str


def test_the_verdict_and_what_it_rests_on_come_first_and_the_good_news_is_folded_away():
    checks = [Check("a", "ok", "A."), Check("b", "caution", "B."), Check("c", "stop", "C."),
              Check("d", "note", "D.")]  # fmt: skip
    line, *rest = findings(checks)
    assert (line.severity, "c" in line.text) == ("stop", True)
    assert [(s.text, s.severity) for s in rest] == [("C.", "stop"), ("B.", "caution")]
    (details,) = further(checks)
    assert [p.text for p in details.paragraphs] == ["D. D.", "A. A."]
    assert [s.severity for s in findings([])] == ["ok"]
    assert further([]) == []
    assert worst(check.severity for check in checks) == "stop"


class Result(Result):
    severity = "caution"

    def sections(self):
        return [Heading("One & all"), Paragraph("Said once.", self.severity, emphasis=True)]


def test_a_result_shows_its_sections():
    result = Result()
    assert result.passed
    assert repr(result) == "One & all\n\nCaution: Said once."
    assert "One &amp; all" in result._repr_html_()
