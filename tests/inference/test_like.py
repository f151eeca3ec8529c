"""A sibling as a prior: its law at another centre, what comes before it, and few runs."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError
from bayesscale.inference import Setup
from bayesscale.model import LINKS, default_prior
from tests.simulate import fit_at, simulate_runs

RUNS = simulate_runs()
LARGER = simulate_runs(sizes=(8 * RUNS.params, 3 * RUNS.tokens))
"""The same law's runs, elsewhere."""


@pytest.mark.parametrize("law", ["chinchilla", "unified", "kaplan_irreducible"])
def test_priors_are_the_siblings_law_at_the_ladders_own_centre(law):
    sibling = fit_at(RUNS, law)  # all draws at one point
    spec = Setup.of(LARGER, law=law, discrepancy=None, like=sibling).spec
    reference = spec.reference
    at = {name: np.array([reference[name]]) for name in ("params", "tokens")}
    c = {
        k.name: LINKS[k.link].backward(np.array(spec.priors[k.name].parameters["mu"]))
        for k in spec.law.coordinates
    }
    c["level"] = np.exp(sibling.posterior.log_loss(at)).mean() / reference["loss"]
    for letter, value in spec.law.published(c, reference).items():
        expected = float(sibling.published[letter].mean())
        np.testing.assert_allclose(value, expected, rtol=1e-5, err_msg=letter)


def test_a_prior_is_as_wide_as_the_siblings_posterior_and_siblings_differ():
    sibling = fit_at(RUNS, spread=0.1, draws=2000)
    spec = Setup.of(RUNS, law="chinchilla", discrepancy=None, like=sibling).spec
    for k in spec.law.coordinates:
        width = spec.priors[k.name].parameters["sigma"]
        if k.name == "level":  # siblings differ in level
            assert spec.priors[k.name] == default_prior(k)
        elif k.name == "slope_N":
            u = LINKS[k.link].forward(sibling.coordinates[k.name])
            assert width == pytest.approx(np.hypot(float(u.std()), k.scale / 3), rel=1e-3)
        else:
            assert width < k.scale


def test_ones_own_prior_comes_first():
    own = bs.Prior("LogNormal", mu=-3.0, sigma=0.1)
    options = {"law": "chinchilla", "discrepancy": None, "like": fit_at(RUNS)}
    spec = Setup.of(RUNS, **options, priors={"slope_N": own}).spec
    assert spec.priors["slope_N"] == own
    assert spec.priors["slope_D"] != Setup.of(RUNS, law="chinchilla").spec.priors["slope_D"]


def test_three_runs_are_enough_with_a_sibling():
    few = RUNS.select(np.arange(len(RUNS)) % 16 == 0)
    options = {"law": "chinchilla", "progress": False, "random_seed": 1}
    with pytest.raises(RunsError, match="like="):
        bs.fit(few, **options)
    sibling = fit_at(RUNS, spread=0.02, draws=500)
    with pytest.warns(bs.errors.BayesScaleWarning):  # three runs leave much to the prior
        fit = bs.fit(few, like=sibling, **options)
    assert fit.convergence.passed
    again = Setup.of(few, **fit.options())  # refits of the checks and back-tests
    assert again.spec.priors == fit.spec.priors


@pytest.mark.parametrize(("like", "said"), [("fit.nc", "must be a Fit"), (None, "'chinchilla'")])
def test_what_is_no_sibling_is_refused(like, said):
    like = like or fit_at(RUNS, "unified")
    with pytest.raises(DomainError, match=said):
        Setup.of(RUNS, law="chinchilla", like=like)
