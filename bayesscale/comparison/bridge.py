"""Bridge sampling: the normalising constant of a density that can be evaluated and was sampled.

Half of the draws fit a normal proposal, to which the other half, standardised and mirrored, is
bridged by Meng and Wong's optimal function; then the halves swap, and the estimates are averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bayesscale._random import Stream, generator
from bayesscale._sections import Paragraph, Result, Section
from bayesscale._types import Array
from bayesscale.comparison.stacking import effective_size, pareto_k
from bayesscale.errors import DomainError

type LogDensity = Callable[[Array], float]

ITERATIONS_MAX = 1000
TOLERANCE = 1e-13
DRAWS_MIN = 100


@dataclass(frozen=True, repr=False)
class Evidence(Result):
    """The log marginal likelihood of the runs' log losses under a law with its priors.

    Parameters
    ----------
    log_evidence
        ``ln p(ln L | law, noise, priors)``, natural log.
    mcse
        Its Monte Carlo standard error.
    overlap
        Overlap of the posterior and the bridge's proposal, in (0, 1]: the share of the effective
        sample that the bridge keeps, 1 for a normal posterior.
    pareto_k
        Shape of the tail of the bridge's weights, -inf where they hardly vary; large beside a small
        overlap where few draws decide.
    """

    log_evidence: float
    mcse: float
    overlap: float
    pareto_k: float

    @property
    def text(self) -> str:
        """The estimate in words."""
        return f"ln evidence {self.log_evidence:.2f} ± {self.mcse:.2g}, by bridge sampling."

    def sections(self) -> list[Section]:
        """Return the estimate in words."""
        return [Paragraph(self.text)]


def bridge_sampling(log_density: LogDensity, draws: Array, *, random_seed: int = 0) -> Evidence:
    r"""Estimate the normalising constant of a sampled density: the evidence of a posterior.

    ``log_density`` is that of one point of shape ``(dimension,)`` of an unconstrained space, all
    constants and Jacobians kept; ``draws`` from it have the shape ``(chain, draw, dimension)``, at
    least 100 per chain, converged.

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
    .. [4] Micaletto and Vehtari (2025), arXiv:2508.14487, diagnostics of the weights.
    """
    draws = np.asarray(draws, dtype=float)
    if draws.ndim != 3 or draws.shape[1] < DRAWS_MIN or not np.isfinite(draws).all():
        raise DomainError(
            f"draws must be finite, of shape (chain, draw, dimension) with at least {DRAWS_MIN} "
            f"draws per chain, but have shape {draws.shape}."
        )
    rng = generator(random_seed, Stream.BRIDGE)
    half = draws.shape[1] // 2
    halves = draws[:, :half], draws[:, half : 2 * half]
    parts = [_bridge(log_density, a, b, rng) for a, b in (halves, halves[::-1])]
    logs = np.array([p.log_evidence for p in parts])
    return Evidence(
        log_evidence=float(np.logaddexp.reduce(logs) - np.log(2)),
        mcse=float(np.sqrt(np.sum([p.mcse**2 for p in parts])) / 2),
        overlap=min(p.overlap for p in parts),
        pareto_k=max(p.pareto_k for p in parts),
    )


def _bridge(
    log_density: LogDensity, fitted: Array, bridged: Array, rng: np.random.Generator
) -> Evidence:
    """Bridge one half of the draws to a normal fitted to the other."""
    d = fitted.shape[-1]
    flat = fitted.reshape(-1, d)
    mean = flat.mean(axis=0)
    covariance = np.atleast_2d(np.cov(flat, rowvar=False))
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise DomainError(
            "The draws do not vary in every dimension (their covariance is singular), so there is "
            "no density to bridge. Leave out constant and redundant dimensions."
        ) from error
    log_volume = float(np.log(np.diag(root)).sum())

    def log_mirrored(eta: Array) -> Array:
        points = mean + eta @ root.T
        both = np.array([[log_density(u), log_density(2 * mean - u)] for u in points])
        both[np.isnan(both)] = -np.inf  # outside what the density knows
        return np.logaddexp(both[:, 0], both[:, 1]) - np.log(2) + log_volume

    def log_normal(eta: Array) -> Array:
        return -0.5 * (eta**2).sum(axis=1) - 0.5 * d * np.log(2 * np.pi)

    n = bridged[..., 0].size
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
    of_draws = of_draws.reshape(bridged.shape[:2])
    return bridge(of_draws, of_proposed, effective=effective_size(of_draws))


def bridge(
    of_draws: Array, of_proposed: Array, *, effective: float, independent: bool = False
) -> Evidence:
    """Solve Meng and Wong's equation for log ratios of the density over the proposal.

    ``of_draws`` are those at the draws ``(chain, draw)``, ``of_proposed`` those at the proposal's.
    """
    n1, n2 = of_draws.size, of_proposed.size
    s1, s2 = effective / (effective + n2), n2 / (effective + n2)

    def shares(log_r: float) -> tuple[Array, Array]:  # by logs, safe from overflow
        a, b = of_proposed - log_r, of_draws - log_r
        upper = np.exp(a - np.logaddexp(np.log(s1) + a, np.log(s2)))
        return upper, np.exp(-np.logaddexp(np.log(s1) + b, np.log(s2)))

    log_r = float(np.median(of_draws))
    for _ in range(ITERATIONS_MAX):
        f1, f2 = shares(log_r)
        step = float(np.log(f1.mean()) - np.log(f2.mean()))
        log_r += step
        if abs(step) < TOLERANCE:
            break
    f1, f2 = shares(log_r)
    n_effective = n1 if independent else effective_size(f2)
    relative = f1.var(ddof=1) / (n2 * f1.mean() ** 2)
    relative += f2.var(ddof=1) / (n_effective * f2.mean() ** 2)
    error, tail = float(np.sqrt(np.log1p(relative))), max(pareto_k(f1[None]), pareto_k(f2))
    return Evidence(log_r, error, overlap=float(f2.mean()), pareto_k=tail)
