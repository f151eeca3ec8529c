"""Functions of ArviZ that work on `fit.draws`, listed so that none is lost."""

import arviz_stats
import pytest

from tests.simulate import fit_at, simulate_runs

SUMMARIES = ("summary", "ess", "rhat", "mcse", "hdi", "eti", "loo", "loo_pit", "psense_summary")


@pytest.fixture(scope="module")
def draws():
    return fit_at(simulate_runs(), spread=0.02).draws


@pytest.mark.parametrize("name", SUMMARIES)
def test_it_works(draws, name):
    options = {"var_names": ["E", "alpha_N"]} if name not in ("loo", "loo_pit") else {}
    assert getattr(arviz_stats, name)(draws, **options) is not None
