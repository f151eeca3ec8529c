"""The evidence of a law that another one holds at one value of a coordinate."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.comparison.weights import log_mean_weight
from bayesscale.errors import DomainError, EvidenceError, unknown_name
from bayesscale.inference.result import Fit
from bayesscale.model.links import LINKS

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class NestedEvidence:
    """The evidence of a law with one coordinate fixed, relative to that of the law.

    Parameters
    ----------
    log_bayes_factor
        ``ln p(ln L | fixed) - ln p(ln L | free)``, natural log.
    mcse
        Its Monte Carlo standard error.
    pareto_k
        Shape of the tail of the weights that were averaged; above .7 the error is not to be
        trusted.
    name, value
        The coordinate and the value it was fixed at.
    """

    log_bayes_factor: float
    mcse: float
    pareto_k: float
    name: str
    value: float


def savage_dickey(fit: Fit, *, name: str = "k", value: float = 1.0) -> NestedEvidence:
    r"""Compare a law with the one inside it, from the draws of the wider one alone.

    ``unified`` with k = 1 is ``chinchilla``, so ``savage_dickey(unified_fit)`` must agree with the
    difference of their evidences by :func:`~bayesscale.evidence`. No irreducible loss (E = 0) lies
    on the boundary of its coordinate, where this ratio does not exist: ``kaplan`` and
    ``kaplan_irreducible`` are two models, each with an evidence of its own.

    Parameters
    ----------
    fit
        A converged fit of the wider law.
    name
        The coordinate that is fixed.
    value
        The value it is fixed at, within its domain.

    Returns
    -------
    NestedEvidence
        The log Bayes factor of the fixed law over the free one.

    Raises
    ------
    DomainError
        If ``fit`` is no fit, or the value is outside the coordinate's domain or its prior.
    UnknownNameError
        If the law has no such coordinate.
    EvidenceError
        If the draws did not converge, or the value is so far from all draws that no density can
        be estimated there.

    Notes
    -----
    .. math:: \ln BF = \ln p(k = 1 | y) - \ln p(k = 1)

    with the posterior density by importance weighting: each draw is moved to k = 1, its other
    coordinates along their regression on k, and weighed by how its density changes,

    .. math:: p(k^* | y) = \mathrm E \left[ w(k)
              \frac{p(k^*, \theta + b (k^* - k) | y)}{p(k, \theta | y)} \right]

    where w is a normal density with the mean and variance of k. That holds for any b, as a shift
    keeps volumes; for a normal posterior all weights are equal. There is no bandwidth to choose.

    References
    ----------
    .. [1] Dickey (1971), Annals of Mathematical Statistics 42(1), 204-223.
    .. [2] Chen (1994), JASA 89(427), 818-824.

    Examples
    --------
    >>> unified = bs.fit(runs, law="unified")                     # doctest: +SKIP
    >>> bs.savage_dickey(unified).log_bayes_factor                # doctest: +SKIP
    """
    if not isinstance(fit, Fit):
        raise DomainError(f"Expected a Fit, as bs.fit returns, not {type(fit).__name__}.")
    coordinates = {k.name: k for k in fit.spec.coordinates}
    if name not in coordinates:
        raise unknown_name("coordinate", name, coordinates)
    link = LINKS[coordinates[name].link]
    if not link.lower < value < link.upper:
        raise DomainError(f"{name} is {link.domain}, so it cannot be fixed at {value!r}.")
    if not fit.convergence.passed:
        raise EvidenceError(
            f"The evidence of draws that did not converge means nothing. {fit.convergence.text}"
        )
    # brings PyMC: only now
    from bayesscale.inference.compiled import compile_model
    from bayesscale.model.data import model_data

    compiled, data = compile_model(fit.spec, fit.runs), model_data(fit.spec, fit.runs)
    posterior = fit.coordinates
    draws = {k: np.asarray(posterior[k]) for k in compiled.names}
    i = compiled.names.index(name)
    log_prior = float(compiled.log_prior[i](np.array(value), data["prior"][i]))
    if not np.isfinite(log_prior):
        raise DomainError(
            f"The prior {fit.spec.priors[name]!r} excludes {name} = {value:g}, so that law is not "
            "inside this one."
        )
    forward, density = compiled.forward, compiled.bind(data)
    u = np.stack([f(draws[k]) for f, k in zip(forward, compiled.names, strict=True)], axis=-1)
    at = float(forward[i](np.array(value)))
    log_weight = log_density_weights(
        lambda point: density(compiled.slopes.of_exponents(point))[0], u, i, at
    )
    # of the coordinate itself, not of its link
    log_slope = _log_slope(forward[i], value)
    log_density, mcse, k = log_mean_weight(log_weight)
    if not np.isfinite(log_density) or k > 1:
        raise EvidenceError(
            f"{name} = {value:g} is too far from the draws of {fit.law.name!r}, whose {name} lies "
            f"between {draws[name].min():.3g} and {draws[name].max():.3g}: the runs exclude it, "
            "but by how much these draws cannot say. Fit the law with it fixed, and compare the "
            "two evidences."
        )
    return NestedEvidence(log_density + log_slope - log_prior, mcse, k, name, float(value))


def log_density_weights(
    log_density: Callable[[Array], float], u: Array, i: int, at: float
) -> Array:
    """Weigh draws for the density of one coordinate at a value.

    Parameters
    ----------
    log_density
        The density that was sampled, of a point of shape ``(dimension,)``.
    u
        Draws from it, shape ``(chain, draw, dimension)``.
    i
        The coordinate.
    at
        Its value.

    Returns
    -------
    ndarray
        Logs of weights whose mean is the marginal density there, shape ``(chain, draw)``.
    """
    flat = u.reshape(-1, u.shape[-1])
    mean, sd = flat[:, i].mean(), flat[:, i].std(ddof=1)
    slopes = (flat - flat.mean(axis=0)).T @ (flat[:, i] - mean) / ((len(flat) - 1) * sd**2)
    moved = flat + (at - flat[:, [i]]) * slopes
    moved[:, i] = at
    log_normal = -0.5 * ((flat[:, i] - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    change = np.array([log_density(b) - log_density(a) for a, b in zip(flat, moved, strict=True)])
    return (log_normal + change).reshape(u.shape[:-1])


def _log_slope(forward: Callable[[Array], Array], value: float) -> float:
    """Return the log of the derivative of the map to the unconstrained scale."""
    h = 1e-6 * max(abs(value), 1e-3)
    ahead, behind = (float(forward(np.array(value + s))) for s in (h, -h))
    return float(np.log(abs(ahead - behind) / (2 * h)))
