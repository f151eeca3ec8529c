"""Averages against exact answers, of a law whose posterior is normal; and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, norm

import bayesscale as bs
from bayesscale.comparison import importance_sampled, leave_one_out, left_out, stacking_weights
from bayesscale.errors import (
    DomainError,
    EvidenceError,
    LackOfFitWarning,
    RunsError,
    UnknownNameError,
)
from tests.comparison.conftest import SLOPES, normal_of_losses
from tests.simulate import fit_at, simulate_runs


def exact_log_density(fit, name, left_out, *, given, joint):
    """Log density of some log losses given others: jointly, or of each alone."""
    mean, covariance = normal_of_losses(fit, name)
    y = np.log(fit.runs.loss)
    gain = np.linalg.solve(covariance[np.ix_(given, given)], covariance[np.ix_(given, left_out)])
    mean_given = mean[left_out] + (y[given] - mean[given]) @ gain
    left = covariance[np.ix_(left_out, left_out)] - covariance[np.ix_(left_out, given)] @ gain
    if joint:
        return multivariate_normal(mean_given, left).logpdf(y[left_out])
    return norm(mean_given, np.sqrt(np.diag(left))).logpdf(y[left_out])


def exact_left_out(fits, labels):
    units = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())]
    rest = [np.flatnonzero(~np.isin(np.arange(len(labels)), unit)) for unit in units]
    return np.array([
        [exact_log_density(fit, name, unit, given=given, joint=True) for name, fit in fits.items()]
        for unit, given in zip(units, rest, strict=True)
    ])  # fmt: skip


def log_score(log_density, weights):
    return logsumexp(log_density, b=np.asarray(weights), axis=1).sum()


@pytest.mark.parametrize("group", [None, "curve"])
def test_leave_one_out_is_exact(fits, runs, group):
    average = bs.average(fits, by="loo", group=group, progress=False)
    labels = runs.run_ids if group is None else runs.groups[group]
    exact = exact_left_out(fits, labels)
    # importance sampling with a k near .7 is good to a tenth or two, where densities differ by
    # nats; a refit is as good as its 8000 draws
    np.testing.assert_allclose(average.pointwise, exact, atol=0.25)
    for i, name in enumerate(fits):
        for label in average.summary.loc[name, "high_k"]:
            at = average.pointwise.index.get_loc(label)
            assert average.pointwise[name].iloc[at] == pytest.approx(exact[at, i], abs=0.1)
    np.testing.assert_allclose(average.summary["elpd"], exact.sum(axis=0), atol=0.4)
    # weights along which the score is flat are as good
    lost = log_score(exact, stacking_weights(exact)) - log_score(exact, [*average.weights.values()])
    assert -1e-6 < lost < 0.1
    assert average.pointwise.index.tolist() == list(dict.fromkeys(labels.tolist()))
    assert average.pointwise.index.name == (group or "run")
    # the run, or curve, far out and far off cannot be left out by importance sampling
    assert average.summary.loc["vague", "high_k"] == [labels[-1]]
    assert average.summary["n_refits"].sum() < len(exact)
    difference = exact - exact[:, [exact.sum(axis=0).argmax()]]
    np.testing.assert_allclose(average.summary["elpd_diff"], difference.sum(axis=0), atol=0.4)
    np.testing.assert_allclose(
        average.summary["elpd_diff_se"],
        np.sqrt(len(exact)) * difference.std(axis=0, ddof=1),
        atol=0.3,
    )


@pytest.mark.usefixtures("no_sampling")
def test_more_refits_than_bearable_are_refused(fits, monkeypatch):
    monkeypatch.setattr(left_out, "REFITS_MAX", 0)
    with pytest.raises(EvidenceError, match=r"fails for 1 of 15 .* left out of 'right'"):
        leave_one_out(fits, report=lambda *_: None)


def importance_sampled_of(log_likelihood):
    chains, draws, n = log_likelihood.shape
    index = pd.MultiIndex.from_product([range(chains), range(draws)])
    return importance_sampled(pd.DataFrame(log_likelihood.reshape(-1, n), index=index))


@pytest.mark.parametrize("factor", [1.5, 10])
def test_the_largest_runs_together_are_exact(fits, runs, factor):
    """One run, or three that all lie off the line with the last one."""
    average = bs.average(fits, by="largest", factor=factor, progress=False)
    held_out = runs.flops >= runs.flops.max() / factor
    large, small = np.flatnonzero(held_out), np.flatnonzero(~held_out)
    exact = np.array(
        [exact_log_density(fit, name, large, given=small, joint=True) for name, fit in fits.items()]
    )
    table = average.summary
    off = np.abs(table["log_score"] - exact)
    assert (off < 4 * table["log_score_mcse"] + 4e-3).all()  # sigma is known to 1e-4
    assert (table["log_score_mcse"] < 0.05).all()
    np.testing.assert_allclose(table["weight"], softmax(table["log_score"]))
    assert (table["n_largest"] == len(large)).all()
    assert average.pointwise is None
    assert f"{len(large)} within {factor:g}x" in average.text


def test_densities_one_by_one_do_not_add_up_to_the_joint_one(fits, runs):
    """What made it wrong to sum them: exact densities differ by nats."""
    large, small = np.arange(12, 15), np.arange(12)
    together, alone = (
        np.array([
            exact_log_density(fit, name, large, given=small, joint=joint).sum()
            for name, fit in fits.items()
        ])
        for joint in (True, False)
    )  # fmt: skip
    assert np.abs(together - alone).max() > 1


def test_evidence_gives_posterior_probabilities(fits):
    average = bs.average(fits, by="evidence", progress=False)
    exact = softmax([
        multivariate_normal(*normal_of_losses(fit, name)).logpdf(np.log(fit.runs.loss))
        for name, fit in fits.items()
    ])  # fmt: skip
    table = average.summary
    np.testing.assert_array_less(np.abs(table["weight"] - exact), 4 * table["weight_se"] + 1e-3)
    np.testing.assert_allclose(table["weight"], softmax(table["log_evidence"]))
    # the error of a weight, by simulation of the errors of the log evidences
    rng = np.random.default_rng(0)
    noisy = table["log_evidence"].to_numpy() + table["mcse"].to_numpy() * rng.normal(size=(4000, 3))
    spread = (np.exp(noisy - logsumexp(noisy, axis=1, keepdims=True))).std(axis=0)
    np.testing.assert_allclose(table["weight_se"], spread, rtol=4 / np.sqrt(2 * 4000) + 0.02)
    assert average.pointwise is None


def test_an_average_says_what_it_is_and_repeats(fits):
    average, again = (bs.average(fits, by="evidence", random_seed=7, progress=False) for _ in "ab")
    pd.testing.assert_frame_equal(average.summary, again.summary)
    assert sum(average.weights.values()) == pytest.approx(1)
    assert list(average.weights) == list(average.fits) == list(SLOPES)
    assert average.random_seed == 7
    assert average.text in repr(average)
    assert "<table" in average._repr_html_()
    assert average.runs is fits["right"].runs
    best = max(average.weights, key=lambda name: average.weights[name])
    assert re.search(rf": {best} \d+ %, ", average.text)


def test_importance_sampling_of_a_normal_mean():
    """Leaving one of n normal values out of a flat-prior posterior is known exactly."""
    rng = np.random.default_rng(4)
    y, found = rng.normal(size=20), []
    for _ in range(10):
        mean = rng.normal(y.mean(), 1 / np.sqrt(20), (4, 500, 1))
        found.append(importance_sampled_of(norm(mean, 1).logpdf(y))["log_density"])
    others = (y.sum() - y) / 19
    exact = norm(others, np.sqrt(1 + 1 / 19)).logpdf(y)
    found = np.array(found)
    error = found.std(axis=0, ddof=1) / np.sqrt(10)
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - exact), 5 * error + 1e-3)


# What is refused, before anything is sampled.

RUNS = simulate_runs()


def drawn(law="chinchilla", runs=RUNS, **options):
    return fit_at(runs, law, spread=0.01, draws=500, **options)


REFUSED = [
    ("one fit", lambda: {"a": drawn()}, {}, DomainError, "at least two fits, but got 1"),
    ("a list", lambda: [drawn(), drawn()], {}, DomainError, "fits by name.*not list"),
    ("no fits", lambda: {"a": RUNS, "b": RUNS}, {}, DomainError, "'a': 'Runs'"),
    ("other runs", lambda: {"a": drawn(), "b": drawn(runs=RUNS.select(RUNS.params < 5e9))}, {},
     DomainError, "'a' and 'b' are of different runs"),
    ("other inputs", lambda: {"a": drawn(), "b": drawn("kaplan_compute")}, {}, DomainError,
     "'b' from flops"),
    ("unknown criterion", lambda: {"a": drawn(), "b": drawn()}, {"by": "lou"}, UnknownNameError,
     "Did you mean 'loo'"),
    ("unknown cluster", lambda: {"a": drawn(), "b": drawn()}, {"group": "curve"},
     UnknownNameError, "group of runs named 'curve'"),
    ("evidence by cluster", lambda: {"a": drawn(), "b": drawn()},
     {"by": "evidence", "group": "curve"}, DomainError, "Leave group out"),
    ("largest by cluster", lambda: {"a": drawn(), "b": drawn()},
     {"by": "largest", "group": "curve"}, DomainError, "Leave group out"),
    ("factor", lambda: {"a": drawn(), "b": drawn()}, {"by": "largest", "factor": 1}, DomainError,
     "factor must be above 1"),
    ("too few left", lambda: {"a": drawn(), "b": drawn()}, {"by": "largest", "factor": 1001},
     RunsError, "within 1001x"),
    ("seed", lambda: {"a": drawn(), "b": drawn()}, {"random_seed": -1}, DomainError, "from 0"),
    ("no posterior", lambda: {n: fit_at(RUNS, spread=0.01, draws=20) for n in "ab"}, {},
     EvidenceError, "at least 1 fit with draws that converged, but got 0. 'a': Not converged"),
]  # fmt: skip


@pytest.mark.parametrize(("fits_", "options", "error", "message"), [r[1:] for r in REFUSED],
                         ids=[r[0] for r in REFUSED])  # fmt: skip
@pytest.mark.usefixtures("no_sampling")
def test_what_cannot_be_averaged(fits_, options, error, message):
    with pytest.raises(error, match=message):
        bs.average(fits_(), **({"progress": False} | options))


def test_one_cluster_cannot_be_left_out():
    frame = RUNS.to_frame().assign(corpus="c4")
    runs = bs.Runs.from_frame(frame, group="corpus")
    with pytest.raises(RunsError, match="All 48 runs have one 'corpus'"):
        bs.average({n: drawn(runs=runs) for n in "ab"}, group="corpus", progress=False)


@pytest.mark.slow
def test_the_runs_of_chinchilla_prefer_the_wider_law(ladders):
    points = pd.read_csv(ladders / "chinchilla_epoch" / "runs.csv")
    runs = bs.Runs.from_frame(points[points.outlier_besiroglu == 0])
    with pytest.warns(LackOfFitWarning):
        fits = {
            law: bs.fit(runs, law=law, discrepancy=None, random_seed=1, progress=False)
            for law in ("kaplan", "chinchilla", "unified")
        }
    average = bs.average(fits, progress=False)
    elpd = average.summary["elpd"]
    assert elpd["unified"] - elpd["chinchilla"] > 5
    assert elpd["chinchilla"] - elpd["kaplan"] > 200
    assert average.weights["unified"] > 0.6
    assert average.passed
    budgets = [1e21, 1e22]
    rows = {name: bs.allocate(f, flops=budgets).summary for name, f in fits.items()}
    mixed = bs.allocate(average, flops=budgets).summary
    assert (mixed["law_loss"] >= rows["unified"]["law_loss_lower"]).all()
    mixed, unified = (r["law_loss_upper"] - r["law_loss_lower"] for r in (mixed, rows["unified"]))
    assert (mixed > unified).all()
