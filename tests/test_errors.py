"""Errors in a notebook: the user's own line and the message, none of our frames."""

import linecache
import traceback

import pytest

import bayesscale as bs
from bayesscale.errors import BayesScaleError

CELL = "import bayesscale as bs\n\nruns = bs.read_runs('nowhere.csv')\n"


def test_a_notebook_shows_the_users_line_and_the_message():
    linecache.cache["<cell 7>"] = (len(CELL), None, CELL.splitlines(keepends=True), "<cell 7>")
    with pytest.raises(BayesScaleError) as caught:
        exec(compile(CELL, "<cell 7>", "exec"), {})
    shown = caught.value._render_traceback_()
    assert shown[0].endswith("> runs = bs.read_runs('nowhere.csv')")
    assert shown[-1] == f"FileError: {caught.value}"
    assert len(shown) == 3
    # nothing is lost: who wants all of it, has it
    assert len(traceback.format_exception(caught.value)) > 5


def test_ipython_asks_for_it():
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    said = []
    shell._showtraceback = lambda kind, value, lines: said.extend(lines)
    shell.run_cell("import bayesscale as bs\nbs.read_runs('nowhere.csv')")
    assert said[0].startswith("----> bs.read_runs")
    assert "FileError" in said[-1]
    assert len(said) < 6
    assert bs.BayesScaleError is BayesScaleError
