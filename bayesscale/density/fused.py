"""What a trace compiles to: a log density of data, or a surface of draws and sizes."""

import ctypes
from collections.abc import Mapping
from itertools import count
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np

from bayesscale._types import Array
from bayesscale.density.arithmetic import LANES
from bayesscale.density.derivative import gradient
from bayesscale.density.emit import FIELDS, emit, emit_pairs
from bayesscale.density.graph import CLUSTER, COUNTS, ROW, SCALAR, CannotTraceError, Graph, evaluate
from bayesscale.density.lower import lowered
from bayesscale.density.native import BoundDensity, compile_text
from bayesscale.density.plan import Plan, plan
from bayesscale.density.trace import Maths, Trace
from bayesscale.model import ModelSpec, Posterior


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
        in_order = np.array([fields[name] for name in FIELDS], dtype=np.int64)
        return BoundDensity(self.address, self.n_dim, in_order, (self, arrays))


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
        filled = np.pad(value, (0, -n % LANES), mode="edge")
        blocks[:, i] = filled.reshape(n_blocks, LANES)
    return blocks


_SIGNATURE = ctypes.CFUNCTYPE(
    None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)


class Surface:
    """Log loss with derivatives by ln N and ln D, or of the law alone by its coordinates."""

    def __init__(self, spec: ModelSpec, by: Literal["", "sizes", "law"] = "") -> None:
        graph = Graph()
        self._coordinates = [k.name for k in spec.coordinates]
        self._spread, self._inputs = [*spec.spread], [*spec.law.quantities]
        self._by_draw = len(self._coordinates) + len(self._spread)
        parameters = count()
        c, spread, x = (
            {name: graph.parameter(next(parameters)) for name in names}
            for names in (self._coordinates, self._spread, self._inputs)
        )
        maths = Maths(graph)
        try:
            value = graph.lift(
                spec.law.log_loss(c, x, maths) if by == "law"
                else spec.relative_log_loss(c, x, maths, spread=spread)
            )  # fmt: skip
        except CannotTraceError:
            raise
        except Exception as error:
            raise CannotTraceError(f"the formula of {spec.law.name!r} gives {error!r}") from error
        outputs = [value]
        if by == "law":
            outputs += gradient(value, [c[k.name] for k in spec.law.coordinates])
        if by == "sizes":
            n, d = x["params"], x["tokens"]
            by_n, by_d = gradient(value, [n, d])
            (n_n, n_d), (_, d_d) = (gradient(graph.lift(by), [n, d]) for by in (by_n, by_d))
            outputs += [by_n, by_d, n_n, n_d, d_d]
        self._engine = compile_text(emit_pairs(lowered(outputs), self._by_draw))
        self._call = _SIGNATURE(self._engine.get_function_address("surface"))
        self._outputs = len(outputs)
        self._laid_out: WeakKeyDictionary[Posterior, Array] = WeakKeyDictionary()

    def __call__(self, posterior: Posterior, x: Mapping[str, Array]) -> Array:
        """Return ``(output, draw, target)`` of flat draws at inputs ``(draw, target)``."""
        draws, targets = np.broadcast_shapes(
            (len(posterior), 1), *(np.shape(v) for v in x.values())
        )
        c = self._laid_out.get(posterior)
        if c is None:
            c = self._laid_out[posterior] = self._columns(posterior)
        at = np.zeros((len(self._inputs), targets, c.shape[1]))
        for i, name in enumerate(self._inputs):
            at[i, :, :draws] = np.broadcast_to(x[name], (draws, targets)).T
        out = np.empty((self._outputs, targets, c.shape[1]))
        self._call(c.shape[1], targets, c.ctypes.data, at.ctypes.data, out.ctypes.data)
        return out[:, :, :draws].swapaxes(1, 2)

    def _columns(self, posterior: Posterior) -> Array:
        """Lay draws out in rows by coordinate, padded to full registers by the last one."""
        values = [posterior.c[name][:, 0] for name in self._coordinates]
        values += [posterior.spec.spread[name] for name in self._spread]
        n = len(posterior)
        columns = np.stack([np.broadcast_to(value, n) for value in values])
        return np.pad(columns, ((0, 0), (0, -n % LANES)), mode="edge")
