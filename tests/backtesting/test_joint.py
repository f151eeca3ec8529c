"""Errors of a fold are judged jointly: p-values are uniform where the model is right."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import combine_pvalues, kstest

from bayesscale.backtesting import combine, judge_errors, together


def predictive(rng, *, draws=2000, runs=12, shared=0.02, own=0.005):
    """Draw log losses whose errors share one component."""
    return shared * rng.standard_normal((draws, 1)) + own * rng.standard_t(6, (draws, runs))


def judged(rng, *, times=1.0, **options):
    draws = predictive(rng, **options)
    observed = times * predictive(rng, draws=1, **options)[0]
    lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
    return judge_errors(draws, observed, lower, upper)


def test_p_values_are_uniform_though_runs_share_an_error():
    rng = np.random.default_rng(1)
    p = [judged(rng)[0]["p_value"] for _ in range(400)]
    assert kstest(p, "uniform").pvalue > 0.01


def test_power_is_the_share_of_doubled_errors_that_are_detected():
    rng = np.random.default_rng(2)
    found, replicates = judged(rng)
    assert 0 < found["p_value"] <= 1
    power, _ = together([replicates])
    doubled = [judged(rng, times=2)[0]["p_value"] < 0.05 for _ in range(400)]
    error = np.sqrt(0.25 / 400 + 0.25 / len(replicates))
    assert abs(np.mean(doubled) - power) < 3 * error


def test_several_folds_detect_more():
    rng = np.random.default_rng(3)
    folds = [judged(rng)[1] for _ in range(4)]
    assert together(folds)[0] > together(folds[:1])[0] + 0.1


def test_the_band_of_a_right_model_holds_its_own_counts():
    rng = np.random.default_rng(4)
    replicates = judged(rng)[1]
    low, high = together([replicates])[1]
    inside = replicates["covered"].between(low, high).mean()
    assert inside > 0.88
    assert low < 0.9 * 12  # one error is shared: far fewer than nine tenths may be covered


@pytest.mark.parametrize("p", [[0.3], [0.04, 0.5, 0.2], [1.0, 1.0]])
def test_fishers_method(p):
    assert combine(np.array(p)) == pytest.approx(combine_pvalues(p, method="fisher").pvalue)


def test_errors_of_no_size_are_as_probable_as_can_be():
    draws = predictive(np.random.default_rng(5))
    lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
    found, replicates = judge_errors(draws, np.median(draws, axis=0), lower, upper)
    assert found == {"error_ratio": 0.0, "p_value": 1.0}
    assert isinstance(replicates, pd.DataFrame)
