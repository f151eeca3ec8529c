"""Comparisons against exact answers, what they say, and what is refused."""

import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import multivariate_normal, norm

import bayesscale as bs
from bayesscale.comparison import (
    PARETO_K_MAX,
    density_ratio,
    in_words,
    left_out,
    log_density_weights,
    log_mean_weight,
    scores,
    sensitivity,
)
from bayesscale.comparison.compare import _models, _rests_on_priors
from bayesscale.errors import (
    ConvergenceWarning,
    DomainError,
    EvidenceError,
    LackOfFitWarning,
    UnknownNameError,
)
from bayesscale.model import specify
from tests.comparison.conftest import SLOPES, Line, normal_of_losses
from tests.simulate import TRUTH, design, fit_at, simulate_runs

OF_SIGMA = 2e-3
"""The noise is known to a part in ten thousand, not exactly."""


def exact(fit, name, *, slope_sd=None, level_sd=0.3):
    """Log density of all log losses under the priors, or with other widths of these."""
    mean, covariance = normal_of_losses(fit, name)
    x = np.log(fit.runs.tokens / fit.spec.reference["tokens"])
    own = SLOPES[name][1]
    wider = 0.0 if slope_sd is None else slope_sd**2 - own**2
    covariance = covariance + wider * np.outer(x, x) + level_sd**2 - 0.3**2
    return multivariate_normal(mean, covariance).logpdf(np.log(fit.runs.loss))


@pytest.fixture(scope="module")
def compared(fits):
    return bs.compare(fits, progress=False)


def test_evidence_is_exact_and_bayes_factors_follow(compared, fits):
    known = np.array([exact(fit, name) for name, fit in fits.items()])
    found = compared.summary
    off = np.abs(found["log_evidence"] - known)
    assert (off < 4 * found["mcse"] + OF_SIGMA).all()
    assert found["ln_bf"].max() == 0
    pairs = compared.ln_bayes_factors
    np.testing.assert_allclose(pairs, -pairs.T)
    np.testing.assert_allclose(found["probability"], softmax(found["log_evidence"]))
    assert pairs.loc["right", "flat"] == pytest.approx(known[0] - known[1], abs=0.05)


def test_every_criterion_has_its_column_and_its_question(compared):
    assert {"elpd", "elpd_diff_se", "stacking", "log_score", "n_largest"} <= set(compared.summary)
    assert compared.passed
    assert compared.verdict.text in repr(compared)
    assert compared.verdict.severity == compared.severity
    # 15 runs: the verdict may rest on the priors, so they are varied without being asked
    shown = [type(s).__name__ for s in compared.sections()]
    assert [s for s in shown if s != "Paragraph"] == ["Heading", "Table", "Details"]
    assert compared.sensitivity is not None
    assert compared.sensitivity.text in compared.text
    assert list(compared.prior_predictive.index) == list(compared.fits)


def test_priors_are_varied_where_a_verdict_may_rest_on_them():
    table = pd.DataFrame({"log_evidence": [100.0, 95.0, 60.0]}, index=["a", "b", "c"])
    few, many = (simulate_runs(sizes=design(n)) for n in (8, 9))  # 48 and 54 runs
    near, far = (dict.fromkeys(names, fit_at(many)) for names in ("ab", "ac"))
    assert _rests_on_priors(table, near)
    assert not _rests_on_priors(table, far)
    assert _rests_on_priors(table, dict.fromkeys("ac", fit_at(few)))


def test_prior_odds_enter_the_probability_alone(compared, fits):
    odds = {"right": 1.0, "flat": 5.0, "vague": 1.0}
    other = bs.compare(fits, criteria=("evidence",), prior_odds=odds, progress=False)
    assert "elpd" not in other.summary
    ratio = [c.summary["probability"]["flat"] / c.summary["probability"]["right"]
             for c in (compared, other)]  # fmt: skip
    assert ratio[1] == pytest.approx(5 * ratio[0])
    pd.testing.assert_series_equal(other.summary["ln_bf"], compared.summary["ln_bf"])


def test_refits_that_did_not_converge_are_a_caution(fits, sample_with):
    sample_with(lambda setup: fit_at(setup.runs, spec=setup.spec, spread=0.01, draws=10))
    with joblib.parallel_config(n_jobs=1):  # in this process, where they are made up
        with pytest.warns(ConvergenceWarning, match="Refits of"):
            found = bs.compare(fits, criteria="loo", progress=False)
        with pytest.warns(ConvergenceWarning, match="Refits of"):
            average = bs.average(fits, by="loo", progress=False)
    assert (found.severity, found.passed) == ("caution", True)
    assert not found.summary["refits_converged"].all()
    assert average.severity == "caution"


def lost(_):
    raise EvidenceError("not known")


def test_the_largest_compute_needs_an_evidence_of_every_refit(fits, sample_with):
    sample_with(lost)
    found = bs.compare(fits, criteria="largest", factor=10, progress=False)
    assert "log_score" not in found.summary
    assert "'right', fitted without the 3" in found.text
    with pytest.raises(EvidenceError, match="not known"):
        bs.average(fits, by="largest", factor=10, progress=False)


def test_compare_and_average_score_alike(compared, fits):
    """One table: a column of one name holds the same numbers in both."""
    for by in ("loo", "evidence", "largest"):
        average = bs.average(fits, by=by, progress=False)
        shared = [c for c in average.summary if c in compared.summary]
        assert len(shared) >= 5
        pd.testing.assert_frame_equal(average.summary[shared], compared.summary[shared])


def test_the_density_ratio_is_exact(fits):
    """A slope fixed at a value: both evidences are known."""
    fit, value = fits["vague"], -0.11
    found, mcse = density_ratio(fit, "slope", value)
    x = np.log(fit.runs.tokens / fit.spec.reference["tokens"])
    mean, covariance = normal_of_losses(fit, "vague")
    sd = SLOPES["vague"][1]
    fixed = multivariate_normal(
        mean + (value - SLOPES["vague"][0]) * x, covariance - sd**2 * np.outer(x, x)
    ).logpdf(np.log(fit.runs.loss))
    assert abs(found - (fixed - exact(fit, "vague"))) < 4 * mcse + OF_SIGMA
    assert mcse < 0.15  # of the nearest twentieth of 8000 draws


def test_a_density_ratio_that_few_draws_decide_is_not_known(fits, monkeypatch):
    assert density_ratio(fits["vague"], "slope", -0.9)[1] == np.inf  # beyond all draws
    monkeypatch.setattr(sys.modules["bayesscale.comparison.savage_dickey"], "PARETO_K_MAX", -np.inf)
    assert density_ratio(fits["vague"], "slope", -0.11)[1] == np.inf


def test_the_density_of_a_skewed_posterior_far_from_its_middle():
    """A banana: its conditional is wide at one end, and its marginal density is known."""
    z, outside = [], 0
    for seed in range(20):
        rng = np.random.default_rng([5, seed])
        x = rng.normal(size=(4, 1000))
        y = rng.normal(x**2, np.exp(-x / 4))
        log_weight = log_density_weights(
            lambda p: -0.5 * p[0] ** 2 - 0.5 * ((p[1] - p[0] ** 2) * np.exp(p[0] / 4)) ** 2
            + p[0] / 4 - np.log(2 * np.pi),
            np.stack([x, y], axis=-1), 0, -1.5,
        )  # fmt: skip
        found, mcse, k = log_mean_weight(log_weight)
        outside += k > PARETO_K_MAX
        z.append((found - norm.logpdf(-1.5)) / mcse)
    assert outside <= 2
    assert np.abs(np.mean(z)) < 4 / np.sqrt(20)
    assert np.std(z) < 1.5


def test_chinchilla_inside_unified_by_two_ways():
    runs = simulate_runs("chinchilla")
    fits = {law: bs.fit(runs, law=law, discrepancy=None, random_seed=1, progress=False)
            for law in ("chinchilla", "unified")}  # fmt: skip
    ratio, mcse = density_ratio(fits["unified"], "k", 1.0)
    bridged = {law: bs.evidence(fit, progress=False) for law, fit in fits.items()}
    apart = bridged["chinchilla"].log_evidence - bridged["unified"].log_evidence
    joint = np.hypot(mcse, np.hypot(*(e.mcse for e in bridged.values())))
    assert abs(ratio - apart) < 4 * joint


@pytest.mark.parametrize("refit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_evidence_under_other_priors_is_exact(fits, monkeypatch, refit):
    if refit:
        monkeypatch.setattr(sensitivity, "MCSE_MAX", -1.0)
    two = {name: fits[name] for name in ("right", "flat")}
    found = bs.prior_sensitivity(two, scales=[0.7, 1.5], progress=False)
    grid = found.summary
    for name, fit in two.items():
        own = SLOPES[name][1]
        for scale in (0.7, 1.5):
            known = exact(fit, name, slope_sd=scale * own)
            row = grid.loc[("slope", scale)]
            assert abs(row[name] - known) < 4 * row[f"{name} mcse"] + OF_SIGMA
            assert (name in row["refitted"]) == refit
    assert grid.loc[("all", 1.0), "right"] == pytest.approx(exact(two["right"], "right"), abs=0.02)
    if refit:
        return
    assert found.pair[0] in found.text
    assert found.prior_predictive.index.tolist() == ["right", "flat"]


def test_a_verdict_that_the_prior_decides_is_said(fits):
    two = {name: fits[name] for name in ("right", "vague")}
    found = bs.prior_sensitivity(two, scales=[0.1, 1.5], progress=False)
    grid = found.summary
    turns = (grid["ln_bf"] <= 2 * grid["ln_bf_mcse"]).any()
    assert found.severity == ("caution" if turns else "ok")


def scored(names="ab", **columns):
    """A table of fits."""
    base = {"law": list(names), "discrepancy": "none", "noise": "normal", "describes_runs": True,
            "sigma_over_seed": 1.0}  # fmt: skip
    return pd.DataFrame(base | columns, index=pd.Index(list(names), name="fit"))


EVIDENCE = {
    "log_evidence": [10.0, 0.0], "mcse": [0.01, 0.01], "ln_bf": [0.0, -10.0],
    "ln_bf_mcse": [0.0, 0.014], "probability": [0.9999, 0.0001],
}  # fmt: skip
LARGEST = {
    "log_score": [0.0, 9.0], "log_score_mcse": [0.1, 0.1], "log_score_diff": [-9.0, 0.0],
    "log_score_diff_mcse": [0.14, 0.0], "n_largest": [5, 5],
}  # fmt: skip
LOO = {"elpd": [0.0, 9.0], "elpd_diff": [-9.0, 0.0], "elpd_diff_se": [2.0, 0.0]}


@pytest.mark.parametrize(
    ("columns", "disagree", "unsure"),
    [
        (EVIDENCE | LARGEST, True, 0),
        (EVIDENCE | LARGEST | {"log_score_mcse": [5.0, 5.0]}, False, 1),
        (EVIDENCE | LOO, True, 0),
        (EVIDENCE | LOO | {"log_evidence": [0.02, 0.0], "mcse": [0.15, 0.15]}, False, 1),
        (EVIDENCE | LOO | {"elpd_diff_se": [9.0, 0.0]}, False, 1),
    ],
)
def test_criteria_disagree_where_both_are_sure(columns, disagree, unsure):
    verdict = in_words(scored(**columns), odds=None, factor=10)
    assert ("The criteria disagree" in verdict.text) == disagree
    assert verdict.text.count("not distinguish") == unsure
    assert verdict.severity == "ok"


def both_settings(**columns):
    """Two laws with drift, led by the second, and assumed exact, led by the first."""
    none, drift = scored(**EVIDENCE), scored("cd", **EVIDENCE).iloc[::-1]
    table = pd.concat([none, drift.assign(discrepancy="drift")])
    return table.assign(**columns)


def test_the_comparison_with_drift_comes_first():
    text = in_words(both_settings(), odds=None, factor=10).text
    with_drift, exact = text.index("With drift, the evidence"), text.index("assumed exact")
    assert with_drift < text.index("'c' over 'd'") < exact < text.index("'a' over 'b'")
    assert text.count("probability of more than .999") == 2


def test_a_fit_alone_in_its_setting_is_compared_with_none():
    """Its sibling with drift did not converge and was left out."""
    text = in_words(both_settings().drop("d"), odds=None, factor=10).text
    assert "'a' over 'b'" in text
    assert "With drift" not in text


def test_no_probability_between_laws_that_do_not_describe_the_runs():
    table = both_settings(
        describes_runs=[False, False, True, True], sigma_over_seed=[7.0, 8.0, 1.0, 1.0]
    )
    verdict = in_words(table, odds=None, factor=10)
    said = "neither law describes these runs (their residuals are 7.0 and 8.0 times seed noise)"
    assert verdict.text.index(said) < verdict.text.index("'a' over 'b'")
    assert verdict.text.count("probability") == 1
    assert verdict.severity == "ok"  # the headline is of the laws with drift
    table = table.assign(describes_runs=False, sigma_over_seed=np.nan)
    verdict = in_words(table, odds=None, factor=10)
    assert "probability" not in verdict.text
    assert verdict.severity == "caution"


@pytest.mark.filterwarnings("ignore::bayesscale.errors.RunsWarning")  # of runs without noise
def test_laws_that_describe_the_runs_worse_than_seeds_scatter():
    """Replicates scatter a tenth as much as the fits' sigma: these laws miss the runs."""
    n, d = design(4)
    params, tokens = np.tile(n, 2), np.tile(d, 2)
    runs = simulate_runs(sizes=(params, tokens), truth=TRUTH | {"sigma": 2e-3})
    wide = TRUTH | {"sigma": 2e-2}
    fits = {name: fit_at(runs, truth=wide, spread=0.02, draws=400) for name in "ab"}
    table = _models(fits)
    assert (table["sigma_over_seed"] > 2).all()
    assert not table["describes_runs"].any()


def test_laws_with_drift_are_compared_assumed_exact_too(sample_with, monkeypatch):
    runs = simulate_runs()
    asked = sample_with(lambda setup: fit_at(setup.runs, spec=setup.spec, spread=0.02, draws=400))
    known = bs.Evidence(1.0, 0.01, overlap=1.0, pareto_k=0.0)
    monkeypatch.setattr(scores, "evidences", lambda fits, **_: dict.fromkeys(fits, known))
    fits = {name: fit_at(runs, discrepancy="drift", spread=0.02, draws=400)
            for name in ("mine", "chinchilla + drift")}  # fmt: skip
    options = {"criteria": "evidence", "prior_grid": False, "progress": False}
    found = bs.compare(fits, **options)
    assert list(found.fits) == ["mine", "chinchilla + drift", "mine, exact", "chinchilla"]
    assert [setup.spec.discrepancy.name for setup in asked] == ["none", "none"]
    assert list(bs.compare(fits, exact=False, **options).fits) == list(fits)


def test_fits_that_did_not_converge_are_left_out(fits, monkeypatch):
    lost = {**fits, "short": fit_at(fits["right"].runs, Line(), draws=10, spread=0.1)}
    for weigh in (
        lambda f: bs.compare(f, criteria="evidence", prior_grid=False, progress=False),
        lambda f: bs.average(f, by="evidence", progress=False),
    ):
        with pytest.warns(ConvergenceWarning, match="did not converge: 'short'"):
            found = weigh(lost)
        assert list(found.fits) == list(fits)
        assert "'short'" in found.text
    two = {name: lost[name] for name in ("right", "short")}
    with pytest.warns(ConvergenceWarning, match="'short'"):
        average = bs.average(two, progress=False)
    assert average.weights == {"right": pytest.approx(1.0)}
    with pytest.raises(EvidenceError, match="at least 2 fits with draws that converged, but got 1"):
        bs.compare(two, progress=False)


def test_other_priors_are_said(fits):
    """Right, flat and vague are one law with three priors of the slope."""
    found = bs.compare(fits, criteria="evidence", progress=False)
    assert "Priors differ" in found.text
    assert "(slope)" in found.text


def test_laws_of_other_inputs_and_priors_of_other_families(monkeypatch):
    runs = simulate_runs()
    beta = bs.Prior("Beta", alpha=3, beta=6)
    fits = {
        "size": fit_at(runs, "kaplan_params", draws=400, spread=0.1),
        "both": fit_at(
            runs, draws=400, spread=0.1,
            spec=specify(runs, law="chinchilla", discrepancy=None, priors={"slope_N": beta}),
        ),
    }  # fmt: skip
    known = bs.Evidence(1.0, 0.01, overlap=1.0, pareto_k=0.0)
    monkeypatch.setattr(sensitivity, "evidences", lambda fits, **_: dict.fromkeys(fits, known))
    monkeypatch.setattr(sensitivity, "MCSE_MAX", np.inf)
    monkeypatch.setattr(sensitivity, "PARETO_K_MAX", np.inf)
    found = bs.prior_sensitivity(fits, scales=[0.9], progress=False)
    assert found.severity == "caution"  # evidences are alike
    assert found.text.endswith("slope_N.")  # not varied
    assert "slope_N" not in found.summary.index.get_level_values("prior")
    slopes = found.prior_predictive["fall of ln L per ln tokens"]
    assert slopes.loc["size"].isna().all()
    assert slopes.loc["both"].notna().all()


def test_what_could_not_be_scored_is_noted(fits, monkeypatch):
    monkeypatch.setattr(left_out, "REFITS_MAX", -1)
    two = {name: fits[name] for name in ("right", "flat")}
    found = bs.compare(two, criteria=("loo", "largest"), factor=1e6, progress=False)
    assert found.ln_bayes_factors is None
    assert found.text.count("Not left out") == found.text.count("Not scored") == 1


REFUSED = [
    ({"criteria": ("evidance",)}, UnknownNameError, "evidence"),
    ({"criteria": ()}, DomainError, "list of one or more"),
    ({"prior_odds": {"right": 1.0}}, DomainError, "lacks flat, vague"),
    ({"prior_odds": {"right": 1, "flat": -1, "vague": 1}}, DomainError, "above 0 and finite"),
    ({"prior_odds": {"rihgt": 1.0}}, UnknownNameError, "right"),
    ({"random_seed": -1}, DomainError, "whole number from 0"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED, ids=lambda v: str(v)[:30])
def test_bad_options_are_refused(fits, options, error, message):
    with pytest.raises(error, match=message):
        bs.compare(fits, progress=False, **options)


def test_fits_that_cannot_be_compared_are_refused(fits):
    with pytest.raises(DomainError, match="at least two fits"):
        bs.compare({"right": fits["right"]}, progress=False)
    other = fit_at(simulate_runs(seed=5), Line(), draws=400, spread=0.1)
    with pytest.raises(DomainError, match="of different runs"):
        bs.compare({"right": fits["right"], "other": other}, progress=False)
    with pytest.raises(EvidenceError, match="at least 2 fits with draws that converged"):
        bs.compare({n: fit_at(simulate_runs(), draws=10, spread=0.1) for n in "ab"}, progress=False)
    with pytest.raises(DomainError, match="above 0 and finite"):
        bs.prior_sensitivity(fits, scales=[0.0], progress=False)


def test_what_a_prior_excludes_has_no_density_ratio(fits):
    fit = fits["right"]
    bounded = bs.Prior("Uniform", lower=-0.2, upper=0.0)
    other = fit_at(
        fit.runs, spread=0.1, draws=400,
        spec=specify(fit.runs, law=Line(), discrepancy=None, priors={"slope": bounded}),
    )  # fmt: skip
    assert np.isnan(density_ratio(other, "slope", 1.0)).all()


def test_a_prior_under_which_nothing_converged_is_said(fits, monkeypatch, sample_with):
    sample_with(lost)
    two = {name: fits[name] for name in ("right", "flat")}
    monkeypatch.setattr(sensitivity, "MCSE_MAX", -1.0)
    with joblib.parallel_config(n_jobs=1):  # in this process, where it is lost
        grid = bs.prior_sensitivity(two, scales=[2.0], progress=False)
    assert "Unknown under all times 2, level times 2" in grid.text
    assert grid.severity == "caution"
    assert grid.summary["ln_bf"].notna().sum() == 1


def test_evidence_is_of_fits_that_converged():
    with pytest.raises(EvidenceError, match="Not converged"):
        bs.evidence(fit_at(simulate_runs(), "unified", draws=10, spread=0.1))
    with pytest.raises(DomainError, match="Expected a Fit"):
        bs.evidence(simulate_runs())


@pytest.mark.slow
def test_runs_of_a_law_prefer_it():
    runs = simulate_runs("chinchilla")
    quiet = {"discrepancy": None, "random_seed": 2, "progress": False}
    with pytest.warns(LackOfFitWarning):  # of Kaplan's
        fits = {law: bs.fit(runs, law=law, **quiet) for law in ("chinchilla", "kaplan", "unified")}
    found = {law: bs.evidence(fit).log_evidence for law, fit in fits.items()}
    assert found["chinchilla"] - found["kaplan"] > 10
    assert found["chinchilla"] > found["unified"] - 3  # k = 1 is inside unified
