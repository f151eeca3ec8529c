"""What the priors say before any run is seen."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.errors import PriorError
from bayesscale.model.links import LINKS
from bayesscale.model.priors import Prior, describe_priors
from bayesscale.model.spec import ModelSpec, log_inputs, specify
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from bayesscale.laws import Law

DRAWS = 1000

RUNS_CHECKED = 500
"""Priors are checked on at most so many runs, evenly chosen."""

EXCLUDED_SHARE_MAX = 0.5
"""A prior is refused if more than this share of the runs lies outside all that it allows."""


def prior_predictive(
    runs: Runs,
    *,
    law: "str | Law" = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
    draws: int = DRAWS,
    random_seed: int | None = None,
) -> xr.Dataset:
    """Draw parameters and losses from the priors, to see what they mean.

    Parameters
    ----------
    runs
        Runs whose sizes and centre are used; their losses enter only through the centre.
    law, noise, discrepancy, priors
        As in :func:`~bayesscale.fit`.
    draws
        Number of draws.
    random_seed
        Seed.

    Returns
    -------
    xarray.Dataset
        ``loss`` in nats/token, dims ``(draw, run)``, and every coordinate and published
        parameter, dims ``(draw,)``. The attribute ``priors`` says each prior in a sentence.

    Raises
    ------
    BayesScaleError
        If the options do not fit each other.

    Examples
    --------
    >>> prior = bs.prior_predictive(runs, law="chinchilla")       # doctest: +SKIP
    >>> prior.loss.quantile([0.05, 0.95], "draw")                 # doctest: +SKIP
    """
    spec = specify(runs, law=law, noise=noise, discrepancy=discrepancy, priors=priors)
    rng = np.random.default_rng(random_seed)
    c = draw_priors(spec, rng, draws)
    data = {name: ("draw", values) for name, values in c.items()}
    published = spec.law.published(c, spec.reference)
    data |= {name: ("draw", values) for name, values in published.items()}
    dataset = xr.Dataset(data, coords={"run": runs.run_ids})
    dataset["loss"] = (("draw", "run"), _losses(spec, runs, c, rng), {"unit": "nats/token"})
    dataset.attrs["priors"] = list(describe_priors(spec.coordinates, spec.priors).values())
    return dataset


def draw_priors(
    spec: ModelSpec, rng: np.random.Generator, draws: int
) -> dict[str, NDArray[np.float64]]:
    """Draw every coordinate from its prior, shape ``(draw,)``."""
    c = {}
    for coordinate in spec.coordinates:
        prior = spec.priors[coordinate.name]
        normal = prior.normal_on_link(coordinate)
        if normal is None:
            c[coordinate.name] = _draw_with_pymc(prior, coordinate.name, rng, draws)
        else:
            c[coordinate.name] = LINKS[coordinate.link].backward(rng.normal(*normal, size=draws))
    return c


def check_priors_admit(runs: Runs, spec: ModelSpec) -> None:
    """Refuse priors that leave a domain, or make what was observed all but impossible.

    Parameters
    ----------
    runs
        The runs.
    spec
        The model.

    Raises
    ------
    PriorError
        If a prior leaves its coordinate's domain, or most runs lie outside the range of a
        thousand prior predictive draws.
    """
    rng = np.random.default_rng(0)
    draws = draw_priors(spec, rng, DRAWS)
    for coordinate in spec.coordinates:
        link, values = LINKS[coordinate.link], draws[coordinate.name]
        outside = (values <= link.lower) | (values >= link.upper)
        if outside.any():
            raise PriorError(
                f"The prior {spec.priors[coordinate.name]!r} of {coordinate.name} leaves its "
                f"domain ({link.domain}) with a probability of {outside.mean():.2g}. Choose a "
                "family within it, such as Prior.between(lower, upper) or a truncated one."
            )
    every = -(-len(runs) // RUNS_CHECKED)
    runs = runs.select(np.arange(len(runs)) % every == 0)
    loss = _losses(spec, runs, draws, rng)
    outside = (runs.loss < loss.min(axis=0)) | (runs.loss > loss.max(axis=0))
    if outside.mean() > EXCLUDED_SHARE_MAX:
        first = int(np.argmax(outside))
        sentences = describe_priors(spec.coordinates, spec.priors).values()
        raise PriorError(
            f"The priors exclude the data: {int(outside.sum())} of {len(runs)} runs lie outside "
            f"all of {DRAWS} prior predictive draws, for example run {runs.run_ids[first]} with a "
            f"loss of {runs.loss[first]:.4g} where the priors allow {loss[:, first].min():.4g} to "
            f"{loss[:, first].max():.4g} nats/token. The priors say: {'; '.join(sentences)}. "
            "Widen them, or check the unit of the loss."
        )


def _losses(
    spec: ModelSpec,
    runs: Runs,
    c: Mapping[str, NDArray[np.float64]],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    c = {name: values[:, None] for name, values in c.items()}
    log_loss = spec.log_loss(c, log_inputs(runs, spec.law, spec.reference), np)
    if spec.has_clusters:
        noise = spec.noise.draw_together(rng, log_loss.shape, c, codes=runs.cluster_codes)
    else:
        noise = spec.noise.draw(rng, log_loss.shape, c)
    with np.errstate(over="ignore"):  # heavy tails may reach beyond a float: infinite is right
        return spec.reference.loss * np.exp(log_loss + noise)


def _draw_with_pymc(
    prior: Prior, coordinate: str, rng: np.random.Generator, draws: int
) -> NDArray[np.float64]:
    import pymc as pm
    from pymc.logprob.utils import ParameterValueError

    from bayesscale.model.pymc_priors import pymc_distribution

    distribution = pymc_distribution(prior, coordinate)
    try:
        values = np.asarray(pm.draw(distribution, draws=draws, random_seed=rng))
        # the density checks its parameters, which drawing does not always do
        pm.logp(distribution, values[:1]).eval(mode="FAST_COMPILE")
    except (ValueError, ParameterValueError) as error:
        raise PriorError(
            f"PyMC cannot use {prior!r} as the prior of {coordinate}: its parameters are not "
            f"allowed ({error})."
        ) from error
    return values
