r"""Split R-hat and effective sample sizes of many quantities at once, in NumPy.

As in Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), Bayesian Analysis 16(2), 667-718,
doi:10.1214/20-BA1221: chains are split in halves, and draws replaced by the normal scores of their
ranks. Autocorrelations are summed by Geyer's initial monotone sequence. ArviZ computes the same,
one quantity at a time, and importing it takes longer than sampling; a test compares the two.
"""

import numpy as np
from scipy.special import ndtri

from bayesscale._types import Array

TAILS = (0.05, 0.95)


def r_hat(draws: Array) -> Array:
    """Return rank-normalised split R-hat of location or scale, ``(quantity,)``."""
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_r_hat(_scores(halves)), _r_hat(_scores(folded)))


def effective(draws: Array) -> tuple[Array, Array]:
    """Return effective sample sizes of bulk and worse tail, each ``(quantity,)``."""
    tails = [
        _effective(_split((draws <= ends).astype(float)))
        for ends in np.quantile(draws, TAILS, axis=(0, 1))
    ]
    return _effective(_scores(_split(draws))), np.minimum(*tails)


def _split(draws: Array) -> Array:
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _scores(draws: Array) -> Array:
    """Return normal scores of ranks over all chains; equal draws share their mean rank."""
    flat = draws.reshape(-1, draws.shape[-1])
    result = np.empty_like(flat)
    for i, values in enumerate(flat.T):
        _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        rank = np.cumsum(counts) - (counts - 1) / 2
        result[:, i] = ndtri((rank[which] - 0.375) / (len(flat) + 0.25))
    return result.reshape(draws.shape)


def _r_hat(draws: Array) -> Array:
    n = draws.shape[1]
    between, within = draws.mean(axis=1).var(axis=0, ddof=1), draws.var(axis=1, ddof=1).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(between / within + (n - 1) / n)


def _effective(draws: Array) -> Array:
    """Return the effective sample size of the mean of draws, shape ``(chain, draw, quantity)``."""
    chains, n, _ = draws.shape
    length = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(draws - draws.mean(axis=1, keepdims=True), length, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, length, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + draws.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = 1 - (within - covariance) / total
    correlation[0] = 1
    some = (n - 1) // 2 * 2
    even, pairs = correlation[:some:2], correlation[:some:2] + correlation[1:some:2]
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    positive[-1] = False
    first = positive.sum(axis=0)  # the pair that is not
    time = 2 * np.where(positive, np.minimum.accumulate(pairs, axis=0), 0).sum(axis=0) - 1
    time = time + np.maximum(np.take_along_axis(even, first[None], axis=0)[0], 0)
    result = chains * n / np.maximum(time, 1 / np.log10(chains * n))
    return np.where(np.ptp(draws, axis=(0, 1)) > 0, result, chains * n)
