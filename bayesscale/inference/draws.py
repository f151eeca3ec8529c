"""From unconstrained draws to a DataTree in ArviZ's schema.

Everything here is NumPy on the law's own formula: PyMC would compile a graph for each group.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.projection import project_on_law
from bayesscale.laws import PowerCost
from bayesscale.model.posterior import Posterior
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

LOG_LIKELIHOOD_MAX_BYTES = 2**28
"""Above this the pointwise log likelihood is left out of the draws, with a note."""

SAMPLE_DIMS = ("chain", "draw")


def assemble_draws(spec: ModelSpec, runs: Runs, u: Array, sample_stats: xr.Dataset) -> xr.DataTree:
    """Put unconstrained draws, shape ``(chain, draw, coordinate)``, and statistics into one tree.

    Its groups: posterior (what the law's letters mean, for people), coordinates (what was
    sampled), sample_stats, log_prior, log_likelihood, observed_data, constant_data and runs.
    """
    c = spec.space.constrain(u)
    posterior = Posterior.of(spec, c)
    coords = {name: np.arange(size) for name, size in zip(SAMPLE_DIMS, u.shape[:2], strict=True)}
    run = {"run": runs.run_ids}

    def by_draw(
        values: Mapping[str, Array], attributes: Mapping[str, dict[str, str]]
    ) -> xr.Dataset:
        named = {k: (SAMPLE_DIMS, v, attributes.get(k, {})) for k, v in values.items()}
        return xr.Dataset(named, coords=coords)

    meant = {k.name: {"unit": k.unit, "meaning": k.meaning} for k in spec.coordinates}
    sampled = by_draw(c, meant)
    published = published_draws(posterior, runs)
    letters = {name: values for name, (values, _) in published.items()}
    units = {name: {"unit": unit} for name, (_, unit) in published.items()}
    inputs = dict.fromkeys(["params", "tokens", "flops", *spec.law.quantities])
    groups = {
        "posterior": sampled.assign(by_draw(letters, units).data_vars),
        "coordinates": sampled,
        "sample_stats": sample_stats.assign_coords(coords),
        "log_prior": by_draw({name: spec.space.log_prior(name, v) for name, v in c.items()}, {}),
        "observed_data": xr.Dataset({"log_loss": ("run", np.log(runs.loss))}, coords=run),
        "constant_data": xr.Dataset({name: ("run", runs[name]) for name in inputs}, coords=run),
        "runs": runs.to_xarray(),
    }
    n_bytes = len(posterior) * len(runs) * 8
    if n_bytes <= LOG_LIKELIHOOD_MAX_BYTES:
        first = spec.rows(runs).first
        unit = {"cluster": runs.cluster_names[first]} if spec.has_clusters else run
        groups["log_likelihood"] = xr.Dataset(
            {"log_loss": ((*SAMPLE_DIMS, *unit), posterior.log_likelihood(runs))},
            coords={**coords, **unit},
        )
    tree = xr.DataTree.from_dict(groups)
    if n_bytes > LOG_LIKELIHOOD_MAX_BYTES:
        tree.attrs["note"] = (
            f"log_likelihood was left out: {n_bytes / 2**30:.1f} GiB for {len(runs)} runs. "
            "fit.posterior.thin(draws).log_likelihood(runs) computes it for fewer draws."
        )
    return tree


def published_draws(posterior: Posterior, runs: Runs) -> dict[str, tuple[Array, str]]:
    """Return the published parameters of draws with their units, and the exponents of the
    compute-optimal split at C = 6ND where the law has one in closed form.

    With a discrepancy they are those of the law that is closest to the surface over the runs, and
    so are the law's coordinates here.
    """  # noqa: D205
    spec, law = posterior.spec, posterior.spec.law
    on_law = project_on_law(posterior, runs)
    published = law.published(on_law, spec.reference)
    result = {k.name: (on_law[k.name], k.unit) for k in law.coordinates}
    result |= {name: (published[name], unit) for name, unit in law.published_units.items()}
    units = {k.name: k.unit for k in spec.noise_coordinates}
    shape = spec.noise.shape({name: values[..., 0] for name, values in posterior.c.items()})
    result |= {name: (values, units.get(name, "1")) for name, values in shape.items()}
    optimum = law.optimum(on_law, np.zeros(()), PowerCost()) if law.split else None
    if optimum is not None:
        result["params_exponent"] = (optimum.params_exponent, "d ln N* / d ln C")
        result["tokens_exponent"] = (optimum.tokens_exponent, "d ln D* / d ln C")
    return result
