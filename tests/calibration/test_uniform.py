"""The test of uniform ranks is exact, and sees what is not uniform."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from bayesscale.calibration import counts_below, p_value


def test_counts():
    assert counts_below(np.array([0, 2, 2, 3]), 3).tolist() == [1, 1, 3]


@pytest.mark.parametrize("below", [0, 3, 10, 13])
def test_ranks_among_one_draw_are_a_coin(below):
    ranks = np.array([0] * below + [1] * (20 - below))
    assert p_value(ranks, 1) == pytest.approx(binomtest(below, 20).pvalue)


def test_p_values_of_all_possible_ranks_are_their_own_distribution():
    p = np.array([p_value(np.array(ranks), 2) for ranks in product(range(3), repeat=5)])
    for value in np.unique(p):
        assert np.mean(p <= value * (1 + 1e-9)) == pytest.approx(value)


def test_uniform_ranks_have_small_p_values_as_often_as_they_say():
    n, largest, often, trials = 200, 100, 0.1, 1000
    rng = np.random.default_rng(2)
    p = [p_value(rng.integers(0, largest + 1, n), largest) for _ in range(trials)]
    # the counts are whole numbers, so that p-values are a little larger than they might be
    sd = np.sqrt(often * (1 - often) / trials)
    assert often - 4 * sd - 0.01 < np.mean(np.array(p) <= often) < often + 4 * sd


@pytest.mark.parametrize(
    ("scale", "shift"), [(0.75, 0), (1.33, 0), (1, 0.3)], ids=["narrow", "wide", "shifted"]
)
def test_wrong_posteriors_are_seen(scale, shift):
    rng = np.random.default_rng(3)
    truth, draws = rng.normal(size=(400, 1)), rng.normal(size=(400, 100))
    assert p_value((draws < truth).sum(axis=1), 100) > 1e-3
    assert p_value((scale * draws + shift < truth).sum(axis=1), 100) < 1e-3
