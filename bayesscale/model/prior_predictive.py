"""Prior predictive draws."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale._documented import documented
from bayesscale.errors import PriorError
from bayesscale.laws import Law
from bayesscale.model.posterior import Posterior
from bayesscale.model.priors import LINKS, Prior
from bayesscale.model.spec import MODEL_MEANINGS, ModelSpec, specify
from bayesscale.quantities import LOSS
from bayesscale.runs import Runs

DRAWS = 1000

RUNS_CHECKED = 500
"""Priors are checked on at most so many runs, evenly chosen."""

EXCLUDED_SHARE_MAX = 0.5
"""A prior is refused if more than this share of the runs lies outside all that it allows."""


@documented(MODEL_MEANINGS)
def prior_predictive(
    runs: Runs, *, law: str | Law = "unified", noise: str = "student_t",
    discrepancy: str | None = "drift", priors: Mapping[str, Prior] | None = None,
    draws: int = DRAWS, random_seed: int | None = None,
) -> xr.Dataset:  # fmt: skip
    """Draw parameters and losses from the priors, to check what they imply.

    Parameters
    ----------
    runs
        Runs whose sizes and centre are used; their losses enter only through the centre.
    draws
        Number of draws.
    random_seed
        Seed.

    Returns
    -------
    xarray.Dataset
        ``loss`` in nats/token, dims ``(chain, draw, run)``, and every coordinate and published
        parameter, dims ``(chain, draw)``, of one chain. The attribute ``priors`` describes each
        prior in a sentence.

    Raises
    ------
    BayesScaleError
        If the options do not fit each other.

    Examples
    --------
    >>> prior = bs.prior_predictive(runs, law="chinchilla")       # doctest: +SKIP
    >>> prior.loss.quantile([0.05, 0.95], ("chain", "draw"))      # doctest: +SKIP
    """
    spec = specify(runs, law=law, noise=noise, discrepancy=discrepancy, priors=priors)
    rng = np.random.default_rng(random_seed)
    c = spec.space.draw(rng, draws)
    dims = ("chain", "draw")
    with np.errstate(over="ignore"):  # A and B of a steep law may lie beyond a float
        published = spec.law.published(c, spec.reference)
    data = {name: (dims, values[None]) for name, values in {**c, **published}.items()}
    coords = {"chain": [0], "draw": np.arange(draws), "run": runs.run_ids}
    dataset = xr.Dataset(data, coords=coords)
    losses = _losses(spec, runs, c, rng)[None]
    dataset["loss"] = ((*dims, "run"), losses, {"units": LOSS.unit})
    dataset.attrs["priors"] = list(spec.space.in_words().values())
    return dataset


def check_priors_admit(runs: Runs, spec: ModelSpec) -> None:
    """Refuse priors that leave a domain or exclude most runs in a thousand draws."""
    rng = np.random.default_rng(0)
    draws = spec.space.draw(rng, DRAWS)
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
        sentences = spec.space.in_words().values()
        raise PriorError(
            f"The priors exclude the data: {int(outside.sum())} of {len(runs)} runs lie outside "
            f"all of {DRAWS} prior predictive draws, for example run {runs.run_ids[first]} with a "
            f"loss of {runs.loss[first]:.4g} where the priors allow {loss[:, first].min():.4g} to "
            f"{loss[:, first].max():.4g} nats/token. Priors: {'; '.join(sentences)}. Widen them, "
            "or check the unit of the loss."
        )


def _losses(
    spec: ModelSpec, runs: Runs, c: Mapping[str, NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return losses of the runs as priors make them, nats/token, shape ``(draw, run)``."""
    with np.errstate(over="ignore"):  # heavy tails may reach beyond a float: infinite is right
        return np.exp(Posterior.of(spec, c).simulate(runs, rng))
