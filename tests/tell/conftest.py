"""A fit that needs no sampling, and the report of it."""

import matplotlib as mpl
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.inference import Average
from tests.simulate import fit_at, simulate_runs

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
    table = pd.DataFrame(
        {"law": list(fits), "weight": [0.75, 0.25], "weight_se": 0.1, "elpd": [1.0, 0.0],
         "refits_converged": True},
        index=pd.Index(list(fits), name="fit"),
    )  # fmt: skip
    return Average(fits, {"chinchilla": 0.75, "kaplan": 0.25}, "loo", table, None, "Chosen.", 1)
