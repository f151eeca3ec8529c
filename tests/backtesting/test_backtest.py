"""The back-test as a whole, on fits that need no sampling, and one that does."""

import importlib
import json
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale._sections import words
from bayesscale.backtesting import METHODS, Fold, combine, crps
from bayesscale.checks import CheckResult
from bayesscale.errors import (
    ConvergenceWarning,
    DomainError,
    FileError,
    LackOfFitWarning,
    PriorWarning,
    RunsError,
    RunsWarning,
    UnknownNameError,
)
from bayesscale.inference import warn_of
from bayesscale.model import resolve_priors
from tests.backtesting.conftest import make_fit
from tests.simulate import simulate_runs

scoring = importlib.import_module("bayesscale.backtesting.score_fold")


@pytest.fixture
def test_of(asked):
    def run(runs, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.BayesScaleWarning)
            return bs.backtest(runs, **{"law": "chinchilla", "progress": False} | options)

    return run


def test_every_held_out_run_is_predicted_by_every_method(test_of, asked, runs):
    b = test_of(runs, random_seed=7)
    assert isinstance(b, bs.Backtest)
    assert [len(setup.runs) for setup in asked] == b.folds["n_train"].tolist() == [30, 18]
    assert {setup.sampling.random_seed for setup in asked} == {b.random_seed} == {7}
    counts = b.points.groupby(["fold", "method"]).size()
    assert counts.to_dict() == {(k, m): n for k, n in ((1, 18), (2, 30)) for m in METHODS}
    of_run = b.points.set_index("run")
    np.testing.assert_array_equal(of_run["observed"], runs.frame.loc[of_run.index, "loss"])
    first = b.points[b.points["fold"] == 1]
    assert (first["reach"] == first["flops"] / b.folds.loc[1, "flops_train"]).all()


def test_options_of_the_fit_are_passed_on(test_of, asked, runs):
    priors = {"slope_N": bs.Prior.between(0.03, 0.2)}
    test_of(runs, noise="normal", priors=priors, draws=150, tune=160, chains=2, target_accept=0.8)
    for setup in asked:
        options = setup.spec.options()
        assert (options["noise"], options["discrepancy"]) == ("normal", "drift")
        assert setup.spec.priors == resolve_priors(setup.spec.coordinates, priors)
        how = setup.sampling
        assert (how.draws, how.tune, how.chains, how.target_accept) == (150, 160, 2, 0.8)


def test_the_summary_is_that_of_the_points(test_of, runs):
    b = test_of(runs)
    assert b.summary.index.names == ["band", "method"]
    assert b.summary.loc["all"].index.tolist() == [*METHODS]
    points = b.points[b.points["method"] == "approach3"]
    row = b.summary.loc[("all", "approach3")]
    inside = (points["lower80"] <= points["observed"]) & (points["observed"] <= points["upper80"])
    assert row["cover80"] == inside.mean()
    assert row["bias"] == pytest.approx(np.log(points["median"] / points["observed"]).mean())
    assert row["crps_ratio"] == 1
    assert (row["n"], row["n_runs"]) == (48, 30)  # the largest 18 were predicted twice
    own, other = (b.summary.loc[("3x to 30x", m), "crps"] for m in METHODS[:2])
    assert b.summary.loc[("3x to 30x", "bayesscale"), "crps_ratio"] == pytest.approx(own / other)
    bands = list(dict.fromkeys(b.summary.index.get_level_values("band")))
    assert bands == ["all", "up to 3x", "3x to 30x", "30x to 300x"]
    by_band = b.summary.drop("all").groupby("method")["n"].sum()
    assert (by_band == 48).all()


def test_predictions_are_those_of_extrapolate(test_of, runs):
    b = test_of(runs, folds=1)
    small, large = runs.split_by_compute(factor=10)
    p = bs.extrapolate(make_fit(small), params=large.params, tokens=large.tokens)
    own = b.points[b.points["method"] == "bayesscale"]
    for column, name in (("median", "loss"), ("lower90", "loss_lower"), ("upper90", "loss_upper")):
        np.testing.assert_allclose(own[column], p.summary[name], rtol=1e-4)  # quantiles of logs
    draws = np.log(p.draws["loss"].to_numpy().reshape(-1, len(large)))
    np.testing.assert_allclose(own["crps"], crps(draws, np.log(large.loss)))


@pytest.mark.parametrize("loss_se", [0.0, 0.3])
def test_the_log_score_is_the_density_of_the_draws(runs, loss_se):
    small, large = runs.split_by_compute(factor=10)
    fit = make_fit(small)
    grid = np.linspace(0.2, 2.0, 901)  # log loss
    same = large.frame.iloc[[0] * len(grid)].reset_index(drop=True)
    asked = bs.Runs.from_frame(same.assign(loss=np.exp(grid), loss_se=loss_se))
    draws = np.log(scoring._predictive(fit, asked))
    score = scoring.exact_log_score(fit, asked)
    density = np.exp(score)
    step = grid[1] - grid[0]
    mass = np.cumsum(density) * step
    assert mass[-1] == pytest.approx(1, abs=0.01)
    for q in (0.1, 0.5, 0.9):  # its quantiles are the draws', in units of their error
        share = np.interp(np.quantile(draws[:, 0], q), grid, mass)
        assert abs(share - q) < 4 * np.sqrt(q * (1 - q) / len(draws)) + 0.005


def test_measured_losses_scatter_more(test_of, runs):
    exact = test_of(runs, folds=1).summary.loc[("all", "bayesscale")]
    noisy = test_of(bs.Runs.from_frame(runs.frame.assign(loss_se=0.2)), folds=1)
    assert noisy.summary.loc[("all", "bayesscale"), "width90"] > 3 * exact["width90"]


@pytest.mark.parametrize("law", ["kaplan_compute", "kaplan_params_irreducible", "unified"])
def test_other_laws(test_of, runs, law):
    b = test_of(runs, law=law, folds=1)
    assert b.law == law
    assert np.isfinite(b.summary.to_numpy(dtype=float)).all()


def test_the_same_seed_gives_the_same_scores(test_of, runs):
    a, b = (test_of(runs, random_seed=5) for _ in "ab")
    assert a.points.equals(b.points)
    assert test_of(runs).random_seed != test_of(runs).random_seed


def judged(runs, *, shift, draws=400):
    """Judge a fold whose held-out losses lie ``shift`` (log) off the predicted medians."""
    small, large = runs.split_by_compute(factor=10)
    fit = make_fit(small, draws=draws)
    median = bs.extrapolate(fit, params=large.params, tokens=large.tokens).summary["loss"]
    observed = bs.Runs.from_frame(large.frame.assign(loss=median.to_numpy() * np.exp(shift)))
    return scoring.score_fold(fit, Fold(1, small, observed))


def backtest_of(found):
    return bs.Backtest.of([found], law="chinchilla", random_seed=1)


@pytest.mark.parametrize(
    ("shift", "severity", "covers"), [(0.0, "note", True), (0.5, "stop", False)]
)
def test_the_verdict_counts_what_intervals_covered(runs, shift, severity, covers):
    b = backtest_of(replace(judged(runs, shift=shift), checks=()))
    n = int((b.points["method"] == "bayesscale").sum())
    assert f"covered {n if covers else 0} of {n}; " in b.verdict.text
    assert (b.severity, b.outcome, b.verdict.severity) == (severity,) * 3
    assert b.passed == covers  # "note": one fold alone would not detect errors twice as large
    assert b.power < 0.8
    assert b.summary.loc[("all", "bayesscale"), "bias"] == pytest.approx(-shift, abs=1e-3)
    assert b.sections()[1] == b.verdict


def test_a_fold_is_judged_on_the_runs_up_to_the_next_cutoff(test_of, runs):
    b = test_of(runs)
    own = b.points[(b.points["method"] == "bayesscale") & b.points["next"]]
    assert own["run"].is_unique  # so that folds are about independent
    assert own.groupby("fold").size().tolist() == b.folds["n_next"].tolist() == [18, 12]
    assert b.tested_reach == b.folds["reach_next"].max() == own["reach"].max()
    assert b.p_value == pytest.approx(combine(b.folds["p_value"].to_numpy()))


def test_posteriors_that_failed_are_told_once(sample_with, runs):
    sample_with(lambda setup: make_fit(setup.runs, draws=20))  # too few to trust
    with pytest.warns(ConvergenceWarning, match="2 of 2 folds") as heard:
        b = bs.backtest(runs, law="chinchilla", progress=False)
    assert [w.filename for w in heard] == [__file__]
    assert not b.passed
    assert (b.folds["severity"] == "stop").all()
    assert b.folds["found"].str.contains("convergence").all()
    assert b.failures in b.text
    assert b.failures in repr(b)
    assert any(c.name == "convergence" and c.text.startswith("Fold 2, 18 runs") for c in b.checks)


CAUTION, NOTE = (
    CheckResult(name, severity, "", pd.DataFrame(), category)
    for name, severity, category in (
        ("lack of fit", "caution", LackOfFitWarning), ("weakly known", "note", PriorWarning),
    )
)  # fmt: skip
STOP = replace(CAUTION, name="chains", severity="stop", warning=ConvergenceWarning)


@pytest.mark.parametrize(
    ("checks", "category", "severity"),
    [([CAUTION], LackOfFitWarning, "caution"), ([CAUTION, STOP], ConvergenceWarning, "stop"),
     ([NOTE], None, "note")],
)  # fmt: skip
def test_the_gravest_finding_of_the_folds_names_the_warning(runs, checks, category, severity):
    b = backtest_of(replace(judged(runs, shift=0.0), checks=tuple(checks)))
    assert b.severity == severity
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        warn_of(b.checks, b.failures)
    assert [w.category for w in heard] == [category] * (category is not None)


def test_judged_folds_are_kept_exactly(runs):
    found = judged(runs, shift=0.0)
    again = scoring.FoldScore.from_dict(json.loads(json.dumps(found.as_dict())))
    pd.testing.assert_frame_equal(again.points, found.points, check_exact=True)
    assert again.fold == found.fold
    for a, b in zip(again.checks, found.checks, strict=True):
        assert (a.name, a.severity, a.text, a.warning) == (b.name, b.severity, b.text, b.warning)
        pd.testing.assert_frame_equal(a.table, b.table, check_exact=True)


def test_an_interrupted_back_test_goes_on_from_its_folder(test_of, asked, runs, tmp_path):
    whole = test_of(runs, random_seed=3)
    kept = {"random_seed": 3, "store": tmp_path}
    test_of(runs, folds=1, **kept)
    asked.clear()
    resumed = test_of(runs, store=tmp_path)
    assert len(asked) == len(whole.folds) - 1
    pd.testing.assert_frame_equal(resumed.points, whole.points, check_exact=True)
    pd.testing.assert_frame_equal(resumed.folds, whole.folds, check_exact=True)
    assert (resumed.text, resumed.random_seed) == (whole.text, 3)
    with pytest.raises(FileError, match="factor"):
        test_of(runs, factor=5, **kept)
    with pytest.raises(FileError, match="runs"):
        test_of(runs.select(runs.flops < runs.flops.max()), **kept)


@pytest.mark.filterwarnings("ignore::bayesscale.errors.LackOfFitWarning")  # of made-up draws
def test_pooled_groups_are_warned_about(asked, runs):
    frame = runs.frame.assign(corpus=["c4", "web"] * 24)
    with pytest.warns(RunsWarning, match="corpus"):
        bs.backtest(
            bs.Runs.from_frame(frame, group="corpus"), law="chinchilla", folds=1, progress=False
        )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"law": "chincilla"}, UnknownNameError, "Did you mean 'chinchilla'"),
        ({"noise": "gauss"}, UnknownNameError, "student_t"),
        ({"factor": 1}, DomainError, "factor must be above 1"),
        ({"factor": "ten"}, DomainError, "factor must be above 1 and finite"),
        ({"factor": 900}, RunsError, "factor="),
        ({"factor": 1e9}, RunsError, "Use a smaller factor"),
        ({"folds": 0}, DomainError, "folds must be a whole number"),
        ({"folds": 1.5}, DomainError, "folds must be a whole number"),
        ({"runs": "runs.csv"}, RunsError, "runs must be Runs"),
        ({"draws": 3}, DomainError, "draws"),
        ({"chains": 1}, DomainError, "chains"),
        ({"random_seed": -1}, DomainError, "random_seed"),
    ],
)
@pytest.mark.usefixtures("no_sampling")
def test_bad_input_is_found_before_anything_is_fitted(runs, options, error, message):
    with pytest.raises(error, match=message):
        bs.backtest(**{"runs": runs, "progress": False} | options)


def test_progress_counts_the_refits(test_of, runs, capsys):
    test_of(runs, progress=True)
    assert "Refitting: 0 of 2" in capsys.readouterr().err


@pytest.mark.slow
def test_a_simulated_ladder_is_foreseen():
    """Real fits: the truth is a Chinchilla law, and the intervals hold it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayesScaleWarning)
        b = bs.backtest(
            simulate_runs(seed=3), law="chinchilla", draws=400, tune=600, folds=1, random_seed=1,
            progress=False,
        )  # fmt: skip
    row = b.summary.loc[("all", "bayesscale")]
    assert row["cover90"] >= 0.7
    assert row["crps"] < b.summary.loc[("all", "approach3"), "crps"]


def test_the_joint_density_is_the_mean_likelihood_of_all_held_out_runs(runs):
    some = {"law": "chinchilla", "discrepancy": None, "random_seed": 1, "progress": False}
    b = bs.backtest(runs, factor=2, folds=1, joint=True, **some)
    small, large = runs.split_by_compute(factor=2)
    together = bs.fit(small, **some).posterior.flat().log_likelihood(large).sum(axis=1)
    expected = np.logaddexp.reduce(together) - np.log(len(together))
    fold = b.folds.iloc[0]
    assert fold["joint_mcse"] < 0.1
    assert fold["joint_log_density"] == pytest.approx(expected, abs=0.2)
    assert "joint log density of all" in words(b.sections())
