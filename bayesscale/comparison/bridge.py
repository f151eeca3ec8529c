"""Bridge sampling: the normalising constant of a density that can be evaluated and was sampled.

Half of the draws fit a normal proposal; the other half, standardised by it and mirrored, is
bridged to the proposal by Meng and Wong's optimal function, which is iterated to its fixed point.
Then the halves swap, and the two estimates are averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import DomainError

type Array = NDArray[np.float64]
type LogDensity = Callable[[Array], float]

ITERATIONS_MAX = 1000
TOLERANCE = 1e-10
DRAWS_MIN = 100


@dataclass(frozen=True)
class BridgeEstimate:
    """A log normalising constant.

    Parameters
    ----------
    log_evidence
        Estimate of ``ln ∫ exp(log_density(u)) du``.
    mcse
        Its Monte Carlo standard error, autocorrelation of the draws included.
    overlap
        Share of the effective sample that the bridge keeps, in (0, 1]: how alike proposal and
        posterior are. 1 for a normal posterior.
    """

    log_evidence: float
    mcse: float
    overlap: float


def bridge_sampling(
    log_density: LogDensity, draws: Array, *, random_seed: int = 0
) -> BridgeEstimate:
    r"""Estimate the normalising constant of a sampled density.

    Parameters
    ----------
    log_density
        Log density on an unconstrained space, all constants kept, of one point of shape
        ``(dimension,)``.
    draws
        Draws from it, shape ``(chain, draw, dimension)``, at least 100 a chain.
    random_seed
        Seed of the proposal's draws and the mirror's signs.

    Returns
    -------
    BridgeEstimate
        The estimate and its error.

    Raises
    ------
    DomainError
        If the draws have the wrong shape, are not finite, or lie where the density is zero.

    Notes
    -----
    With :math:`\eta = L^{-1}(u - m)` and the mirrored density
    :math:`\tilde p(\eta) = \tfrac12 |L| [p(m + L\eta) + p(m - L\eta)]`, the estimate solves

    .. math:: r = \frac{\overline{\tilde p / (s_1 \tilde p + s_2 r g)}^{\,g}}
                       {\overline{g / (s_1 \tilde p + s_2 r g)}^{\,\tilde p}}

    References
    ----------
    .. [1] Meng and Wong (1996), Statistica Sinica 6, 831-860, eq. 4.1.
    .. [2] Meng and Schilling (2002), JCGS 11(3), warp bridge sampling.
    .. [3] Frühwirth-Schnatter (2004), Econometrics Journal 7(1), relative error.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesscale.comparison.bridge import bridge_sampling
    >>> draws = np.random.default_rng(0).normal(size=(4, 1000, 2))
    >>> estimate = bridge_sampling(lambda u: -0.5 * float(u @ u), draws)
    >>> abs(estimate.log_evidence - np.log(2 * np.pi)) < 4 * estimate.mcse + 1e-9
    True
    """
    draws = np.asarray(draws, dtype=float)
    if draws.ndim != 3 or draws.shape[1] < DRAWS_MIN or not np.isfinite(draws).all():
        raise DomainError(
            f"draws must be finite, of shape (chain, draw, dimension) with at least {DRAWS_MIN} "
            f"draws a chain, but have shape {draws.shape}."
        )
    rng = np.random.default_rng(random_seed)
    half = draws.shape[1] // 2
    halves = draws[:, :half], draws[:, half : 2 * half]
    parts = [_bridge(log_density, a, b, rng) for a, b in (halves, halves[::-1])]
    logs = np.array([p.log_evidence for p in parts])
    return BridgeEstimate(
        log_evidence=float(np.logaddexp.reduce(logs) - np.log(2)),
        mcse=float(np.sqrt(np.sum([p.mcse**2 for p in parts])) / 2),
        overlap=min(p.overlap for p in parts),
    )


def _bridge(
    log_density: LogDensity, fitted: Array, bridged: Array, rng: np.random.Generator
) -> BridgeEstimate:
    """Bridge one half of the draws to a normal fitted to the other."""
    d = fitted.shape[-1]
    flat = fitted.reshape(-1, d)
    mean = flat.mean(axis=0)
    covariance = np.atleast_2d(np.cov(flat, rowvar=False))
    root = np.linalg.cholesky(covariance)
    log_volume = float(np.log(np.diag(root)).sum())

    def log_mirrored(eta: Array) -> Array:
        points = mean + eta @ root.T
        both = np.array([[log_density(u), log_density(2 * mean - u)] for u in points])
        return np.logaddexp(both[:, 0], both[:, 1]) - np.log(2) + log_volume

    def log_normal(eta: Array) -> Array:
        return -0.5 * (eta**2).sum(axis=1) - 0.5 * d * np.log(2 * np.pi)

    n_chains, n_draws = bridged.shape[:2]
    n = n_chains * n_draws
    signs = rng.choice([-1.0, 1.0], size=(n, 1))
    eta = signs * np.linalg.solve(root, (bridged.reshape(-1, d) - mean).T).T
    proposed = rng.standard_normal((n, d))
    # log ratios of the mirrored density to the proposal, at both samples
    of_draws = log_mirrored(eta) - log_normal(eta)
    of_proposed = log_mirrored(proposed) - log_normal(proposed)
    if not np.isfinite(of_draws).all():
        raise DomainError(
            f"The log density is not finite at {int((~np.isfinite(of_draws)).sum())} of {n} draws. "
            "It must be the density that was sampled, on the unconstrained space."
        )

    effective = _effective_size(of_draws.reshape(n_chains, n_draws))
    s1, s2 = effective / (effective + n), n / (effective + n)
    log_r = _fixed_point(of_draws, of_proposed, s1, s2)
    f1 = np.exp(of_proposed - log_r - np.logaddexp(np.log(s1) + of_proposed - log_r, np.log(s2)))
    f2 = np.exp(-np.logaddexp(np.log(s1) + of_draws - log_r, np.log(s2)))
    n_effective = _effective_size(f2.reshape(n_chains, n_draws))
    variance = f1.var() / (n * f1.mean() ** 2) + f2.var() / (n_effective * f2.mean() ** 2)
    return BridgeEstimate(float(log_r), float(np.sqrt(variance)), float(f2.mean()))


def _fixed_point(of_draws: Array, of_proposed: Array, s1: float, s2: float) -> float:
    """Iterate Meng and Wong's equation for ln r, safe from overflow."""
    log_r = float(np.median(of_draws))
    for _ in range(ITERATIONS_MAX):
        a, b = of_proposed - log_r, of_draws - log_r
        upper = np.exp(a - np.logaddexp(np.log(s1) + a, np.log(s2))).mean()
        lower = np.exp(-np.logaddexp(np.log(s1) + b, np.log(s2))).mean()
        step = float(np.log(upper) - np.log(lower))
        log_r += step
        if abs(step) < TOLERANCE:
            break
    return log_r


def _effective_size(values: Array) -> float:
    """Return the effective size of a mean over ``(chain, draw)``, at most their number."""
    from arviz_stats.base.array import array_stats

    if np.ptp(values) == 0:
        return float(values.size)
    ess: Any = array_stats.ess(values, method="mean", chain_axis=0, draw_axis=1)
    return min(max(float(ess), 1.0), float(values.size))
