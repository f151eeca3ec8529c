"""The compiled surface gives the losses and derivatives of the formulas in NumPy."""

import numpy as np
import pytest

from bayesscale.density import CannotTraceError, Surface
from bayesscale.forecast import Frontier, Terms
from bayesscale.inference.projection import project_on_law
from bayesscale.laws import get_law
from bayesscale.model import Posterior, specify
from tests.simulate import simulate_runs

MODELS = [
    {"law": "unified"}, {"law": "chinchilla", "discrepancy": None}, {"law": "kaplan"},
    {"law": "chinchilla", "noise": "normal"},
]  # fmt: skip


def posterior(draws=13, **model):
    spec = specify(simulate_runs(), **model)
    return Posterior.of(spec, spec.space.draw(np.random.default_rng(0), draws))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_losses_and_derivatives_are_those_of_the_formula(model):
    prior, rng, h = posterior(**model), np.random.default_rng(1), 1e-3
    at = {"params": rng.uniform(-2, 4, (13, 5)), "tokens": rng.uniform(-2, 4, (1, 5))}
    (value,) = Surface(prior.spec)(prior, at)
    expected = prior.relative_log_loss(at)
    np.testing.assert_allclose(value, expected, atol=1e-12)

    def moved(n, d):
        return prior.relative_log_loss({"params": at["params"] + n, "tokens": at["tokens"] + d})

    n, d = ((moved(*step) - moved(*(-np.array(step)))) / (2 * h) for step in ((h, 0), (0, h)))
    n_n, d_d = (
        (moved(*step) - 2 * expected + moved(*(-np.array(step)))) / h**2
        for step in ((h, 0), (0, h))
    )
    n_d = (moved(h, h) - moved(h, -h) - moved(-h, h) + moved(-h, -h)) / (4 * h * h)
    found = Surface(prior.spec, "sizes")(prior, at)
    for exact, differences in zip(found, (expected, n, d, n_n, n_d, d_d), strict=True):
        np.testing.assert_allclose(exact, differences, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("model", [MODELS[0], MODELS[2]], ids=str)
def test_the_closest_law_is_the_same_compiled_or_not(model, monkeypatch):
    prior, runs = posterior(draws=40, **model), simulate_runs()
    found = []
    for many in (1, 10**9):
        monkeypatch.setattr("bayesscale.inference.projection.MANY", many)
        found.append(project_on_law(prior, runs))
    np.testing.assert_array_equal(found[0].converged, found[1].converged)
    for name, values in found[0].c.items():
        np.testing.assert_allclose(values, found[1].c[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("model", MODELS[:3], ids=str)
def test_a_compiled_frontier_is_the_one_in_numpy(model, monkeypatch):
    prior, flops = posterior(draws=40, **model), np.geomspace(1e19, 1e23, 15)
    terms = Terms.of(None, simulate_runs())
    answers = []
    for many in (1, 10**9):
        monkeypatch.setattr("bayesscale.forecast.frontier.MANY", many)
        frontier = Frontier.of(prior, flops, terms, {})
        x, minima = frontier.optimum()
        worse = frontier.log_loss(x) + 0.01
        answers.append((x, frontier.exponents(x)[0], frontier.flops_for(worse, x), minima))
    (x, exponent, enough, minima), numpy = answers[0], answers[1]
    np.testing.assert_array_equal(minima, numpy[3])
    np.testing.assert_allclose(x, numpy[0], atol=1e-7)
    np.testing.assert_allclose(exponent, numpy[1], atol=2e-5)  # differences over 1e-3
    np.testing.assert_allclose(enough, numpy[2], rtol=1e-6)


def test_what_cannot_be_traced_is_left_to_numpy(monkeypatch):
    spec = specify(simulate_runs())
    law = type(get_law("unified"))
    monkeypatch.setattr(law, "log_loss", lambda self, c, x, xp: xp.cbrt(c["level"]))
    with pytest.raises(CannotTraceError):
        Surface(spec)
