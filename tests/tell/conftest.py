"""A fit that needs no sampling, and the report of it."""

import matplotlib as mpl
import pytest

import bayesscale as bs
from tests.simulate import average_of, fit_at, simulate_runs

mpl.use("Agg")


@pytest.fixture(scope="session")
def fit():
    return fit_at(simulate_runs(), spread=0.02)


@pytest.fixture(scope="session")
def report(fit, tmp_path_factory):
    return bs.report(tmp_path_factory.mktemp("report") / "report.html", fit=fit, flops=[1e22, 1e23])


@pytest.fixture(scope="session")
def average_of_two(fit):
    """Two laws, three draws of one to one of the other."""
    fits = {"chinchilla": fit, "kaplan": fit_at(fit.runs, "kaplan", spread=0.02)}
    return average_of(fits, 0.75, 0.25)
