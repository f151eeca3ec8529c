"""Tables in LaTeX: booktabs, nothing that LaTeX would obey."""

import pytest

import bayesscale as bs
from bayesscale._sections import Paragraph, Result, Table
from bayesscale.errors import DomainError
from bayesscale.tell import SYMBOLS


class Result(Result):
    severity = "ok"

    def __init__(self, *sections):
        self._sections = list(sections)

    def sections(self):
        return self._sections


def test_a_fit_is_a_table_of_its_letters(fit):
    written = bs.to_latex(fit, caption="Letters", label="tab:letters")
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\caption{Letters}",
                 r"\label{tab:letters}", r"alpha\_N"):  # fmt: skip
        assert part in written
    assert written.count(r"\\") == 1 + len(fit.summary())
    assert not set(SYMBOLS) & set(written)


def test_cells_of_two_lines_and_hostile_ones():
    table = Table(["p_1", "50 %"], [["57B\n29B–109B", r"\input{x} & $y$ # ~^"]])
    written = bs.to_latex(Result(Paragraph("Said."), table))
    assert r"57B (29B--109B) & \textbackslash input\{x\}" in written
    assert r"\& \$y\$ \#" in written
    assert r"p\_1 & 50 \% \\" in written
    assert "table" not in written  # no caption, no float


def test_what_is_refused():
    with pytest.raises(DomainError, match="has no table"):
        bs.to_latex(Result(Paragraph("Nothing.")))
    with pytest.raises(DomainError, match="result of bayesscale"):
        bs.to_latex("fit")
