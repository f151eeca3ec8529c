"""Bridge sampling on problems of the literature whose evidence is known.

The estimate must agree with the exact log evidence within four standard errors and within one
per cent, and its reported error must be small and, over repeats, the error it makes.
"""

import json
from pathlib import Path

import numpy as np
import pymc as pm
import pytest
import xarray as xr

from bayesscale.comparison import bridge, bridge_sampling
from bayesscale.errors import DomainError
from tests.comparison import evidence_problems as problems

DRAWN = {
    "2-D kernel": problems.kernel,
    "beta-binomial": problems.beta_binomial,
    "correlated normal 2": lambda: problems.correlated_gaussian(2),
    "correlated normal 10": lambda: problems.correlated_gaussian(10),
    "correlated normal 20": lambda: problems.correlated_gaussian(20),
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


def agree(problem: problems.Problem, relative: float = 0.01) -> None:
    estimate = bridge_sampling(problem.target, problem.draws)
    error = abs(estimate.log_evidence - problem.exact)
    assert error < 4 * np.hypot(estimate.mcse, problem.se)
    assert error < relative * abs(problem.exact)
    assert estimate.mcse < 0.1


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
    problem = problems.factors(evidence_files, 3)
    estimate = bridge_sampling(problem.target, problem.draws)
    error = abs(estimate.log_evidence - problem.exact)
    assert error < 4 * np.hypot(estimate.mcse, problem.se)
    assert error < 0.01 * abs(problem.exact)
    assert estimate.mcse < 0.5
    assert estimate.overlap < 0.1


def test_iteration_and_error_are_those_of_the_reference_implementation(evidence_files):
    data = json.loads((evidence_files / "bridge_iterative_scheme.json").read_text())
    of_draws = np.subtract(data["log_q11"], data["log_q12"])
    of_proposed = np.subtract(data["log_q21"], data["log_q22"])
    estimate = bridge(of_draws[None], of_proposed, effective=data["neff"], independent=True)
    assert estimate.log_evidence == pytest.approx(data["logml"], abs=1e-12)
    assert estimate.mcse == pytest.approx(data["mcse"], abs=1e-12)


# ---- calibration of the error


def spread(problem) -> float:
    """Return the standard deviation of z-scores over 100 repeats with 2 chains of 250 draws."""
    z = []
    for seed in range(100):
        target, draws, exact, _ = problem((2, 250), [7, seed])  # a stream apart from the bridge's
        estimate = bridge_sampling(target, draws, random_seed=seed)
        z.append((estimate.log_evidence - exact) / estimate.mcse)
    return float(np.std(z))


def test_errors_reported_on_a_banana_are_those_made():
    assert 0.8 < spread(problems.rosenbrock) < 1.25


def test_errors_reported_on_a_regression_are_those_made(evidence_files):
    assert 0.8 < spread(lambda *a: problems.radiata(evidence_files, "x", *a)) < 1.25


# ---- PyMC models with draws made by hand: a prior integrates to 1


def posterior(**variables) -> xr.Dataset:
    return xr.Dataset(
        {
            name: (("chain", "draw", *(f"{name}_{i}" for i in range(values.ndim - 2))), values)
            for name, values in variables.items()
        }
    )


def integrates_to_one(model, draws) -> None:
    estimate = bridge_sampling(model, draws)
    assert abs(estimate.log_evidence) < 4 * estimate.mcse
    assert estimate.mcse < 0.05


@pytest.fixture
def scale_model() -> pm.Model:
    with pm.Model(coords={"part": ["a", "b"]}) as model:
        pm.Gamma("scale", 3, 1, dims="part")  # a length that PyTensor does not know
    return model


def test_bounds_that_are_other_variables():
    with pm.Model() as model:
        upper = pm.Gamma("upper", 5, 1)
        pm.Uniform("inside", -upper, 2 * upper)
    rng = np.random.default_rng(1)
    upper = rng.gamma(5, size=(4, 500))
    inside = rng.uniform(-upper, 2 * upper)
    integrates_to_one(
        model, xr.DataTree.from_dict({"posterior": posterior(upper=upper, inside=inside)})
    )


def test_vectors_matrices_and_shares_in_any_order_of_dimensions():
    mean = 10.0 * np.arange(6).reshape(2, 3)
    with pm.Model() as model:
        pm.Normal("matrix", mean, [1, 2, 3], shape=(2, 3))
        pm.Dirichlet("shares", [2, 3, 4])
        pm.Gamma("scale", 3, 1, shape=2)
    rng = np.random.default_rng(1)
    draws = posterior(
        unused=rng.normal(size=(4, 500)),
        scale=rng.gamma(3, size=(4, 500, 2)),
        matrix=rng.normal(mean, [1, 2, 3], size=(4, 500, 2, 3)),
        shares=rng.dirichlet([2, 3, 4], size=(4, 500)),
    )
    integrates_to_one(model, draws.transpose("matrix_0", "draw", ..., "chain"))


def test_observations_and_potentials_count():
    """A likelihood is in the density with its constant, and so is a potential."""
    with pm.Model() as model:
        mean = pm.Normal("mean", 0, 1)
        pm.Normal("y", mean, 1, observed=1.0)
        pm.Potential("constant", pm.math.constant(3.0) + 0 * mean)
    draws = np.random.default_rng(1).normal(0.5, 0.5**0.5, size=(4, 500))
    estimate = bridge_sampling(model, posterior(mean=draws))
    exact = -0.5 * np.log(2 * np.pi * 2) - 0.25 + 3
    assert estimate.log_evidence == pytest.approx(exact, abs=4 * estimate.mcse)


def test_discrete_variables_are_refused():
    with pm.Model() as model:
        pm.Poisson("count", 3)
        pm.Normal("mean", 0, 1)
    draws = np.ones((2, 200))
    with pytest.raises(DomainError, match="count"):
        bridge_sampling(model, posterior(count=draws, mean=draws))


def test_a_missing_variable_is_refused(scale_model):
    with pytest.raises(DomainError, match="lacks scale"):
        bridge_sampling(scale_model, posterior(other=np.ones((2, 200))))


@pytest.mark.parametrize(
    "draws",
    [
        np.ones((2, 200, 2)),
        xr.DataTree.from_dict({"prior": posterior(scale=np.ones((2, 200, 2)))}),
        posterior(scale=np.ones((2, 200, 2))).rename(draw="sample"),
    ],
    ids=["array", "prior", "no draws"],
)
def test_draws_of_the_wrong_kind_are_refused(scale_model, draws):
    with pytest.raises(DomainError, match="DataTree"):
        bridge_sampling(scale_model, draws)


@pytest.mark.parametrize("value", [np.nan, -1.0], ids=["missing", "out of support"])
def test_draws_that_the_model_cannot_have_made_are_refused(scale_model, value):
    draws = np.random.default_rng(1).gamma(3, size=(2, 200, 2))
    draws[1, 7, 0] = value
    with pytest.raises(DomainError, match="finite"):
        bridge_sampling(scale_model, posterior(scale=draws))


@pytest.mark.parametrize("shape", [(2, 200), (2, 200, 3), (2, 50, 2)])
def test_draws_of_the_wrong_shape_are_refused(scale_model, shape):
    draws = np.random.default_rng(1).gamma(3, size=shape)
    with pytest.raises(DomainError, match="shape"):
        bridge_sampling(scale_model, posterior(scale=draws))


def test_what_is_no_model_is_refused():
    with pytest.raises(DomainError, match="PyMC model"):
        bridge_sampling("model", posterior(scale=np.ones((2, 200, 2))))
