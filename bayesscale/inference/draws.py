"""From unconstrained draws to a DataTree in ArviZ's schema.

Everything here is NumPy on the law's own formula: PyMC would compile a graph for each group.
"""

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.compiled import CompiledModel
from bayesscale.inference.projection import project_on_law
from bayesscale.laws import PowerCost
from bayesscale.model.clusters import Residuals, sums_over
from bayesscale.model.noise import MATHS
from bayesscale.model.spec import ModelSpec, log_inputs
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

LOG_LIKELIHOOD_MAX_BYTES = 2**28
"""Above this the pointwise log likelihood is left out of the draws, with a note."""

DRAWS_PER_BLOCK = 2_000_000
"""Draws × runs evaluated at once, which bounds memory."""

SAMPLE_DIMS = ("chain", "draw")


def assemble_draws(
    compiled: CompiledModel,
    spec: ModelSpec,
    runs: Runs,
    data: Mapping[str, Array],
    u: Array,
    sample_stats: xr.Dataset,
) -> xr.DataTree:
    """Put draws, statistics and data into one tree.

    Parameters
    ----------
    compiled
        What was sampled.
    spec
        The model.
    runs
        The runs.
    data
        The arrays it was conditioned on.
    u
        Unconstrained draws, shape ``(chain, draw, coordinate)``.
    sample_stats
        The sampler's statistics.

    Returns
    -------
    xarray.DataTree
        Groups posterior (what the law's letters mean, for people), coordinates (what was
        sampled), sample_stats, log_prior, log_likelihood, observed_data, constant_data and runs.
    """
    c = compiled.constrain(u)
    coords = {"chain": np.arange(u.shape[0]), "draw": np.arange(u.shape[1])}
    units = {k.name: (k.unit, k.meaning) for k in spec.coordinates}
    sampled = xr.Dataset(
        {
            name: (SAMPLE_DIMS, values, {"unit": units[name][0], "meaning": units[name][1]})
            for name, values in c.items()
        },
        coords=coords,
    )
    posterior = sampled.copy()
    for name, (values, unit) in published_draws(spec, runs, c).items():
        posterior[name] = (SAMPLE_DIMS, values, {"unit": unit})

    log_prior = xr.Dataset(
        {
            name: (SAMPLE_DIMS, density(c[name], hyperparameters))
            for name, density, hyperparameters in zip(
                compiled.names, compiled.log_prior, data["prior"], strict=True
            )
        },
        coords=coords,
    )
    run = {"run": runs.run_ids}
    unit = {"cluster": _first_of_each(runs.cluster_names, runs)} if spec.has_clusters else run
    groups = {
        "posterior": posterior,
        "coordinates": sampled,
        "sample_stats": sample_stats.assign_coords(coords),
        "log_prior": log_prior,
        "observed_data": xr.Dataset({"log_loss": ("run", np.log(runs.loss))}, coords=run),
        "constant_data": xr.Dataset(
            {name: ("run", getattr(runs, name)) for name in ("params", "tokens", "flops")},
            coords=run,
        ),
        "runs": runs.to_xarray(),
    }
    n_bytes = u.shape[0] * u.shape[1] * len(runs) * 8
    if n_bytes <= LOG_LIKELIHOOD_MAX_BYTES:
        values = log_likelihood(spec, runs, c)
        groups["log_likelihood"] = xr.Dataset(
            {"log_loss": ((*SAMPLE_DIMS, *unit), values)}, coords={**coords, **unit}
        )
    tree = xr.DataTree.from_dict(groups)
    if n_bytes > LOG_LIKELIHOOD_MAX_BYTES:
        tree.attrs["note"] = (
            f"log_likelihood was left out: {n_bytes / 2**30:.1f} GiB for {len(runs)} runs. "
            "bayesscale.inference.draws.log_likelihood computes it for chosen draws."
        )
    return tree


def published_draws(
    spec: ModelSpec, runs: Runs, c: Mapping[str, Array]
) -> dict[str, tuple[Array, str]]:
    """Return the published parameters of draws with their units, and the exponents of the
    compute-optimal split at C = 6ND where the law has one in closed form.

    With a discrepancy they are those of the law that is closest to the surface over the runs, and
    so are the law's coordinates here.
    """  # noqa: D205
    law, on_law = spec.law, project_on_law(spec, runs, c)
    published = law.published(on_law, spec.reference)
    result = {k.name: (on_law[k.name], k.unit) for k in law.coordinates}
    result |= {name: (published[name], unit) for name, unit in law.published_units.items()}
    units = {k.name: k.unit for k in spec.noise_coordinates}
    shape = spec.noise.shape(c)
    result |= {name: (values, units.get(name, "1")) for name, values in shape.items()}
    optimum = law.optimum(on_law, np.zeros(()), PowerCost())
    if optimum is not None:
        result["params_exponent"] = (optimum.params_exponent, "d ln N* / d ln C")
        result["tokens_exponent"] = (optimum.tokens_exponent, "d ln D* / d ln C")
    return result


def log_likelihood(spec: ModelSpec, runs: Runs, c: Mapping[str, Array]) -> Array:
    """Return the log likelihood of log loss by run, or by cluster where rows share an effect.

    Parameters
    ----------
    spec
        The model.
    runs
        The runs, of which there may be many.
    c
        Draws of every coordinate, all of one shape.

    Returns
    -------
    ndarray
        Shape ``(*draws, run)``, or ``(*draws, cluster)`` with clusters in order of appearance.
    """
    x = log_inputs(runs, spec.law, spec.reference)
    observed = np.log(runs.loss / spec.reference.loss)
    se = np.zeros(len(runs)) if runs.loss_se is None else runs.loss_se / runs.loss
    shape = np.shape(next(iter(c.values())))
    flat = {name: np.reshape(values, (-1, 1)) for name, values in c.items()}
    n_draws = int(np.prod(shape))
    out = np.empty((n_draws, runs.n_clusters if spec.has_clusters else len(runs)))
    block = max(1, DRAWS_PER_BLOCK // len(runs))
    density = _density(spec, runs, se)
    for start in range(0, n_draws, block):
        part = {name: values[start : start + block] for name, values in flat.items()}
        residual = observed - spec.log_loss(part, x, np)
        out[start : start + block] = density(residual, part)
    return out.reshape(*shape, -1)


def _density(
    spec: ModelSpec, runs: Runs, se: Array
) -> Callable[[Array, Mapping[str, Array]], Array]:
    """Return the function from residuals and coordinates to log densities by run or cluster."""
    if not spec.has_clusters:
        return lambda residual, c: spec.noise.log_density(residual, np.hypot(c["sigma"], se), c)
    codes = runs.cluster_codes
    size, sums = np.bincount(codes), sums_over(codes)
    return lambda residual, c: spec.noise.density(
        Residuals.together(
            residual, sigma=c["sigma"], se=se, share=c["cluster_share"], size=size, sums=sums,
            xp=MATHS,
        ),
        c,
        MATHS,
    )  # fmt: skip


def _first_of_each(values: NDArray, runs: Runs) -> NDArray:
    return values[np.unique(runs.cluster_codes, return_index=True)[1]]
