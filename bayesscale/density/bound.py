"""A density in machine code, over certain data."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array

_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_void_p,
)  # fmt: skip


class BoundDensity:
    """A function ``int64 f(int64 dim, double *u, double *gradient, double *value, void *data)``.

    Parameters
    ----------
    address
        Where the function lies in memory.
    n_dim
        Dimension of a point.
    fields
        What ``data`` points to: counts and addresses.
    alive
        What must live as long as the addresses are used.
    """

    def __init__(self, address: int, n_dim: int, fields: NDArray[np.int64], alive: object) -> None:
        self.n_dim, self.alive = n_dim, alive
        self._address, self._fields, self._call = address, fields, _SIGNATURE(address)

    @property
    def native(self) -> tuple[int, int, object]:
        """Addresses of the function and of its data, and what keeps them in their place."""
        return self._address, self._fields.ctypes.data, self

    def __call__(self, u: Array) -> tuple[float, Array]:
        """Return the log density and its gradient at ``u``, shape ``(coordinate,)``."""
        u = np.ascontiguousarray(u, dtype=float)
        if u.shape != (self.n_dim,):
            raise ValueError(f"The density takes a point of shape ({self.n_dim},), not {u.shape}.")
        result = np.empty(self.n_dim + 1)
        start = result.ctypes.data
        self._call(self.n_dim, u.ctypes.data, start + 8, start, self._fields.ctypes.data)
        return float(result[0]), result[1:]
