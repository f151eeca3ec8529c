"""The noise as PyMC's observed variable."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesscale.model.rows import CLUSTER_SHARE, Residuals, Rows
from bayesscale.model.spec import ModelSpec


def observe(spec: ModelSpec, mu: Any, c: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Add the observed variable ``log_loss`` to the model of the context, given the surface's log
    loss ``mu``, shape ``(run,)``, the coordinates with the scale of every run's noise, and the
    model's data by name.
    """  # noqa: D205
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
    spec: ModelSpec, mu: Any, scale: Any, c: Mapping[str, Any], data: Mapping[str, Any]
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


def _clustered(spec: ModelSpec, mu: Any, c: Mapping[str, Any], data: Mapping[str, Any]) -> None:
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
