"""A compiled density, and the data that it is called with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayesscale._types import Array
from bayesscale.density.arithmetic import LANES
from bayesscale.density.emit import FIELDS, emit
from bayesscale.density.graph import CLUSTER, COUNTS, ROW, SCALAR, evaluate
from bayesscale.density.native import BoundDensity, compile_text
from bayesscale.density.plan import Plan, plan
from bayesscale.density.trace import Trace


class FusedDensity:
    """A traced log density with its gradient, in machine code."""

    def __init__(self, trace: Trace, **target: str) -> None:
        self.n_dim = len(trace.gradient)
        self.plan: Plan = plan(trace.outputs)
        self._engine: Any = compile_text(emit(self.plan), **target)
        self.address: int = self._engine.get_function_address("density")

    def bind(self, data: Mapping[str, Array]) -> BoundDensity:
        """Compute what depends on ``data`` alone, for any number of rows, and lay it out."""
        env, codes = environment(data), data.get("cluster_code")
        n_rows, n_clusters = int(env[COUNTS[ROW]]), int(env[COUNTS[CLUSTER]])
        given = self.plan.given
        values = {
            axis: evaluate(nodes, env, None if codes is None else codes.astype(np.int64))
            for axis, nodes in given.items()
        }
        scalars = np.array([float(v) for v in values[SCALAR]])
        rows, clusters = _blocks(values[ROW], n_rows), _blocks(values[CLUSTER], n_clusters)
        stored = n_clusters + LANES  # rows that fill the last block up go to one of these
        padded = np.full(-(-n_rows // LANES) * LANES, n_clusters, dtype=np.int64)
        if codes is not None:
            padded[:n_rows] = codes
        arrays = {"scalars": scalars, "rows": rows, "clusters": clusters, "codes": padded}
        fields = {"n_rows": n_rows, "n_clusters": n_clusters, "clusters_stored": stored}
        fields |= {name: array.ctypes.data for name, array in arrays.items()}
        return BoundDensity(
            self.address,
            self.n_dim,
            np.array([fields[name] for name in FIELDS], dtype=np.int64),
            (self, arrays),
        )


def environment(data: Mapping[str, Array]) -> dict[str, Any]:
    """Return data by the names of a graph's leaves."""
    env: dict[str, Any] = dict(data)
    env[COUNTS[ROW]] = float(len(data["log_loss_observed"]))
    env[COUNTS[CLUSTER]] = float(len(data.get("cluster_size", ())))
    for i, (mu, sigma) in enumerate(data["hyperparameters"]):
        env |= {f"prior_mu_{i}": mu, f"prior_sigma_{i}": sigma}
    return env


def _blocks(values: list[Array], n: int) -> Array:
    """Lay out arrays of shape ``(n,)`` in blocks, shape ``(block, array, lane)``."""
    n_blocks = -(-n // LANES)
    blocks = np.empty((n_blocks, len(values), LANES))
    for i, value in enumerate(values):
        if np.shape(value) != (n,):
            raise ValueError(f"An array of {n} values was asked for, not {np.shape(value)}.")
        filled = np.pad(value, (0, n_blocks * LANES - n), mode="edge")
        blocks[:, i] = filled.reshape(n_blocks, LANES)
    return blocks
