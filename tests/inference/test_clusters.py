"""Rows that are readings of one run: exact densities, draws, and what they do to a fit."""

import warnings

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import integrate, stats

import bayesscale as bs
from bayesscale.comparison import leave_one_out
from bayesscale.errors import DomainError, LackOfFitWarning
from bayesscale.model import NOISES, Posterior, Rows, specify
from tests.simulate import TRUTH, fit_at, simulate_runs

SHARE = 0.9
QUIET = {"progress": False, "random_seed": 1, "discrepancy": None}


def checkpoints(
    n_runs: int = 40, n_rows: int = 50, *, seed: int = 0, noise: str = "normal"
) -> bs.Runs:
    """Simulate runs that are read many times while they train, each with an effect of its own."""
    params = np.repeat(np.geomspace(3e7, 3e9, n_runs), n_rows)
    last = 6e9 * (np.repeat(np.arange(n_runs), n_rows) % 5 + 1) ** 2
    tokens = last * np.tile(np.geomspace(0.1, 1, n_rows), n_runs)
    flat = simulate_runs(seed=seed, noise="normal", sizes=(params, tokens), truth=EXACT)
    codes = np.repeat(np.arange(n_runs), n_rows)
    rows = Rows(codes, np.zeros(len(codes)), True)
    draws = NOISES[noise].draw_rows(np.random.default_rng(seed), rows, (len(codes),), NOISE)
    table = flat.frame.assign(loss=flat.loss * np.exp(draws), run=codes).reset_index(drop=True)
    return bs.Runs.from_frame(table, cluster="run")


EXACT = TRUTH | {"sigma": 1e-12}
NOISE = {
    k: np.array(v)
    for k, v in {
        "sigma": 0.01, "nu_minus_one": 3.0, "cluster_share": SHARE, "mean_excess": 0.05,
        "undertuned_share": 0.2,
    }.items()
}  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    """Two clusters of three and two rows, interleaved, and a row of its own, with errors."""
    frame = simulate_runs().frame.iloc[[3, 9, 17, 25, 33, 41]]
    labels = ["a", "b", "a", None, "b", "a"]
    return bs.Runs.from_frame(
        frame.assign(run=labels, loss_se=np.linspace(0, 0.05, 6)), cluster="run"
    )


def written_out(noise, r, covariance):
    """The joint density of residuals by matrices."""
    if noise == "student_t":
        return stats.multivariate_t(np.zeros(len(r)), covariance, df=4).logpdf(r)
    normal = stats.multivariate_normal(np.zeros(len(r)), covariance)
    if noise == "normal":
        return normal.logpdf(r)
    mean, share = 0.05, 0.2
    excess, _ = integrate.quad(
        lambda x: normal.pdf(r - x) * np.exp(-x / mean) / mean, 0, 0.5, epsabs=0, limit=500,
        points=[max(r.mean(), 0.0)],
    )  # fmt: skip
    return np.log((1 - share) * normal.pdf(r) + share * excess)


@pytest.mark.parametrize("noise", NOISES)
def test_density_is_the_one_of_a_dense_covariance(runs, noise):
    spec = specify(runs, law="chinchilla", noise=noise, discrepancy=None)
    truth = {k: np.array([v]) for k, v in (TRUTH | NOISE).items()}
    draws = Posterior.of(spec, truth)
    found = draws.log_likelihood(runs)[0]
    residual = draws.residuals(runs)[0]
    for j, rows in enumerate(([0, 2, 5], [1, 4], [3])):
        covariance = 1e-4 * (SHARE + (1 - SHARE) * np.eye(len(rows)))
        covariance += np.diag((runs.loss_se / runs.loss)[rows] ** 2)
        assert found[j] == pytest.approx(written_out(noise, residual[rows], covariance), rel=1e-6)


@pytest.mark.parametrize("noise", NOISES)
def test_draws_have_the_scale_and_the_correlation(noise):
    codes = np.tile([0, 0, 1], (1,))
    c = NOISE | {"nu_minus_one": np.array(9.0), "undertuned_share": np.array(1e-9)}
    rows = Rows(codes, np.zeros(3), True)
    draws = NOISES[noise].draw_rows(np.random.default_rng(1), rows, (20_000, 3), c)
    correlation = np.corrcoef(draws.T)
    assert correlation[0, 1] == pytest.approx(SHARE, abs=0.01)
    assert abs(correlation[0, 2]) < 0.03
    widened = 10 / 8 if noise == "student_t" else 1.0
    np.testing.assert_allclose(draws.var(axis=0), 1e-4 * widened, rtol=0.05)


@pytest.mark.parametrize("noise", NOISES)
def test_pymc_draws_from_the_same_model(runs, noise):
    model = bs.build_model(runs, law="chinchilla", noise=noise, discrepancy=None)
    drawn = pm.draw(model["log_loss"], draws=20, mode="FAST_COMPILE", random_seed=1)
    assert drawn.shape == (20, 6)
    assert np.isfinite(drawn).all()


def test_effective_rows_lie_between_clusters_and_rows():
    rows = Rows(np.repeat(np.arange(4), 5), np.zeros(20), True)
    assert rows.effective_number(1.0) == pytest.approx(4)
    assert rows.effective_number(0.0) == pytest.approx(20)
    assert rows.effective_number(np.full((2, 3), 0.5)).shape == (2, 3)


@pytest.fixture(scope="module")
def ladder():
    return checkpoints(n_runs=12, n_rows=10)


@pytest.fixture(scope="module")
def fit(ladder):
    return bs.fit(ladder, law="chinchilla", noise="normal", **QUIET)


def test_a_fit_counts_runs_not_checkpoints(fit, ladder, tmp_path):
    assert fit.convergence.passed
    table = fit.summary()
    assert table.loc["cluster_share", "lower"] < SHARE < table.loc["cluster_share", "upper"]
    assert table.loc["sigma", "lower"] < 0.01 < table.loc["sigma", "upper"]
    assert 12 < fit.effective_runs < 16
    assert "worth 14 independent" in repr(fit)
    pointwise = fit.draws["log_likelihood"]["log_loss"]
    assert pointwise.dims == ("chain", "draw", "cluster")
    assert pointwise["cluster"].to_numpy().tolist() == list(range(12))
    again = bs.load_fit(fit.save(tmp_path / "fit.nc"))
    assert again.runs == ladder
    assert again.spec.as_dict() == fit.spec.as_dict()
    assert again.effective_runs == fit.effective_runs
    xr.testing.assert_equal(
        again.draws["log_likelihood"].dataset, fit.draws["log_likelihood"].dataset
    )


def test_a_new_run_has_the_noise_of_a_run(fit):
    """The effect of its run and what is its own together: sigma."""
    draws = bs.extrapolate(fit, params=1e9, tokens=2e10, random_seed=2).draws
    scatter = np.log(draws["loss"] / draws["law_loss"])
    sigma = fit.draws["posterior"]["sigma"]
    assert float(scatter.std()) == pytest.approx(float((sigma**2).mean() ** 0.5), rel=0.05)


def test_clusters_are_left_out_together(fit, ladder):
    steep = {"slope_N": bs.Prior.between(0.07, 0.1)}
    other = bs.fit(ladder, law="chinchilla", noise="normal", priors=steep, **QUIET)
    average = bs.average({"fit": fit, "steep": other}, by="loo", progress=False)
    assert average.pointwise.index.name == "cluster"
    assert len(average.pointwise) == 12
    assert "12 left out" in average.text


def test_labels_that_divide_clusters_are_refused(runs):
    table = runs.frame.assign(half=["x", "y"] * 3)
    grouped = bs.Runs.from_frame(table, cluster="cluster", group="half")
    fits = {name: fit_at(grouped, spread=0.01) for name in ("one", "other")}
    with pytest.raises(DomainError, match="'half'"):
        leave_one_out(fits, group="half", report=lambda *_: None)


def test_rows_without_a_label_are_runs_of_their_own(runs):
    assert runs.cluster_codes.tolist() == [0, 1, 0, 2, 1, 0]
    assert runs.cluster_names.tolist() == ["a", "b", "a", f"run {runs.run_ids[3]}", "b", "a"]
    assert runs.n_clusters == 3
    alone = runs.select(np.array([True, True, False, True, False, False]))
    assert not alone.has_clusters


@pytest.mark.slow
def test_intervals_cover_with_clusters_and_are_far_too_narrow_without():
    """Twenty runs of twenty checkpoints: what is known of E and the exponents."""
    truth = pd.Series({"E": 1.02 * 2.7 * 0.6, "alpha_N": 0.35, "alpha_D": 0.37})
    covered, sd = {"clusters": [], "rows": []}, {"clusters": [], "rows": []}
    for seed in range(8):
        runs = checkpoints(20, 20, seed=seed)
        rows = bs.Runs.from_frame(runs.frame.drop(columns="cluster"))
        for kind, table in (("clusters", runs), ("rows", rows)):
            with warnings.catch_warnings():
                # rows taken for runs miss the law together, and the fit says so
                warnings.simplefilter("ignore" if kind == "rows" else "error", LackOfFitWarning)
                fit = bs.fit(table, law="chinchilla", noise="normal", **QUIET)
            s = fit.summary().loc[truth.index]
            covered[kind] += [*s["lower"].le(truth), *s["upper"].ge(truth)]
            sd[kind].append(s["sd"])
    # 48 bounds of 5 % each: 2.4 are missed on average, but the three of one ladder together
    assert np.mean(covered["clusters"]) > 0.8
    assert np.mean(covered["rows"]) < 0.75
    # of tokens alone the checkpoints of one run tell a lot: the common effect cancels
    wider = np.mean(sd["clusters"], axis=0) / np.mean(sd["rows"], axis=0)
    assert (wider[:2] > 2).all()
    assert wider[2] < 1
