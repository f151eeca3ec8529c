"""The test of uniform ranks is exact, agrees with its band, and sees what is not uniform."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from bayesscale.calibration import band, counts_below, p_value


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


@pytest.mark.parametrize(("n", "largest"), [(50, 100), (400, 20)])
def test_curves_leave_the_band_exactly_when_the_p_value_says_so(n, largest):
    rng, lower, upper = np.random.default_rng(1), *band(n, largest, 0.3)
    left = []
    for _ in range(100):
        ranks = rng.integers(0, largest + 1, n)
        counts = counts_below(ranks, largest)
        left.append(bool(((counts < lower) | (counts > upper)).any()))
        assert left[-1] == (p_value(ranks, largest) <= 0.3)
    assert 0 < sum(left) < 100


def test_uniform_ranks_leave_the_band_as_often_as_it_says():
    n, largest, often, trials = 200, 100, 0.1, 4000
    rng, (lower, upper) = np.random.default_rng(2), band(n, largest, often)
    counts = [counts_below(rng.integers(0, largest + 1, n), largest) for _ in range(trials)]
    left = np.mean([((c < lower) | (c > upper)).any() for c in counts])
    # the counts are whole numbers, so that the band is a little wider than asked for
    sd = np.sqrt(often * (1 - often) / trials)
    assert often - 4 * sd - 0.01 < left < often + 4 * sd


@pytest.mark.parametrize(
    ("scale", "shift"), [(0.75, 0), (1.33, 0), (1, 0.3)], ids=["narrow", "wide", "shifted"]
)
def test_wrong_posteriors_are_seen(scale, shift):
    rng = np.random.default_rng(3)
    truth, draws = rng.normal(size=(400, 1)), rng.normal(size=(400, 100))
    assert p_value((draws < truth).sum(axis=1), 100) > 1e-3
    assert p_value((scale * draws + shift < truth).sum(axis=1), 100) < 1e-3
