"""Fits that need no sampling, and a watch over figures left open."""

import matplotlib as mpl
import pytest

from tests.simulate import average_of, fit_at, simulate_runs

mpl.use("Agg")  # before pyplot is first imported

from matplotlib import pyplot as plt


@pytest.fixture(scope="session")
def ladder():
    """A simulated ladder, cut into runs to fit and larger ones held out."""
    return simulate_runs().split_by_compute(factor=10)


@pytest.fixture(scope="session")
def fit(ladder):
    return fit_at(ladder[0], spread=0.02)


@pytest.fixture(scope="session")
def make_fit(ladder):
    """Make a fit of another law, or to other runs."""

    def make(law, runs=None):
        return fit_at(ladder[0] if runs is None else runs, law, spread=0.02)

    return make


@pytest.fixture(scope="session")
def average(ladder, fit):
    """Two laws, three draws of one to one of the other."""
    fits = {"chinchilla": fit, "kaplan": fit_at(ladder[0], "kaplan", spread=0.02)}
    return average_of(fits, 0.75, 0.25)


@pytest.fixture
def ax():
    """Axes of a figure that the test owns: nothing else may open one."""
    figure, ax = plt.subplots(layout="constrained")
    yield ax
    assert plt.get_fignums() == [figure.number]
    plt.close(figure)


@pytest.fixture
def own_figure():
    """The one figure that a plot opens by itself."""
    assert plt.get_fignums() == []
    yield
    plt.close("all")


@pytest.fixture
def no_figure():
    """No figure is opened."""
    yield
    assert plt.get_fignums() == []
