"""Arguments of a wrong type or outside all bounds: a message, before anything is compiled."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import (
    BayesScaleError,
    DomainError,
    ExtrapolationWarning,
    PriorError,
    RunsError,
    UnknownNameError,
)
from tests.simulate import fit_at, simulate_runs

WRONG = {
    "text": "x", "none in a list": [None], "nan": np.nan, "400 digits": 10**400,
    "an object": object(), "negative": -1, "a list": [1, 2],
}  # fmt: skip

RUNS = simulate_runs()
NARROW, WIDE = (fit_at(RUNS, law, spread=0.02, draws=100) for law in ("chinchilla", "unified"))
FITS = {"a": NARROW, "b": WIDE}
QUIET = {"progress": False}
TABLE = {"params": [1e8], "tokens": [1e10], "loss": [1.0]}

QUESTIONS = {
    "fit draws": lambda v: bs.fit(RUNS, draws=v, **QUIET),
    "fit target_accept": lambda v: bs.fit(RUNS, target_accept=v, **QUIET),
    "fit priors": lambda v: bs.fit(RUNS, priors=v, **QUIET),
    "fit law": lambda v: bs.fit(RUNS, law=v, **QUIET),
    "fit noise": lambda v: bs.fit(RUNS, noise=v, **QUIET),
    "fit discrepancy": lambda v: bs.fit(RUNS, discrepancy=v, **QUIET),
    "fit density": lambda v: bs.fit(RUNS, density=v, **QUIET),
    "fit progress": lambda v: bs.fit(RUNS, progress=v),
    "fit runs": lambda v: bs.fit(v, **QUIET),
    "fit laws": lambda v: bs.fit_laws(RUNS, laws=v, **QUIET),
    "split factor": RUNS.split_by_compute,
    "backtest factor": lambda v: bs.backtest(RUNS, factor=v, **QUIET),
    "backtest folds": lambda v: bs.backtest(RUNS, folds=v, **QUIET),
    "plan hold_out": lambda v: bs.plan(RUNS, hold_out=v, **QUIET),
    "calibrate simulations": lambda v: bs.calibrate(RUNS, simulations=v, **QUIET),
    "compare fits": lambda v: bs.compare(v, **QUIET),
    "compare criteria": lambda v: bs.compare(FITS, criteria=v, **QUIET),
    "compare factor": lambda v: bs.compare(FITS, factor=v, criteria="largest", **QUIET),
    "compare group": lambda v: bs.compare(FITS, group=v, criteria="loo", **QUIET),
    "compare prior_odds": lambda v: bs.compare(FITS, prior_odds=v, **QUIET),
    "average by": lambda v: bs.average(FITS, by=v, **QUIET),
    "sensitivity scales": lambda v: bs.prior_sensitivity(FITS, scales=[v], **QUIET),
    "extrapolate fit": lambda v: bs.extrapolate(v, params=1e9, tokens=1e10),
    "extrapolate params": lambda v: bs.extrapolate(NARROW, params=v, tokens=1e10),
    "extrapolate loss_se": lambda v: bs.extrapolate(NARROW, params=1e9, tokens=1e10, loss_se=v),
    "extrapolate ci_prob": lambda v: bs.extrapolate(NARROW, params=1e9, tokens=1e10, ci_prob=v),
    "allocate flops": lambda v: bs.allocate(NARROW, flops=v),
    "allocate cost": lambda v: bs.allocate(NARROW, flops=1e20, terms=bs.Terms(cost=v)),
    "allocate limits": lambda v: bs.allocate(NARROW, flops=1e20, terms=bs.Terms(limits=v)),
    "allocate within": lambda v: bs.allocate(NARROW, flops=1e20, terms=bs.Terms(within=v)),
    "regret params": lambda v: bs.regret(NARROW, params=v, tokens=1e10),
    "regret names": lambda v: bs.regret(NARROW, params=1e9, tokens=1e10, names=v),
    "design target": lambda v: bs.design(NARROW, target=v, budget=1e20),
    "design candidates": lambda v: bs.design(
        NARROW, target=1e21, budget=1e20, candidates={"params": v, "tokens": 1e10}
    ),
    "required prob": lambda v: bs.required_flops(NARROW, loss=2.5, prob=v),
    "omega": lambda v: bs.EmbeddingShare(omega=v),
    "served": lambda v: bs.LifetimeCost(tokens_served=v),
    "gain factor": lambda v: bs.gain(NARROW, params=1e9, tokens=1e10, factor=v),
    "required loss": lambda v: bs.required_flops(NARROW, loss=v),
    "between": lambda v: bs.Prior.between(v, -2),
    "between mass": lambda v: bs.Prior.between(0.1, 1, mass=v),
    "prior family": lambda v: (
        bs.Prior(v, alpha=1) if not isinstance(v, str) else bs.Prior.between(1, 0)
    ),
    "prior parameter": lambda v: bs.Prior("Beta", alpha=[v], beta=2),
    "flops_max": lambda v: bs.plot_data("loss", NARROW, flops_max=v),
    "held_out": lambda v: bs.plot_data("loss", NARROW, held_out=v),
    "load": bs.load_fit,
    "bytes_per_token": lambda v: bs.Runs.from_frame(
        TABLE, loss_unit="bits/byte", bytes_per_token=v
    ),
    "inputs": lambda v: bs.Runs.from_frame(TABLE, inputs=v),
}

FINE = {  # no wrong argument there
    ("fit progress", "negative"),
    ("extrapolate params", "a list"), ("extrapolate loss_se", "a list"),
    ("regret params", "a list"), ("design candidates", "a list"),
    ("allocate flops", "a list"), ("required loss", "a list"),
}  # fmt: skip


CASES = [(q, kind) for q in QUESTIONS for kind in WRONG if (q, kind) not in FINE]


@pytest.mark.filterwarnings("ignore::bayesscale.errors.BayesScaleWarning")
@pytest.mark.usefixtures("no_sampling")
@pytest.mark.parametrize(("question", "kind"), CASES)
def test_wrong_arguments_are_refused_with_a_message(question, kind):
    with pytest.raises(BayesScaleError) as caught:
        QUESTIONS[question](WRONG[kind])
    assert len(str(caught.value)) > 20


PRIORS = [
    ("LogNormal", {"mu": -3, "sgima": 0.01}, "Did you mean 'sigma'"),
    ("LogNormal", {"mu": -3}, "needs mu and 1 of"),
    ("LogNormal", {"sigma": 1}, "needs mu"),
    ("LogNormal", {"mu": -3, "sigma": 0.1, "tau": 100}, "1 of sigma, tau"),
    ("Normal", {"mu": 0.3, "sd": 0.1}, "No parameter of Normal named 'sd'"),
    ("Beta", {"alpha": 3}, "needs 2 of"),
    ("Beta", {"alpha": 3, "beta": 6, "mu": 0.3}, "needs 2 of"),
    ("Uniform", {"lower": 0.1}, "needs lower and upper"),
    ("Gamma", {}, "needs 2 of"),
]


@pytest.mark.parametrize(("family", "parameters", "message"), PRIORS)
def test_parameters_of_priors_are_all_there_and_no_others(family, parameters, message):
    with pytest.raises(BayesScaleError, match=message):
        bs.fit(RUNS, priors={"slope_N": bs.Prior(family, **parameters)}, **QUIET)


FITS = {
    "fewer runs than unknowns": ({"runs": RUNS.select(np.arange(48) < 5)}, RunsError, "6 "),
    "unknown law": ({"law": "chincilla"}, UnknownNameError, "Did you mean 'chinchilla'"),
    "unknown noise": ({"noise": "student-t"}, UnknownNameError, "Did you mean 'student_t'"),
    "unknown prior": ({"priors": {"beta": bs.Prior.between(0, 1)}}, UnknownNameError, "slope_N"),
    "excluding prior": ({"priors": {"level": bs.Prior.between(9, 10)}}, PriorError, "level"),
    "prior outside": ({"priors": {"slope_N": bs.Prior.between(-1, 1)}}, PriorError, "positive"),
}


@pytest.mark.usefixtures("no_sampling")
@pytest.mark.parametrize(("options", "error", "message"), FITS.values(), ids=FITS)
def test_fits_that_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        bs.fit(**({"runs": RUNS, "progress": False} | options))


TARGETS = [
    *(({"params": size, "tokens": 1e10}, "positive and finite") for size in (0, -1e9, np.inf)),
    ({"params": 1e9}, "params and tokens"),
    ({"params": [1e9, 2e9], "tokens": [1e10, 2e10, 3e10]}, "equally many"),
]


@pytest.mark.parametrize(("target", "message"), TARGETS)
def test_targets_outside_the_range_of_the_law(target, message):
    with pytest.raises(DomainError, match=message):
        bs.extrapolate(NARROW, **target)


def test_targets_far_outside_the_range_of_the_runs():
    with pytest.warns(ExtrapolationWarning):
        bs.extrapolate(NARROW, params=1e12, tokens=2e13)
    with pytest.warns(ExtrapolationWarning):
        assert bs.required_flops(NARROW, loss=0.5).summary["reachable"].iloc[0] == 0
