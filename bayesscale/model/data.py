"""The arrays that a model depends on: swapping them is a refit."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs


def model_data(spec: ModelSpec, runs: Runs) -> dict[str, NDArray]:
    """Return every array that the model depends on, by name."""
    data = {centred_name(name): value for name, value in spec.centred(runs).items()}
    data["log_loss_observed"] = np.log(runs.loss)
    data["log_loss_reference"] = np.array(np.log(spec.reference["loss"]))
    data |= {f"spread_{name}": np.array(value) for name, value in spread_data(spec).items()}
    rows = spec.rows(runs)
    if spec.has_loss_se:
        data["log_loss_se"] = rows.log_loss_se
    if spec.has_clusters:
        data["cluster_code"] = rows.codes
        data["cluster_size"] = rows.size.astype(float)
    data["hyperparameters"] = spec.space.hyperparameters()
    return {name: np.array(value, order="C") for name, value in data.items()}


def some_rows(data: Mapping[str, NDArray], rows: NDArray[np.int64]) -> dict[str, NDArray]:
    """Return the arrays of some rows alone, shape ``(row,)``; of clusters, what is left of them."""
    some = {k: v[rows] if dims_of(k, v) == ("run",) else v for k, v in data.items()}
    if "cluster_code" in some:
        _, codes, sizes = np.unique(some["cluster_code"], return_inverse=True, return_counts=True)
        some |= {"cluster_code": codes, "cluster_size": sizes.astype(float)}
    return some


def centred_name(name: str) -> str:
    """Return what the model calls an input relative to its reference."""
    return f"{name}_centred"


def spread_data(spec: ModelSpec) -> dict[str, float]:
    """Return the units of distance that the model depends on."""
    return dict(spec.spread) if spec.discrepancy.coordinates(spec.law) else {}


def dims_of(name: str, values: NDArray) -> tuple[str, ...]:
    """Return the dimensions of one of the arrays."""
    if name == "hyperparameters":
        return "coordinate", "hyperparameter"
    if np.ndim(values) == 0:
        return ()
    return ("cluster",) if name == "cluster_size" else ("run",)
