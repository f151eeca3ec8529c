"""A compiled density, and the data that it is called with."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.density.arithmetic import LANES
from bayesscale.density.emit import FIELDS, emit
from bayesscale.density.evaluate import counts, evaluate
from bayesscale.density.graph import CLUSTER, ROW, SCALAR
from bayesscale.density.native import compile_text
from bayesscale.density.plan import Plan, plan
from bayesscale.density.trace import Trace

type Array = NDArray[np.float64]

_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_void_p,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """Data in the form that a compiled density takes; the arrays are its own.

    Parameters
    ----------
    fields
        Counts and addresses, see :data:`~bayesscale.density.emit.FIELDS`.
    arrays
        What the addresses point to.
    """

    fields: NDArray[np.int64]
    arrays: tuple[NDArray, ...]

    @property
    def address(self) -> int:
        """Where the fields lie in memory."""
        return self.fields.ctypes.data


class FusedDensity:
    """A log density with its gradient, in machine code.

    Parameters
    ----------
    trace
        The density as a graph.
    """

    def __init__(self, trace: Trace, **target: str) -> None:
        self.n_dim = len(trace.gradient)
        self.plan: Plan = plan(trace.outputs)
        self._engine: Any = compile_text(emit(self.plan), **target)
        self.address: int = self._engine.get_function_address("density")
        self._call = _SIGNATURE(self.address)

    def bind(self, data: Mapping[str, Array]) -> Bound:
        """Compute what depends on data alone and lay it out for the density.

        Parameters
        ----------
        data
            The arrays of a model, by name; rows may be as many as they like.
        """
        n_rows = len(data["log_loss_observed"])
        codes = data.get("cluster_code")
        n_clusters = 0 if codes is None else len(data["cluster_size"])
        env = {**data, **counts(n_rows, n_clusters)}
        for i, (mu, sigma) in enumerate(data["prior"]):
            env |= {f"prior_mu_{i}": mu, f"prior_sigma_{i}": sigma}
        given = self.plan.given
        values = {
            axis: evaluate(nodes, env, None if codes is None else np.asarray(codes))
            for axis, nodes in given.items()
        }
        scalars = np.array([float(v) for v in values[SCALAR]])
        rows, clusters = _blocks(values[ROW], n_rows), _blocks(values[CLUSTER], n_clusters)
        stored = n_clusters + LANES  # rows that fill the last block up go to one of these
        padded = np.full(-(-n_rows // LANES) * LANES, n_clusters, dtype=np.int64)
        if codes is not None:
            padded[:n_rows] = codes
        arrays = (scalars, rows, clusters, padded)
        named = dict(zip(("scalars", "rows", "clusters", "codes"), arrays, strict=True))
        fields = {"n_rows": n_rows, "n_clusters": n_clusters, "clusters_stored": stored}
        fields |= {name: array.ctypes.data for name, array in named.items()}
        return Bound(np.array([fields[f] for f in FIELDS], dtype=np.int64), arrays)

    def __call__(self, u: Array, bound: Bound) -> tuple[float, Array]:
        """Return the log density and its gradient at ``u``, shape ``(coordinate,)``."""
        u = np.ascontiguousarray(u, dtype=float)
        result = np.empty(self.n_dim + 1)
        if u.shape != (self.n_dim,):
            raise ValueError(f"The density has {self.n_dim} coordinates, but got {u.shape}.")
        start = result.ctypes.data
        self._call(self.n_dim, u.ctypes.data, start + 8, start, bound.address)
        return float(result[0]), result[1:]


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
