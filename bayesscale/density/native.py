"""LLVM's compiler: from text to the address of a function in memory."""

import ctypes
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array

_one_at_a_time = threading.RLock()
"""LLVM's own memory is not made for several threads, as workers of a cluster may have."""


def once[T](make: Callable[[], T]) -> Callable[[], T]:
    """Make something at the first call, whichever thread's that is, and keep it."""
    kept = cache(make)

    def made() -> T:
        with _one_at_a_time:  # else two threads make it, and what only one keeps is freed in use
            return kept()

    return made


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    for name in ("PyMem_RawMalloc", "PyMem_RawFree"):  # wherever Python is, without its lock
        address = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value
        llvm.add_symbol(name, address)
    llvm.initialize_native_asmprinter()
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # LLVM does not know how to ask this processor
        features = ""
    return llvm.Target.from_default_triple(), llvm.get_host_cpu_name(), features


def compile_text(text: str, *, cpu: str | None = None, features: str | None = None) -> Any:
    """Compile a module of LLVM text for this processor, or another one for tests.

    The addresses in the result are valid as long as it lives.
    """
    with _one_at_a_time:
        target, this_cpu, these_features = _machine()
        features = these_features if features is None else features
        machine = target.create_target_machine(
            cpu=cpu or this_cpu, features=features, opt=2, jit=True, codemodel="jitdefault"
        )
        module = llvm.parse_assembly(text)
        module.triple, module.data_layout = machine.triple, str(machine.target_data)
        module.verify()
        engine = llvm.create_mcjit_compiler(module, machine)
        engine.finalize_object()
    return engine


_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_void_p,
)  # fmt: skip


class BoundDensity:
    """A function ``int64 f(int64 dim, double *u, double *gradient, double *value, void *data)``.

    ``fields``: the counts and addresses that ``data`` points to; ``alive``: their owners.
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


_CODE = """
define void @add_product(i64 %n, ptr %matrix, ptr %x, ptr %result) {
entry:
  br label %row
row:
  %i = phi i64 [0, %entry], [%next_i, %row_end]
  %start = mul i64 %i, %n
  %m = getelementptr double, ptr %matrix, i64 %start
  %r = getelementptr double, ptr %result, i64 %i
  %before = load double, ptr %r
  br label %column
column:
  %j = phi i64 [0, %row], [%next_j, %column]
  %sum = phi double [%before, %row], [%more, %column]
  %m_j = getelementptr double, ptr %m, i64 %j
  %x_j = getelementptr double, ptr %x, i64 %j
  %a = load double, ptr %m_j
  %b = load double, ptr %x_j
  %ab = fmul double %a, %b
  %more = fadd double %sum, %ab
  %next_j = add i64 %j, 1
  %inside = icmp ult i64 %next_j, %n
  br i1 %inside, label %column, label %row_end
row_end:
  store double %more, ptr %r
  %next_i = add i64 %i, 1
  %again = icmp ult i64 %next_i, %n
  br i1 %again, label %row, label %after
after:
  ret void
}
define i64 @whitened(i64 %n, ptr %v, ptr %gradient, ptr %value, ptr %data) {
  %bytes = mul i64 %n, 8
  %u = alloca double, i64 %n
  %inner_gradient = alloca double, i64 %n
  %fields = load [5 x ptr], ptr %data
  %function = extractvalue [5 x ptr] %fields, 0
  %inner_data = extractvalue [5 x ptr] %fields, 1
  %mean = extractvalue [5 x ptr] %fields, 2
  %factor = extractvalue [5 x ptr] %fields, 3
  %transposed = extractvalue [5 x ptr] %fields, 4
  call void @llvm.memcpy.p0.p0.i64(ptr %u, ptr %mean, i64 %bytes, i1 false)
  call void @add_product(i64 %n, ptr %factor, ptr %v, ptr %u)
  %rc = call i64 %function(i64 %n, ptr %u, ptr %inner_gradient, ptr %value, ptr %inner_data)
  call void @llvm.memset.p0.i64(ptr %gradient, i8 0, i64 %bytes, i1 false)
  call void @add_product(i64 %n, ptr %transposed, ptr %inner_gradient, ptr %gradient)
  ret i64 %rc
}
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


@once
def _engine() -> Any:
    return compile_text(_CODE)


def whitened(density: BoundDensity, mean: Array, factor: Array) -> BoundDensity:
    """Return the density of u = mean + factor v as one of v, without the constant Jacobian."""
    function, data, alive = density.native
    arrays = [np.array(a, dtype=float, order="C") for a in (mean, factor, factor.T)]
    fields = np.array([function, data, *(a.ctypes.data for a in arrays)], dtype=np.int64)
    address = _engine().get_function_address("whitened")
    return BoundDensity(address, len(mean), fields, (_engine(), alive, arrays))
