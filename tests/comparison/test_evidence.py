"""The evidence of fits: an exact answer, what is refused, and what the runs prefer."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

import bayesscale as bs
from bayesscale.errors import ConvergenceWarning, DomainError, EvidenceError, LackOfFitWarning
from tests.comparison.conftest import Line
from tests.simulate import simulate_runs

QUIET = {"discrepancy": None, "random_seed": 2, "progress": False}


def test_the_evidence_of_a_linear_law_is_exact():
    """With known normal noise the log losses are jointly normal under the prior."""
    rng = np.random.default_rng(3)
    tokens, sigma = np.geomspace(1e9, 1e12, 12), 0.05
    loss = np.exp(1 - 0.1 * np.log(tokens / 3e10) + rng.normal(0, sigma, 12))
    runs = bs.Runs.from_frame({"params": np.full(12, 1e8), "tokens": tokens, "loss": loss})
    known = bs.Prior("LogNormal", mu=np.log(sigma), sigma=1e-4)
    fit = bs.fit(runs, law=Line(), noise="normal", priors={"sigma": known}, **QUIET)
    x = np.log(tokens / fit.spec.reference["tokens"])
    mean = np.log(fit.spec.reference["loss"]) - 0.1 * x
    covariance = 0.3**2 + 0.2**2 * np.outer(x, x) + sigma**2 * np.eye(12)
    exact = multivariate_normal(mean, covariance).logpdf(np.log(loss))
    estimate = bs.evidence(fit)
    assert abs(estimate.log_evidence - exact) < 4 * estimate.mcse + 1e-3  # sigma is known to 1e-4
    assert estimate.mcse < 0.01
    assert estimate.method == "bridge sampling"


@pytest.mark.slow
def test_runs_of_a_law_prefer_it():
    runs = simulate_runs("chinchilla")
    with pytest.warns(LackOfFitWarning):  # of Kaplan's
        fits = {law: bs.fit(runs, law=law, **QUIET) for law in ("chinchilla", "kaplan", "unified")}
    found = {law: bs.evidence(fit) for law, fit in fits.items()}
    log_evidence = {law: e.log_evidence for law, e in found.items()}
    assert log_evidence["chinchilla"] - log_evidence["kaplan"] > 10
    assert log_evidence["chinchilla"] > log_evidence["unified"] - 3  # k = 1 is inside unified


def test_evidence_of_what_did_not_converge_is_refused():
    runs = simulate_runs()
    with pytest.warns(ConvergenceWarning):
        fit = bs.fit(runs, law="chinchilla", draws=100, tune=100, **QUIET)
    with pytest.raises(EvidenceError, match="NOT CONVERGED"):
        bs.evidence(fit)


def test_evidence_is_of_fits():
    with pytest.raises(DomainError, match="Expected a Fit"):
        bs.evidence(simulate_runs())  # pyright: ignore[reportArgumentType]
