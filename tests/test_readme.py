"""What the README shows, works."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest

import bayesscale as bs

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def blocks(tmp_path, monkeypatch):
    mpl.use("Agg")
    monkeypatch.chdir(tmp_path)
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


@pytest.mark.filterwarnings(
    "ignore::bayesscale.errors.ExtrapolationWarning",
    "ignore::bayesscale.errors.LackOfFitWarning",  # the example is a hard case
)
def test_the_python_block_runs(blocks, tmp_path):
    (block,) = blocks
    scope: dict = {}
    exec(block, scope)
    assert {p.name for p in tmp_path.iterdir()} == {"fit.nc", "loss.pdf", "report.html"}
    assert isinstance(scope["fit"], bs.Fit)


def test_every_command_of_the_readme_is_one():
    from bayesscale.cli import main

    named = set(re.findall(r"run bayesscale (\w+)", README.read_text()))
    assert {"quickstart"} <= named <= set(main.commands)


def test_it_is_short():
    assert len(README.read_text().splitlines()) <= 130
    assert len(README.read_text().split()) <= 1100
