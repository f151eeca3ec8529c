"""The baselines: known answers, an independent optimiser, and recomputed public figures."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import least_squares

from bayesscale.backtesting import (
    DELTA,
    RESIDUALS_PER_REFIT,
    fit_power_laws,
    log_power_laws,
    predict_by_bootstrap,
    predict_by_conformal,
    score_draws,
)
from tests.simulate import design

TRUTH = {1: np.array([0.5, 0.2, 0.3]), 2: np.array([0.4, -0.5, -0.2, 0.35, 0.3])}


def inputs(k):
    x = np.log(np.stack(design()))
    return (x - x.mean(axis=1, keepdims=True))[:k]


@pytest.mark.parametrize("k", [1, 2])
def test_a_law_without_noise_is_found(k):
    found = fit_power_laws(inputs(k), log_power_laws(TRUTH[k], inputs(k)))
    np.testing.assert_allclose(found, TRUTH[k], atol=2e-3)


def test_another_optimiser_finds_no_better_minimum():
    x = inputs(2)
    noise = 0.01 * np.random.default_rng(0).standard_t(3, x.shape[1])
    y = log_power_laws(TRUTH[2], x) + noise

    def residuals(theta):
        return log_power_laws(theta, x) - y

    def cost(theta):
        r = np.abs(residuals(theta))
        return np.where(r < DELTA, r**2 / 2, DELTA * (r - DELTA / 2)).sum()

    other = least_squares(
        residuals, TRUTH[2], loss="huber", f_scale=DELTA, max_nfev=5000,
        ftol=1e-14, xtol=1e-14, gtol=1e-14,
    )  # fmt: skip
    assert cost(fit_power_laws(x, y)) <= cost(other.x) * (1 + 1e-5)


def test_bootstrap_draws_are_refits_plus_residuals_and_repeat():
    x = inputs(2)
    y = log_power_laws(TRUTH[2], x) + 0.01 * np.random.default_rng(0).standard_normal(x.shape[1])
    once, again = (
        predict_by_bootstrap(x, y, x[:, :3], np.random.default_rng(3), refits=4) for _ in "ab"
    )
    assert once.shape == (4 * RESIDUALS_PER_REFIT, 3)
    np.testing.assert_array_equal(once, again)
    assert 0.003 < once.std(axis=0).mean() < 0.03


# CRPS, RMSLE and 90 % coverage of Approach 3 with 200 refits, recomputed for the public ladders by
# a program of its own
RECOMPUTED = {
    "chinchilla": (0.00749, 0.01179, 0.47368),
    "muennighoff": (0.0115, 0.01551, 1.0),
    "porian": (0.03638, 0.04619, 0.05556),
}


def ladder(folder, name):
    """Read a ladder, cut below its largest compute; logs of N and D, and of the loss."""
    if name == "chinchilla":
        table, factor = pd.read_csv(folder / "chinchilla_epoch" / "runs.csv"), 16
        table = table[table.outlier_besiroglu == 0]
    elif name == "muennighoff":
        table, factor = pd.read_csv(folder / "muennighoff2023" / "runs.csv"), 10
        table = table[(table.epochs <= 1.05) & (table.in_sldbench_182 == 1)]
    else:
        table, factor = pd.read_csv(folder / "porian2024" / "runs.csv"), 6
        table = table[(table.experiment == "4_cosine_decay") & (table.dataset == "owt2")]
        table = table[table.loss < 5]
    x = np.log(table[["n_params", "n_tokens"]].to_numpy(dtype=float).T)
    compute = x.sum(axis=0)
    small = compute < compute.max() - np.log(factor)
    y = np.log(table["loss"].to_numpy())
    return x[:, small], y[small], x[:, ~small], y[~small]


@pytest.mark.parametrize("name", RECOMPUTED)
def test_the_figures_of_the_state_of_practice_are_reproduced(ladders, name):
    x, y, x_new, observed = ladder(ladders, name)
    drawn = predict_by_bootstrap(x, y, x_new, np.random.default_rng(0))
    refits = drawn.reshape(-1, RESIDUALS_PER_REFIT, len(observed))

    def figures(draws):
        points = score_draws(draws.reshape(-1, len(observed)), observed)
        inside = np.log(points["lower90"]).le(observed) & np.log(points["upper90"]).ge(observed)
        return points["crps"].mean(), np.sqrt((points["error"] ** 2).mean()), inside.mean()

    # what 200 refits with one residual each leave to chance: draw them again from what we have
    rng = np.random.default_rng(1)
    n = len(refits)
    again = [
        figures(refits[rng.integers(0, n, n), rng.integers(0, RESIDUALS_PER_REFIT, n)])
        for _ in range(50)
    ]
    error = np.std(again, axis=0)
    ours, theirs = np.array(figures(refits)), np.array(RECOMPUTED[name])
    one_run = np.array([0, 0, 1 / len(observed)])  # coverage moves in steps of one run
    assert np.all(np.abs(ours - theirs) <= 4 * error + one_run + 1e-5), (ours, theirs, error)


def chinchilla_ladder(seed=0, noise=0.01):
    params, tokens = design(10, 8)
    x, flops = np.log(np.stack([params, tokens])), 6 * params * tokens
    y = np.log(1.7 + 400 * params**-0.34 + 1800 * tokens**-0.37)
    return x, flops, y + noise * np.random.default_rng(seed).standard_normal(len(y))


def test_conformal_intervals_are_as_wide_as_errors_were():
    x, flops, y = chinchilla_ladder()
    small = flops < flops.max() / 3
    drawn = predict_by_conformal(x[:, small], flops[small], y[small], x[:, ~small], flops[~small])
    lower, upper = np.quantile(drawn, [0.05, 0.95], axis=0)
    assert np.mean((lower <= y[~small]) & (y[~small] <= upper)) >= 0.8
    np.testing.assert_allclose(upper - lower, np.ptp([lower[0], upper[0]]), rtol=1e-6)
    # they are of noise and a little more
    assert 2 * 1.645 * 0.01 * 0.7 < upper[0] - lower[0] < 2 * 1.645 * 0.01 * 3


def test_conformal_intervals_of_few_errors_end_at_the_largest():
    x, flops, y = chinchilla_ladder()
    few = np.argsort(flops)[:11]
    drawn = predict_by_conformal(x[:, few], flops[few], y[few], x[:, -1:], flops[-1:])
    assert np.isfinite(drawn).all()
    assert len(np.unique(np.round(np.abs(drawn - np.median(drawn)), 12))) <= 11
