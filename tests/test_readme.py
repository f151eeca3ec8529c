"""What the README shows, works."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
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
    "ignore::bayesscale.errors.RunsWarning",
)
def test_every_python_block_runs_in_turn(blocks, tmp_path):
    main_job, before_you_buy, own_law = blocks
    scope: dict = {}
    exec(main_job, scope)
    exec(before_you_buy, scope)
    exec(own_law, scope)
    assert {p.name for p in tmp_path.iterdir()} == {"fit.nc", "loss.pdf", "report.html"}
    assert isinstance(scope["fit"], bs.Fit)
    # the law of the user's own goes through everything, without a closed form
    frame = scope["runs"].frame
    experts = np.tile([1.0, 4.0, 16.0], len(frame))[: len(frame)]
    runs = bs.Runs.from_frame(frame.assign(n_experts=experts), inputs={"experts": "n_experts"})
    prior = {"worth": bs.Prior.between(0.001, 0.5, mass=0.9)}  # these networks have no experts
    fit = bs.fit(runs, law=scope["Sparse"](), priors=prior, random_seed=1, progress=False)
    assert fit.passed
    assert len(bs.allocate(fit, flops=1e13, experts=8).summary) == 1


def test_every_command_of_the_readme_is_one():
    from bayesscale.cli import main

    said = set(re.findall(r"bayesscale (\w+)", README.read_text()))
    assert {"quickstart", "fit", "compare"} <= said & set(main.commands)
