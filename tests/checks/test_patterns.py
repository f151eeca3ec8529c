"""Bends, noise that changes with size, and what a design could have shown: against simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import ndtr, ndtri

from bayesscale import laws
from bayesscale.checks import (
    SCALE_SLOPE,
    Detectable,
    Scores,
    Sizes,
    beyond_all,
    common_share,
    critical_score,
    families,
    neighbour_graph,
    noise_by_size,
    outliers_needed,
    smallest_share,
)
from tests.simulate import design, simulate_runs

RUNS = simulate_runs(sizes=design(6, 6))
LAW = laws.LAWS["chinchilla"]
N = len(RUNS)


def absorbed(rank=4):
    """What a made-up posterior takes up: what is straight in the sizes, almost whole, and part of
    other directions; how its draws vary.
    """
    straight = [np.ones(N), np.log(RUNS.params), np.log(RUNS.tokens)]
    other = np.random.default_rng(0).standard_normal((rank, N))
    basis, _ = np.linalg.qr(np.stack([*straight, *other], axis=1))
    return (basis * np.sqrt([*[1 - 1e-9] * 3, *np.linspace(0.3, 0.9, rank)])).T


VARY = absorbed()
LEFT_ROOT = np.linalg.cholesky(np.eye(N) - VARY.T @ VARY)


def scores(rng, shift=0.0):
    """Draw the mean of scores as the model has it, moved by a shape that shows in them."""
    moved = (np.eye(N) - VARY.T @ VARY) @ np.broadcast_to(shift, N)
    return Scores(LEFT_ROOT @ rng.standard_normal(N) + moved, VARY)


def shapes(found):
    return families(LAW, RUNS, found, lambda shape: shape / 0.005)


def test_sizes_looked_at_are_compute_and_the_inputs():
    assert [family.size.name for family in shapes(scores(np.random.default_rng(0)))] == [
        "flops", "params", "tokens",
    ]  # fmt: skip


def test_scores_of_bends_are_standard_normal_and_their_bound_holds():
    rng = np.random.default_rng(1)
    drawn = [shapes(scores(rng)) for _ in range(800)]
    every = np.array([np.concatenate([f.scores for f in found]) for found in drawn])
    # a Kolmogorov-Smirnov distance of 800 draws is below .079 with 99.99 %, for 27 of them
    assert max(stats.kstest(column, "norm").statistic for column in every.T) < 0.079
    largest = np.abs(every).max(axis=1)
    p = beyond_all(drawn[0], largest)
    for level in (0.002, 0.01, 0.05):
        seen = int(np.sum(p < level))
        assert stats.binom.sf(seen - 1, len(p), level) > 1e-3
    assert np.sum(p < 0.05) > 0.2 * 0.05 * len(p)  # a bound, but no idle one


def test_a_critical_score_is_where_the_bound_is_the_level():
    found = shapes(scores(np.random.default_rng(2)))
    t = critical_score(found, 0.01)
    assert float(beyond_all(found, np.array(t))) == pytest.approx(0.01, rel=1e-6)


def test_a_kink_of_the_detectable_size_is_found_with_eighty_percent():
    rng = np.random.default_rng(3)
    found = shapes(scores(rng))
    could = Detectable.of(found, n=N, far=0.01, level=0.01, least_kink=0.0)
    family = found[0]
    middle = len(family.knots) // 2
    x = np.log(RUNS.flops)
    kink = could.kink / np.log(10) * np.maximum(x - np.log(family.knots[middle]), 0)
    t = critical_score(found, 0.01)
    scored = [shapes(scores(rng, kink / 0.005))[0].scores[middle] for _ in range(400)]
    share = np.mean(np.abs(scored) > t)
    assert abs(share - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 400)


def test_the_detectable_share_of_outliers():
    needed = outliers_needed(34, 0.012, 0.01 / 6)
    assert stats.binom.sf(needed - 1, 34, 0.012) < 0.01 / 6 <= stats.binom.sf(needed - 2, 34, 0.012)
    share = smallest_share(34, needed)
    assert stats.binom.sf(needed - 1, 34, share) == pytest.approx(0.8)
    assert np.isnan(smallest_share(3, 4))


def test_words_name_what_would_be_seen_and_what_would_not():
    found = shapes(scores(np.random.default_rng(4)))
    seen = Detectable.of(found, n=N, far=0.012, level=0.01, least_kink=0.0).in_words(N, 0.006)
    for part in ("36 runs", "0.6 %", "% per decade of compute"):
        assert part in seen
    blind = Detectable.of([], n=3, far=0.012, level=0.01, least_kink=np.nan).in_words(3, 0.006)
    assert "per decade" not in blind
    assert "bs.backtest" in blind


def test_moments_of_neighbours_hold_where_a_posterior_takes_up_part():
    rng = np.random.default_rng(5)
    graph = neighbour_graph(Sizes.of(RUNS, LAW).at)
    assert graph is not None
    p = np.array([common_share(scores(rng), graph)[1] for _ in range(1500)])
    for level in (0.0025, 0.01, 0.1):
        assert stats.binom.sf(np.sum(p < level) - 1, len(p), level) > 1e-3
        assert stats.binom.cdf(np.sum(p < level), len(p), level) > 1e-4


def test_noise_that_changes_with_size_is_found_and_measured():
    rng = np.random.default_rng(6)
    z = rng.standard_normal((600, N))
    p = np.array([noise_by_size(LAW, RUNS, row[None])[1] for row in z])
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    x = np.log(RUNS.tokens)
    trend = (x - x.mean()) / x.std()
    _, p, where = noise_by_size(LAW, RUNS, z[:400] * np.exp(0.6 * trend))
    assert p < 0.01 / 6  # the median over 400 ladders
    assert np.corrcoef(where, trend)[0, 1] > 0.98
    ratio, _, _ = noise_by_size(LAW, RUNS, z[:400] * np.exp(0.2 * trend))  # to first order
    assert np.log(ratio) == pytest.approx(0.2 * np.ptp(trend), rel=0.2)


def test_the_slope_of_scores_of_size():
    def density(z):
        return np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)

    slope, _ = quad(lambda v: -ndtri(ndtr(-v) / 2) * 2 * density(ndtri(ndtr(-v) / 2)), -9, 9)
    assert slope == pytest.approx(SCALE_SLOPE, abs=1e-3)
