"""Scores against closed forms, in units of their Monte Carlo error."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm

from bayesscale.backtesting import LEVELS, crps, normal_log_score, score_draws, summarise

N = 4000
OBSERVED = np.array([-3.0, -0.5, 0.0, 0.7, 2.5])


@pytest.fixture(scope="module")
def draws():
    return 0.3 + 2.0 * np.random.default_rng(0).standard_normal((N, len(OBSERVED)))


def crps_of_normal(observed, mean, sd):
    z = (observed - mean) / sd
    return sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))


def test_crps_of_normal_draws_is_that_of_the_normal(draws):
    # the score is a mean over draws of |x - y| - E|x - X'| / 2, whose sd gives its error
    distance = np.abs(draws - OBSERVED)
    error = 2 * distance.std(axis=0) / np.sqrt(N)
    assert np.all(np.abs(crps(draws, OBSERVED) - crps_of_normal(OBSERVED, 0.3, 2.0)) < 3 * error)


def test_crps_is_what_its_definition_says():
    few, y = np.array([[0.0], [1.0], [5.0]]), np.array([2.0])
    pairs = np.abs(few - few.T).mean()
    assert crps(few, y) == pytest.approx(np.abs(few - y).mean() - pairs / 2)


def test_crps_of_one_draw_is_the_absolute_error():
    np.testing.assert_allclose(crps(OBSERVED[None] + 0.25, OBSERVED), 0.25)


def test_log_score_is_the_density_of_a_normal(draws):
    expected = norm.logpdf(OBSERVED, draws.mean(axis=0), draws.std(axis=0))
    np.testing.assert_allclose(normal_log_score(draws, OBSERVED), expected)
    assert np.isfinite(normal_log_score(np.zeros((3, 1)), np.ones(1))).all()  # no spread at all


def test_intervals_cover_what_they_promise_and_pit_is_uniform():
    rng = np.random.default_rng(1)
    runs = 400
    draws, observed = rng.standard_normal((1000, runs)), rng.standard_normal(runs)
    points = score_draws(draws, observed).assign(
        observed=np.exp(observed), method="m", run=np.arange(runs), reach=2.0, log_score=0.0
    )
    (row,) = summarise(points, ["method"]).to_dict("records")
    for level in LEVELS:
        covered = round(row[f"cover{level}"] * runs)
        assert binomtest(covered, runs, level / 100).pvalue > 1e-3, level
    assert abs(points["pit"].mean() - 0.5) < 4 / np.sqrt(12 * runs)


def test_points_are_quantiles_of_the_loss(draws):
    points = score_draws(draws, OBSERVED)
    lower, median, upper = np.exp(np.quantile(draws, [0.05, 0.5, 0.95], axis=0))
    np.testing.assert_allclose(points[["lower90", "median", "upper90"]].T, [lower, median, upper])
    np.testing.assert_allclose(points["error"], np.log(median) - OBSERVED)


def test_a_summary_of_predictions_made_by_hand():
    ends = {f"lower{k}": 2.0 for k in LEVELS} | {f"upper{k}": 4.0 for k in LEVELS}
    points = pd.DataFrame(
        {
            "method": ["a", "a", "b"], "run": [1, 1, 2], "reach": [2.0, 4.0, 9.0],
            "observed": [3.0, 5.0, 2.0], "error": [0.1, -0.3, 0.2], "crps": [0.1, 0.3, 0.5],
            "log_score": [1.0, 3.0, 5.0], **ends,
        }
    )  # fmt: skip
    a, b = summarise(points, ["method"]).to_dict("records")
    assert (a["n"], a["n_runs"], a["reach"], a["cover90"], b["cover90"]) == (2, 1, 3.0, 0.5, 1.0)
    assert a["rmsle"] == pytest.approx(np.sqrt(0.05))
    assert a["bias"] == pytest.approx(-0.1)
    assert (a["crps"], a["log_score"]) == (pytest.approx(0.2), 2.0)
    assert a["width90"] == pytest.approx(np.log(2))
