"""A model's surface in machine code: log losses of draws at sizes, with their derivatives."""

import ctypes
from collections.abc import Mapping
from itertools import count
from weakref import WeakKeyDictionary

import numpy as np

from bayesscale._types import Array
from bayesscale.density.arithmetic import LANES
from bayesscale.density.derivative import gradient
from bayesscale.density.emit import emit_pairs
from bayesscale.density.graph import CannotTraceError, Graph
from bayesscale.density.lower import lowered
from bayesscale.density.native import compile_text
from bayesscale.density.trace import Maths
from bayesscale.model import ModelSpec, Posterior

_SIGNATURE = ctypes.CFUNCTYPE(
    None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)


class Surface:
    """Log loss of models of one structure, with ``derivatives`` by ln N and ln D."""

    def __init__(self, spec: ModelSpec, *, derivatives: bool) -> None:
        graph = Graph()
        self._coordinates = [k.name for k in spec.coordinates]
        self._spread, self._inputs = [*spec.spread], [*spec.law.quantities]
        self._by_draw = len(self._coordinates) + len(self._spread)
        parameters = count()
        c, spread, x = (
            {name: graph.parameter(next(parameters)) for name in names}
            for names in (self._coordinates, self._spread, self._inputs)
        )
        try:
            value = graph.lift(spec.relative_log_loss(c, x, Maths(graph), spread=spread))
        except CannotTraceError:
            raise
        except Exception as error:
            raise CannotTraceError(f"the formula of {spec.law.name!r} gives {error!r}") from error
        outputs = [value]
        if derivatives:
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
        columns = np.empty((self._by_draw, -(-n // LANES) * LANES))
        for i, value in enumerate(values):
            columns[i, :n] = value
            columns[i, n:] = columns[i, n - 1]
        return columns
