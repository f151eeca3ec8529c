"""Fits near the truth that need no sampling."""

from functools import partial

import numpy as np
import pytest

from bayesscale.backtesting import predict_by_bootstrap
from bayesscale.model import LINKS, specify
from tests.simulate import TRUTH, fit_at, simulate_runs


@pytest.fixture(scope="session")
def runs():
    """A ladder of eight budgets over three decades."""
    return simulate_runs()


@pytest.fixture(scope="session")
def make_fit():
    """Make a fit; coordinates that the truth does not name stay at the middle of their priors."""

    def make(runs, law="chinchilla", *, draws=400, seed=1):
        spec = specify(runs, law=law)
        middle = {c.name: float(LINKS[c.link].backward(np.array(c.loc))) for c in spec.coordinates}
        return fit_at(runs, law, truth=middle | TRUTH, spread=0.02, draws=draws, spec=spec)

    return make


@pytest.fixture
def asked(monkeypatch, make_fit):
    """Replace the sampling and shorten the bootstrap; lists what each fit was asked for."""
    calls = []

    def fit(runs, *, law, **options):
        calls.append({"runs": runs, "law": law, **options})
        return make_fit(runs, law)

    monkeypatch.setattr("bayesscale.backtesting.rolling.fit", fit)
    shorten_bootstrap(monkeypatch)
    return calls


def shorten_bootstrap(monkeypatch):
    quick = partial(predict_by_bootstrap, refits=5)
    monkeypatch.setattr("bayesscale.backtesting.judge.predict_by_bootstrap", quick)
