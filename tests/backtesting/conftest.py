"""Fits near the truth that need no sampling, and a short bootstrap."""

import pytest

from tests.simulate import fit_at, simulate_runs


@pytest.fixture(scope="session")
def runs():
    """A ladder of eight budgets over three decades."""
    return simulate_runs()


def make_fit(runs, law="chinchilla", *, draws=400):
    return fit_at(runs, law, discrepancy="drift", spread=0.02, draws=draws)


@pytest.fixture
def asked(sample_with):
    """Replace the sampling; lists the fits that were asked for."""
    return sample_with(lambda setup: make_fit(setup.runs, setup.spec.law))


@pytest.fixture(autouse=True)
def _short_bootstrap(short_bootstrap):
    """Bootstraps are short in these tests."""
