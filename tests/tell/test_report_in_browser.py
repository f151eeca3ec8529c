"""The report in a browser, from disk and with the network off: what the slider says is right."""

import shutil

import numpy as np
import pytest

import bayesscale as bs
from tests.tell.browser import CHROMIUM, browser

COLUMNS = {"params": "params", "tokens": "tokens", "loss": "optimal_loss"}

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"
)


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.open(report)
        yield opened


def test_no_error_and_no_request(page, report):
    assert page.said == []
    assert [r for r in page.requests if not r.startswith("data:")] == [report.as_uri()]
    loaded = page.run("[...document.images].map(i => i.complete && i.naturalWidth > 0)")
    assert loaded == [True] * 5


def test_the_slider_says_what_allocate_says(page, fit):
    """At ten budgets between the rows of its table, within half a percent."""
    budgets = fit.runs.flops.max() * np.geomspace(0.12, 900, 10)
    with pytest.warns(bs.BayesScaleWarning):
        best = bs.allocate(fit, flops=budgets).summary
    for flops, row in zip(budgets, best.to_dict("records"), strict=True):
        said = page.run(f"window.bayesscale.best({float(flops)!r})")
        for name, column in COLUMNS.items():
            for end in ("", "_lower", "_upper"):
                assert said[name + end] == pytest.approx(row[column + end], rel=0.005)


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_served_tokens_move_it_as_lifetime_costs_do(page, fit):
    """Two hundred draws say how far: within two percent of what all of them say."""
    budgets = fit.runs.flops.max() * np.array([1.7, 40.0])
    for served in (3e10, 1e12):
        cost = bs.LifetimeCost(tokens_served=served)
        best = bs.allocate(fit, flops=budgets, terms=bs.Terms(cost=cost)).summary
        for flops, row in zip(budgets, best.to_dict("records"), strict=True):
            said = page.run(f"window.bayesscale.best({float(flops)!r}, {served!r})")
            for name, column in COLUMNS.items():
                for end in ("", "_lower", "_upper"):
                    assert said[name + end] == pytest.approx(row[column + end], rel=0.02)


def test_keys_move_it_and_the_page_says_where_it_is(page):
    said = "document.getElementById('{}').textContent"
    page.run("document.getElementById('budget').focus()")
    before = page.run(said.format("params"))
    page.press("ArrowRight", 39)
    page.press("PageUp", 33)
    after, budget = page.run(said.format("params")), page.run(said.format("budget-said"))
    assert before != after
    spoken = page.run("document.getElementById('budget').getAttribute('aria-valuetext')")
    assert spoken == budget
    assert budget.endswith(" FLOP")
    page.run("document.getElementById('served').focus()")
    assert page.run(said.format("served-said")) == "none"
    page.press("PageUp", 33)
    assert page.run(said.format("served-said")).endswith(" tokens")
    page.press("Home", 36)
    page.run("document.getElementById('budget').focus()")
    page.press("End", 35)
    far = page.run(said.format("reach"))
    page.press("Home", 36)
    assert page.run(said.format("reach")) != far


@pytest.mark.parametrize(("width", "mobile"), [(1280, False), (375, True)])
def test_nothing_is_wider_than_the_screen(page, width, mobile):
    page.resize(width, 800, mobile=mobile)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")


def test_it_prints(page, tmp_path):
    page.print(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 10_000
    assert page.run("[...document.querySelectorAll('details')].every(d => d.open)")


def test_hidden_parts_are_hidden_without_scripts(report):
    text = report.read_text(encoding="utf-8")
    assert '<div id="explorer" hidden>' in text
    assert shutil.which(CHROMIUM)
