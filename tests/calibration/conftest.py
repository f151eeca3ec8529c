"""Calibrations of a cheap law, in this process, on so few runs that priors and Jacobians matter."""

from collections.abc import Callable
from functools import partial

import joblib
import numpy as np
import pytest

import bayesscale as bs
from tests.simulate import simulate_runs


@pytest.fixture(autouse=True)
def one_process():
    """Stay where what is patched is patched."""
    with joblib.parallel_config(n_jobs=1):
        yield


@pytest.fixture(scope="session")
def short_ladder() -> bs.Runs:
    params = np.geomspace(1e8, 4e8, 8)
    return simulate_runs(sizes=(params, 20 * params))


@pytest.fixture
def calibrate(short_ladder) -> Callable[..., bs.Calibration]:
    return partial(
        bs.calibrate, short_ladder, law="kaplan_params_irreducible", noise="normal",
        discrepancy=None, draws=200, tune=200, random_seed=1, progress=False,
    )  # fmt: skip
