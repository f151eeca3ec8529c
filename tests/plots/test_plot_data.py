"""What holds for all plots: the numbers behind them, and what their help says."""

import inspect
import subprocess
import sys

import pytest

import bayesscale as bs
from bayesscale.errors import UnknownNameError
from bayesscale.plots import DATA

PLOTS = [name for name in sorted(bs.__all__) if name.startswith("plot_")]
PLOTS = [name for name in PLOTS if name not in ("plot_data", "plot_style")]


def test_every_plot_has_its_numbers():
    assert [f"plot_{name}" for name in DATA] == PLOTS


@pytest.mark.parametrize("name", DATA)
def test_options_of_the_numbers_are_those_of_the_plot(name):
    plot = inspect.signature(getattr(bs, f"plot_{name}")).parameters
    for option, parameter in inspect.signature(DATA[name]).parameters.items():
        assert parameter == plot[option]


def test_an_unknown_plot_is_refused(fit):
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        bs.plot_data("los", fit)


def test_shared_arguments_are_documented_in_place():
    text = inspect.getdoc(bs.plot_loss) or ""
    assert "held_out\n    Runs that were not fitted" in text
    assert 'unit\n    Unit of the losses: ``"nats/token"``' in text
    assert "Returns\n-------\nmatplotlib.axes.Axes\n    The axes." in text


def test_the_quoted_slopes_are_there_in_a_fresh_process():
    code = "import bayesscale as bs; assert len(bs.plots.KAPLAN_AND_CHINCHILLA) == 2"
    subprocess.run([sys.executable, "-c", code], check=True)
