"""The arrays that a model depends on."""

import numpy as np
from numpy.typing import NDArray

from bayesscale.model.spec import ModelSpec, log_inputs
from bayesscale.runs import Runs


def model_data(spec: ModelSpec, runs: Runs) -> dict[str, NDArray]:
    """Return every array that the model depends on: swapping them is a refit."""
    inputs = log_inputs(runs, spec.law, spec.reference)
    data = {f"log_{name}_centred": value for name, value in inputs.items()}
    data["log_loss_observed"] = np.log(runs.loss)
    data["log_loss_reference"] = np.array(np.log(spec.reference.loss))
    data |= {f"spread_{name}": np.array(value) for name, value in spread_of(spec).items()}
    if runs.loss_se is not None:
        data["log_loss_se"] = runs.loss_se / runs.loss  # to first order, d ln L = dL / L
    if spec.has_clusters:
        data["cluster_code"] = runs.cluster_codes
        data["cluster_size"] = np.bincount(runs.cluster_codes).astype(float)
    data["prior"] = np.array(
        [spec.priors[c.name].normal_on_link(c) or (0.0, 1.0) for c in spec.coordinates],
        dtype=float,
    )
    return {name: np.array(value, order="C") for name, value in data.items()}


def spread_of(spec: ModelSpec) -> dict[str, float]:
    """Return the units of distance that the model depends on."""
    return spec.spread.as_dict() if spec.discrepancy.coordinates(spec.law) else {}
