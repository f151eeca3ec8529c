"""From unconstrained draws to a DataTree in ArviZ's schema.

Everything here is NumPy on the law's own formula: PyMC would compile a graph for each group.
"""

from collections.abc import Mapping
from importlib.metadata import version

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale._random import Stream, generator
from bayesscale._types import Array
from bayesscale.inference.projection import project_on_law
from bayesscale.inference.split import exponent_over_runs
from bayesscale.model import ModelSpec, Posterior, dims_of, model_data
from bayesscale.quantities import LOSS, quantity
from bayesscale.runs import Runs

LOG_LIKELIHOOD_MAX_BYTES = 2**27
"""Above this, what has a value for every draw and run is left out of the draws, with a note:
computing it takes eight times as much."""

PRIOR_DRAWS = 500

SAMPLE_DIMS = ("chain", "draw")

LOG_LOSS_UNITS = {"units": "ln(nats/token)"}


def assemble_draws(
    spec: ModelSpec, runs: Runs, u: Array, sample_stats: xr.Dataset, *, random_seed: int,
    published: bool = True,
) -> xr.DataTree:  # fmt: skip
    """Put unconstrained draws, shape ``(chain, draw, coordinate)``, and statistics into one tree.

    ``closest_law`` has the published parameters where these are no exact transforms of draws.
    """
    posterior = Posterior.of(spec, spec.space.constrain(u))
    rng = generator(random_seed, Stream.PREDICTIVE)
    coords = _numbered(posterior)
    run = {"run": runs.run_ids}
    log_prior = {k: (spec.space.log_prior(k, v[..., 0]),) for k, v in posterior.c.items()}
    prior = Posterior.of(spec, {k: v[None] for k, v in spec.space.draw(rng, PRIOR_DRAWS).items()})
    groups = {
        **parameter_groups(posterior, runs, published=published),
        "sample_stats": sample_stats.assign_coords(coords),
        "log_prior": _by_draw(posterior, log_prior),
        "prior": _by_draw(prior, {name: (values[..., 0],) for name, values in prior.c.items()}),
        "observed_data": xr.Dataset(
            {"log_loss": ("run", np.log(runs.loss), LOG_LOSS_UNITS)}, coords=run
        ),
        "constant_data": _constant_data(spec, runs),
        "runs": runs.to_xarray(),
    }
    if len(prior) * len(runs) * 8 <= LOG_LIKELIHOOD_MAX_BYTES:
        groups["prior_predictive"] = _predictive(prior, runs, rng)
    n_bytes = len(posterior) * len(runs) * 8
    if n_bytes <= LOG_LIKELIHOOD_MAX_BYTES:
        first = spec.rows(runs).first
        unit = {"cluster": runs.cluster_names[first]} if spec.has_clusters else run
        groups["log_likelihood"] = xr.Dataset(
            {"log_loss": ((*SAMPLE_DIMS, *unit), posterior.log_likelihood(runs))},
            coords={**coords, **unit},
        )
        groups["posterior_predictive"] = _predictive(posterior, runs, rng)
    # named as by PyMC and ArviZ, without the time
    made_by = {
        "creation_library": "bayesscale", "creation_library_version": version("bayesscale"),
        "creation_library_language": "Python",
    }  # fmt: skip
    for name, value in sample_stats.attrs.items():
        if str(name).startswith(("inference_library", "tuning_steps")):
            made_by[str(name)] = value
    tree = xr.DataTree.from_dict({k: group.assign_attrs(made_by) for k, group in groups.items()})
    if n_bytes > LOG_LIKELIHOOD_MAX_BYTES:
        tree.attrs["note"] = (
            "log_likelihood and posterior_predictive were left out: "
            f"{n_bytes / 2**30:.1f} GiB each for {len(runs)} runs. "
            "fit.posterior.thin(draws).log_likelihood(runs) computes it for fewer draws."
        )
    return tree


def parameter_groups(
    posterior: Posterior, runs: Runs, *, published: bool = True
) -> dict[str, xr.Dataset]:
    """Return the sampled group with published parameters, or the closest law's in another."""
    spec = posterior.spec
    sampled = {k.name: (posterior.c[k.name][..., 0], k.unit, k.meaning) for k in spec.coordinates}
    group = _by_draw(posterior, sampled | noise_draws(posterior))
    exponents = split_exponents(posterior, runs)
    if not published and spec.discrepancy.coordinates(spec.law):
        return {"posterior": group, "closest_law": _by_draw(posterior, exponents)}
    projection = project_on_law(posterior, runs)
    parameters = _by_draw(posterior, published_draws(spec, projection.c, runs) | exponents)
    if not spec.discrepancy.coordinates(spec.law):
        return {"posterior": group.assign(parameters.data_vars)}
    parameters["misfit"] = (SAMPLE_DIMS, projection.misfit, units_of("log loss"))
    parameters.attrs = {
        "description": "the law closest to the fitted surface over the runs, draw by draw",
        "unconverged": int((~projection.converged).sum()),
    }
    return {"posterior": group, "closest_law": parameters}


def published_draws(
    spec: ModelSpec, on_law: Mapping[str, Array], runs: Runs
) -> dict[str, tuple[Array, str]]:
    """Return the published parameters of laws with their units; all of one shape."""
    law = spec.law
    with np.errstate(over="ignore"):  # A and B of a steep law may lie beyond a float
        published = law.published(on_law, spec.reference)
    if not law.published_units:  # a law without published parameters has its coordinates
        return {k.name: (on_law[k.name], k.unit) for k in law.coordinates}
    q = runs.response
    units = {
        name: unit.replace(LOSS.unit, q.noun if q.unit == "1" else q.unit)
        for name, unit in law.published_units.items()
    }
    return {name: (published[name], unit) for name, unit in units.items()}


def split_exponents(posterior: Posterior, runs: Runs) -> dict[str, tuple[Array, str]]:
    """Return exponents of the compute-optimal split over the runs at C = 6ND, if any."""
    of_params = exponent_over_runs(posterior, runs)
    if of_params is None:
        return {}
    over = ", over the runs" if posterior.spec.discrepancy.moves_optimum else ""
    return {
        "params_exponent": (of_params, f"d ln N* / d ln C{over}"),
        "tokens_exponent": (1 - of_params, f"d ln D* / d ln C{over}"),
    }


def noise_draws(posterior: Posterior) -> dict[str, tuple[Array, str]]:
    """Return what people call the parameters of the noise, such as nu, with their units."""
    spec, units = posterior.spec, {k.name: k.unit for k in posterior.spec.noise_coordinates}
    shape = spec.noise.shape({name: values[..., 0] for name, values in posterior.c.items()})
    return {name: (values, units.get(name, "1")) for name, values in shape.items()}


def units_of(unit: str, meaning: str = "") -> dict[str, str]:
    """Return attributes that xarray and ArviZ label axes by."""
    return {"units": unit} | ({"long_name": meaning} if meaning else {})


def _constant_data(spec: ModelSpec, runs: Runs) -> xr.Dataset:
    """Return sizes of the runs, and the model's data as PyMC knows them from `build_model`."""
    columns = [name for name in ("params", "tokens", "flops") if name in runs]
    inputs = dict.fromkeys([*columns, *spec.law.quantities])
    data = {}
    for name, values in model_data(spec, runs).items():
        values = values.astype(np.int32) if values.dtype.kind == "i" else values
        data[name] = dims_of(name, values), values
    coords = {"run": runs.run_ids, "coordinate": [k.name for k in spec.coordinates]}
    coords["hyperparameter"] = ["mu", "sigma"]
    sizes = {name: ("run", runs[name], units_of(quantity(name).unit)) for name in inputs}
    return xr.Dataset(sizes | data, coords=coords)


def _numbered(posterior: Posterior) -> dict[str, NDArray[np.int64]]:
    return {k: np.arange(n) for k, n in zip(SAMPLE_DIMS, posterior.shape, strict=True)}


def _by_draw(
    draws: Posterior, quantities: Mapping[str, tuple[Array, *tuple[str, ...]]]
) -> xr.Dataset:
    """Put values of shape ``(chain, draw)`` into a Dataset, with units and meanings if given."""
    named = {
        name: (SAMPLE_DIMS, values, units_of(*words) if words else {})
        for name, (values, *words) in quantities.items()
    }
    return xr.Dataset(named, coords=_numbered(draws))


def _predictive(posterior: Posterior, runs: Runs, rng: np.random.Generator) -> xr.Dataset:
    """Draw log losses of the fitted runs, dims ``(chain, draw, run)``."""
    with np.errstate(over="ignore"):  # priors allow losses beyond a float: infinite is right
        drawn = posterior.simulate(runs, rng)
    return xr.Dataset(
        {"log_loss": ((*SAMPLE_DIMS, "run"), drawn, LOG_LOSS_UNITS)},
        coords={**_numbered(posterior), "run": runs.run_ids},
    )
