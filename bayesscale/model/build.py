"""From words to a PyMC model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pymc.distributions import transforms
from pytensor.configdefaults import config

from bayesscale._documented import documented
from bayesscale.errors import DomainError
from bayesscale.laws import Coordinate, Law
from bayesscale.model import spec as specs
from bayesscale.model.priors import Prior
from bayesscale.model.pymc_priors import pymc_distribution
from bayesscale.model.rows import CLUSTER_SHARE, Residuals, Rows
from bayesscale.runs import Runs

TRANSFORMS = {"identity": None, "log": transforms.log, "logit": transforms.logodds}
"""Said for each link because PyMC's own default leaves a LogitNormal untransformed."""


@documented(specs.MODEL_MEANINGS)
def build_model(
    runs: Runs, *, law: str | Law = "unified", noise: str = "student_t",
    discrepancy: str | None = "drift", priors: Mapping[str, Prior] | None = None,
) -> pm.Model:  # fmt: skip
    r"""Build the PyMC model of a law, for people who want to see or extend it.

    ``fit`` samples this very model.

    Parameters
    ----------
    runs
        The training runs.

    Returns
    -------
    pymc.Model
        Free variables are the coordinates of law, discrepancy and noise; the observed one is
        ``log_loss``, shape ``(run,)``.

    Raises
    ------
    BayesScaleError
        If the options do not fit each other or the runs; see :func:`~bayesscale.fit`.

    Notes
    -----
    .. math:: \ln L_i \sim \mathrm{noise}(\mu_i, \sqrt{\sigma_i^2 + s_i^2}), \quad
              \mu_i = \ln L_{ref} + f(N_i / N_0, D_i / D_0)

    where :math:`s_i` is the standard error of the log loss of run i, if there is one, and
    :math:`\sigma_i` the scale of its noise, which changes with its size; see
    :mod:`bayesscale.model.noise`. Rows of one cluster are correlated; see
    :mod:`bayesscale.model.rows`.

    Examples
    --------
    >>> import bayesscale as bs
    >>> model = bs.build_model(runs, law="chinchilla")            # doctest: +SKIP
    >>> model.to_graphviz()                                       # doctest: +SKIP
    """
    spec = specs.specify(runs, law=law, noise=noise, discrepancy=discrepancy, priors=priors)
    return model_from(spec, specs.model_data(spec, runs), run_ids=runs.run_ids)


@config.change_flags(floatX="float64")  # whatever the user's settings say
def model_from(
    spec: specs.ModelSpec, data: Mapping[str, NDArray], *, run_ids: NDArray | None = None
) -> pm.Model:
    """Write the PyMC model of a spec over its data."""
    coords: dict = {"coordinate": [*spec.space.names], "hyperparameter": ["mu", "sigma"]}
    coords["run"] = np.arange(len(data["log_loss_observed"])) if run_ids is None else run_ids
    if spec.has_clusters:
        coords["cluster"] = np.arange(len(data["cluster_size"]))
    with pm.Model(coords=coords) as model:
        observed: dict[str, Any] = {
            name: pm.Data(name, value, dims=specs.dims_of(name, value))
            for name, value in data.items()
        }
        prior = observed.pop("hyperparameters")
        c: dict[str, Any] = {
            coordinate.name: _prior_variable(coordinate, spec.priors[coordinate.name], prior[i])
            for i, coordinate in enumerate(spec.coordinates)
        }
        x = {name: observed[specs.centred_name(name)] for name in spec.law.quantities}
        try:
            spread = {name: observed[f"spread_{name}"] for name in specs.spread_data(spec)}
            relative = spec.relative_log_loss(c, x, pt, spread=spread)
            mu = observed["log_loss_reference"] + relative
        except Exception as error:
            raise DomainError(
                f"The formula of the law {spec.law.name!r} works in NumPy, but not in PyTensor: "
                f"{error!r}. Take functions from xp (xp.exp, xp.log, ...), not from numpy."
            ) from error
        observe(spec, mu, spec.noise_at(c, x, pt), observed)
        model.named_vars_to_dims["log_loss"] = ("run",)  # dims= would fix the number of runs
    return model


def _prior_variable(coordinate: Coordinate, prior: Prior, hyperparameters: Any) -> Any:
    if prior.normal_on_link(coordinate) is not None:
        mu, sigma = hyperparameters[0], hyperparameters[1]
        return getattr(pm, prior.family)(
            coordinate.name, mu=mu, sigma=sigma, default_transform=TRANSFORMS[coordinate.link]
        )
    return pymc_distribution(prior, coordinate.name, name=coordinate.name)


def observe(spec: specs.ModelSpec, mu: Any, c: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Observe ``log_loss`` around ``mu``, shape ``(run,)``, in the model of the context."""
    noise, se = spec.noise, data.get("log_loss_se")
    if spec.has_clusters:
        _clustered(spec, mu, c, data)
        return
    scale = c["sigma"] if se is None else pt.sqrt(c["sigma"] ** 2 + se**2)
    if noise.distribution is None:
        _written_out(spec, mu, scale, c, data)
        return
    getattr(pm, noise.distribution)(
        "log_loss", mu=mu, sigma=scale, **noise.shape(c), observed=data["log_loss_observed"]
    )


def _written_out(
    spec: specs.ModelSpec, mu: Any, scale: Any, c: Mapping[str, Any], data: Mapping[str, Any]
) -> None:
    """Add runs of their own under a noise that PyMC does not have."""
    noise, names = spec.noise, [k.name for k in spec.noise.coordinates[1:]]

    def logp(value: Any, mu: Any, scale: Any, *shape: Any) -> Any:
        by_name = dict(zip(names, shape, strict=True))
        return noise.density(Residuals.alone(value - mu, scale, pt), by_name, pt)

    def random(mu: Any, scale: Any, *shape: Any, rng: Any = None, size: Any = None) -> Any:
        by_name = {"sigma": scale, **dict(zip(names, shape, strict=True))}
        return mu + noise.draw(rng, np.broadcast_shapes(size or (), np.shape(mu)), by_name)

    pm.CustomDist(
        "log_loss", mu, scale, *(c[name] for name in names),
        logp=logp, random=random, observed=data["log_loss_observed"],
    )  # fmt: skip


def _clustered(
    spec: specs.ModelSpec, mu: Any, c: Mapping[str, Any], data: Mapping[str, Any]
) -> None:
    """Add rows that share the effect of their run."""
    noise, names = spec.noise, [k.name for k in (*spec.noise.coordinates[1:], CLUSTER_SHARE)]
    zeros = pt.zeros_like(data["log_loss_observed"])
    se, scale = data.get("log_loss_se", zeros), c["sigma"] + zeros

    def logp(
        value: Any, mu: Any, scale: Any, se: Any, codes: Any, size: Any, *coordinates: Any
    ) -> Any:
        def sums(rows: Any) -> Any:
            each: Any = pt.zeros_like(size)
            return pt.inc_subtensor(each[codes], rows)

        by_name = dict(zip(names, coordinates, strict=True))
        r = Residuals.together(
            value - mu, sigma=scale, se=se, share=by_name["cluster_share"], size=size,
            sums=sums, xp=pt,
        )  # fmt: skip
        return noise.density(r, by_name, pt).sum()

    def random(
        mu: Any, scale: Any, se: Any, codes: Any, _: Any, *coordinates: Any, rng: Any = None,
        size: Any = None,
    ) -> Any:  # fmt: skip
        by_name = {"sigma": scale, **dict(zip(names, coordinates, strict=True))}
        shape = np.broadcast_shapes((*(size or ()), 1), np.shape(mu))
        return mu + noise.draw_rows(rng, Rows(codes, se, True), shape, by_name)

    scalars = ",()" * len(names)
    pm.CustomDist(
        "log_loss", mu, scale, se, data["cluster_code"], data["cluster_size"],
        *(c[name] for name in names),
        logp=logp, random=random, observed=data["log_loss_observed"],
        signature=f"(n),(n),(n),(n),(j){scalars}->(n)",
    )  # fmt: skip
