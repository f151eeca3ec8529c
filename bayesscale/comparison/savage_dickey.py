"""The evidence of a law that another one holds at one value of a coordinate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale import _arguments
from bayesscale._sections import Paragraph, Section, Severity, Told
from bayesscale.comparison.weights import PARETO_K_MAX, log_mean_weight
from bayesscale.errors import DomainError, EvidenceError
from bayesscale.inference.result import Fit
from bayesscale.model.links import LINKS

type Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class NestedEvidence(Told):
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

    @property
    def severity(self) -> Severity:
        """A caution where few draws decide."""
        return "caution" if self.pareto_k > PARETO_K_MAX else "ok"

    @property
    def text(self) -> str:
        """The estimate in words."""
        said = (
            f"ln BF {self.log_bayes_factor:.2f} ± {self.mcse:.2g} of {self.name} = {self.value:g} "
            f"over {self.name} free, by the density there."
        )
        few = f" Few draws decide it (Pareto k {self.pareto_k:.2f}): do not trust its error."
        return said + few * (self.severity != "ok")

    def sections(self) -> list[Section]:
        """Return the estimate in words."""
        return [Paragraph(self.text, self.severity)]


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
    name = _arguments.choice("coordinate", name, coordinates)
    value = _arguments.number("value", value)
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

    density = compile_model(fit.spec, fit.runs).bind(model_data(fit.spec, fit.runs))
    space = fit.spec.space
    draws = {str(k): np.asarray(v) for k, v in fit.coordinates.items()}
    i = space.names.index(name)
    log_prior = float(space.log_prior(name, np.array([value]))[0])
    if not np.isfinite(log_prior):
        raise DomainError(
            f"The prior {fit.spec.priors[name]!r} excludes {name} = {value:g}, so that law is not "
            "inside this one."
        )

    def linked(value: float) -> float:
        """Return a value of the coordinate on the scale that is sampled."""
        point = {k: v[:1, 0] for k, v in draws.items()} | {name: np.array([value])}
        return float(space.unconstrain(point)[0, i])

    log_weight = log_density_weights(
        lambda point: density(point)[0], space.unconstrain(draws), i, linked(value)
    )
    h = 1e-6 * max(abs(value), 1e-3)
    # of the coordinate itself, not of its link
    log_slope = float(np.log(abs(linked(value + h) - linked(value - h)) / (2 * h)))
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
    """Weigh draws ``u``, shape ``(chain, draw, dimension)``, of a log density of one point.

    Returns logs of weights, shape ``(chain, draw)``, whose mean is the marginal density of
    coordinate ``i`` at a value.
    """
    flat = u.reshape(-1, u.shape[-1])
    mean, sd = flat[:, i].mean(), flat[:, i].std(ddof=1)
    slopes = (flat - flat.mean(axis=0)).T @ (flat[:, i] - mean) / ((len(flat) - 1) * sd**2)
    moved = flat + (at - flat[:, [i]]) * slopes
    moved[:, i] = at
    log_normal = -0.5 * ((flat[:, i] - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    change = np.array([log_density(b) - log_density(a) for a, b in zip(flat, moved, strict=True)])
    return (log_normal + change).reshape(u.shape[:-1])
