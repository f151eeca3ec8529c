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
def test_every_python_block_runs_in_turn(blocks, tmp_path):
    main_job, own_law = blocks
    scope: dict = {}
    exec(main_job, scope)
    exec(own_law, scope)
    assert {p.name for p in tmp_path.iterdir()} == {"fit.nc", "loss.pdf"}
    assert isinstance(scope["fit"], bs.Fit)
    assert scope["fit"].law.name == "tied"
    assert scope["fit"].convergence.passed
    # the law of the user's own goes through everything, without a closed form
    table = bs.allocate(scope["fit"], flops=1e14).summary
    assert table["params_exponent"].iloc[0] == pytest.approx(0.5, abs=1e-6)
    assert bs.extrapolate(scope["fit"], params=1e6, tokens=1e8).summary["loss"].iloc[0] > 0.5


def test_every_law_is_in_the_table():
    text = README.read_text()
    for law in bs.LAWS:
        shown = law.removesuffix("_irreducible").replace("kaplan_data", "_data")
        assert shown.replace("kaplan_compute", "_compute") in text
