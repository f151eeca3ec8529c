"""Fits that needed no sampling, and how to save them."""

from pathlib import Path

import pytest

from bayesscale.inference import Fit
from tests.simulate import fit_at, simulate_runs


@pytest.fixture(scope="session")
def runs():
    return simulate_runs()


@pytest.fixture(scope="session")
def fit(runs) -> Fit:
    return fit_at(runs, spread=0.02)


@pytest.fixture(scope="session")
def other(runs) -> Fit:
    return fit_at(runs, spread=0.03)


@pytest.fixture
def saved(fit, tmp_path) -> Path:
    return fit.save(tmp_path / "fit.nc")
