"""Bridge sampling on problems of the literature whose evidence is known.

The estimate must agree with the exact log evidence within four standard errors and within one
per cent, and its reported error must be small and, over repeats, the error it makes.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bayesscale.comparison import Evidence, bridge, bridge_sampling
from bayesscale.errors import DomainError
from tests.comparison import evidence_problems as problems

DRAWN = {
    "2-D kernel": problems.kernel,
    "beta-binomial": problems.beta_binomial,
    "correlated normal 2": lambda: problems.correlated_gaussian(2),
    "correlated normal 10": lambda: problems.correlated_gaussian(10),
    "correlated normal 20": lambda: problems.correlated_gaussian(20),
    "correlated normal 50": lambda: problems.correlated_gaussian(50),
    "student 5": problems.student,
    "eggbox": lambda: problems.eggbox((4, 2500)),
    "Rosenbrock": lambda: problems.rosenbrock((4, 5000)),
    "normal-gamma": lambda: problems.normal_gamma(1.0),
    "normal-gamma, vague": lambda: problems.normal_gamma(1e-6),
}

SAMPLED = {
    "hierarchical normal H0": (problems.hierarchical_normal, "H0"),
    "t-test H0": (problems.t_test, "H0"),
    "t-test H1": (problems.t_test, "H1"),
    "t-test H+": (problems.t_test, "Hplus"),
    "turtles H0": (problems.turtles, "H0"),
    "turtles H1": (problems.turtles, "H1"),
    "exchange rates, 1 factor": (problems.factors, 1),
    "exchange rates, 2 factors": (problems.factors, 2),
    "Pima M1, .01": (problems.pima, "M1", 0.01),
    "Pima M2, .01": (problems.pima, "M2", 0.01),
    "Pima M1, 1": (problems.pima, "M1", 1.0),
    "Pima M2, 1": (problems.pima, "M2", 1.0),
}


@pytest.fixture(scope="session")
def evidence_files(ladders: Path) -> Path:
    """Folder of the measured data and exact answers, beside the ladders'."""
    folder = ladders.parent / "reference" / "evidence"
    if not folder.is_dir():
        pytest.skip("problems of known evidence not at hand: no reference/evidence by the ladders")
    return folder


def agree(problem, relative=0.01, most=0.1) -> Evidence:
    estimate = bridge_sampling(problem.target, problem.draws)
    error = abs(estimate.log_evidence - problem.exact)
    assert error < 4 * np.hypot(estimate.mcse, problem.se)
    assert relative == np.inf or error < relative * abs(problem.exact)
    assert estimate.mcse < most
    return estimate


# ---- known evidence


@pytest.mark.parametrize("name", DRAWN)
def test_exact_draws_give_the_evidence(name):
    agree(DRAWN[name]())


@pytest.mark.parametrize(
    ("draws", "relative"), [(1000, 0.1), pytest.param(75_000, 0.01, marks=pytest.mark.slow)]
)
def test_two_rings_are_bridged(draws, relative):
    """Their log evidence happens to lie near 0: to one per cent, it takes very many draws."""
    agree(problems.shells((4, draws)), relative)


@pytest.mark.parametrize(("d", "shape"), [(1, 0.7), (6, 2.0)])
def test_skewed_densities_are_bridged(d, shape):
    """Their constants lie near 0, so that no share of these says anything."""
    agree(problems.skewed(d, shape), relative=np.inf)


@pytest.mark.parametrize("covariate", ["x", "z"])
def test_exact_draws_give_the_evidence_of_a_regression(evidence_files, covariate):
    agree(problems.radiata(evidence_files, covariate))


def test_a_sampled_model_gives_the_evidence(evidence_files):
    agree(problems.hierarchical_normal(evidence_files, "H1"))


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLED)
def test_sampled_models_give_the_evidence(evidence_files, name):
    problem, *arguments = SAMPLED[name]
    agree(problem(evidence_files, *arguments))


@pytest.mark.slow
def test_many_modes_widen_the_error_and_show_in_the_overlap(evidence_files):
    """Three factors: one normal proposal meets little of a posterior of several modes."""
    estimate = agree(problems.factors(evidence_files, 3), most=0.5)
    assert estimate.overlap < 0.1


def test_iteration_and_error_are_those_of_the_reference_implementation(evidence_files):
    data = json.loads((evidence_files / "bridge_iterative_scheme.json").read_text())
    of_draws = np.subtract(data["log_q11"], data["log_q12"])
    of_proposed = np.subtract(data["log_q21"], data["log_q22"])
    estimate = bridge(of_draws[None], of_proposed, effective=data["neff"], independent=True)
    assert estimate.log_evidence == pytest.approx(data["logml"], abs=1e-12)
    assert estimate.mcse == pytest.approx(data["mcse"], abs=1e-12)


# ---- calibration of the error


@pytest.mark.parametrize("name", ["student", "skewed 1", "skewed 6", "banana", "regression"])
def test_errors_reported_are_those_made(request, name):
    """Over 100 repeats with 2 chains of 250 draws, z-scores have a standard deviation near 1."""
    problem = {
        "student": problems.student,
        "skewed 1": partial(problems.skewed, 1, 0.7),
        "skewed 6": partial(problems.skewed, 6, 2.0),
        "banana": problems.rosenbrock,
    }.get(name)
    if problem is None:
        problem = partial(problems.radiata, request.getfixturevalue("evidence_files"), "x")
    z = []
    for seed in range(100):
        # a stream apart from the bridge's
        target, draws, exact, _ = problem(size=(2, 250), seed=[7, seed])
        estimate = bridge_sampling(target, draws, random_seed=seed)
        z.append((estimate.log_evidence - exact) / estimate.mcse)
    assert 0.8 < np.std(z) < 1.25
    assert abs(np.mean(z)) < 0.5


def test_autocorrelation_widens_the_error():
    rng = np.random.default_rng(3)
    z = []
    for seed in range(60):
        noise = rng.normal(size=(4, 500, 1))
        draws = np.empty_like(noise)
        draws[:, 0] = noise[:, 0]
        for t in range(1, 500):  # AR(1) .9, made skewed by a monotone map of known Jacobian
            draws[:, t] = 0.9 * draws[:, t - 1] + np.sqrt(1 - 0.81) * noise[:, t]
        estimate = bridge_sampling(
            lambda v: float(-0.5 * np.arcsinh(v[0]) ** 2 - 0.5 * np.log1p(v[0] ** 2)),
            np.sinh(draws), random_seed=seed,
        )  # fmt: skip
        z.append((estimate.log_evidence - 0.5 * np.log(2 * np.pi)) / estimate.mcse)
    assert 0.7 < np.std(z) < 1.4


def test_what_cannot_be_bridged():
    draws = np.random.default_rng(0).normal(size=(4, 200, 2))
    with pytest.raises(DomainError, match="shape"):
        bridge_sampling(lambda u: 0.0, draws[0])
    with pytest.raises(DomainError, match="not finite"):
        bridge_sampling(lambda u: -np.inf, draws)
