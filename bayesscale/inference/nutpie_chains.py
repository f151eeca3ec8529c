"""nutpie's compiled part, without the package around it: the one file that knows its bindings.

They are private, so the versions that they are known of are pinned, and a test runs them. The
package itself would import ArviZ, which takes longer than sampling. A density in machine code is
called without the interpreter, so that chains run side by side.
"""

import importlib.machinery
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale._interrupts import interrupts_held
from bayesscale._types import Array
from bayesscale.density import compile_text

_VECTOR, _ENTRY = "u", "coordinate"

_PROGRESS_MILLISECONDS = 100

_COPY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define i64 @copy(i64 %dim, i64 %expanded, ptr %u, ptr %out, ptr %data) {
  %bytes = mul i64 %dim, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %u, i64 %bytes, i1 false)
  ret i64 0
}
"""
"""What nutpie stores of a draw: the draw."""


@cache
def _library() -> Any:
    name = "nutpie._lib"
    if name not in sys.modules:
        package = importlib.util.find_spec("nutpie")
        folders = package and package.submodule_search_locations
        spec = importlib.machinery.PathFinder.find_spec(name, folders)
        if spec is None or spec.loader is None:
            raise ImportError("nutpie has no compiled part")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        with interrupts_held():
            spec.loader.exec_module(module)
    return sys.modules[name]


@cache
def _copy() -> Any:
    return compile_text(_COPY)


def version() -> str:
    """Return nutpie's version."""
    return importlib.metadata.version("nutpie")


class Chains:
    """Chains that run in the background.

    Parameters
    ----------
    density
        A function of a point, with ``native`` if it is machine code.
    n_dim
        Dimension of a point.
    initial_point
        From a seed to a start.
    seed
        The same seed gives the same draws on any number of cores.
    cores
        Chains that run at a time; one that must ask the interpreter runs alone.
    settings
        By nutpie's names.
    """

    def __init__(
        self,
        density: Any,
        *,
        n_dim: int,
        initial_point: Callable[[int], Array],
        seed: int,
        cores: int,
        settings: Mapping[str, Any],
    ) -> None:
        lib = _library()
        self.progress: list[Any] = []
        self._n_dim = n_dim
        configured = lib.PyNutsSettings.LowRank(seed)
        configured.update(dict(settings))
        sizes = {_ENTRY: n_dim}
        variables = lib.PyVariable.new_variables(
            [_VECTOR], ["float64"], [(n_dim,)], sizes, {_VECTOR: (_ENTRY,)}
        )
        native = getattr(density, "native", None)
        self.native = native is not None
        """Whether chains run without the interpreter."""
        if native is not None:
            address, data, alive = native
            model = lib.PyMcModel(
                lib.LogpFunc(address, data, alive),
                lib.ExpandFunc(n_dim, n_dim, _copy().get_function_address("copy"), data, alive),
                variables, n_dim, sizes, {}, initial_point, None,
            )  # fmt: skip
            make = lib.PySampler.from_pymc
        else:
            model = lib.PyModel(
                lambda: density,
                lambda *_: lambda u: {_VECTOR: np.array(u)},
                variables, n_dim, sizes, {}, init_point_func=initial_point,
            )  # fmt: skip
            make, cores = lib.PySampler.from_pyfunc, 1
        self._sampler = make(
            configured,
            cores,
            model,
            lib.ProgressType.none(),
            self._report,
            _PROGRESS_MILLISECONDS,
            lib.PyStorage.arrow(),
        )

    def _report(self, progress: list[Any]) -> None:
        self.progress = progress

    def wait(self, seconds: float) -> bool:
        """Wait so long for the chains, and tell whether they are done."""
        try:
            self._sampler.wait(seconds)
        except TimeoutError:
            return False
        return True

    def cancel(self) -> None:
        """Tell the chains to stop."""
        self._sampler.abort()

    def results(self, statistics: list[str]) -> tuple[Array, dict[str, NDArray], NDArray]:
        """Return what finished chains drew.

        Parameters
        ----------
        statistics
            By nutpie's names.

        Returns
        -------
        u
            Draws, shape ``(chain, draw, coordinate)``, tuning included.
        statistics
            By name, shape ``(chain, draw)``.
        tuning
            Which draws were for tuning, shape ``(chain, draw)``.
        """
        with interrupts_held():
            from arro3.core import list_flatten  # comes with nutpie, whose arrays these are

        draws, stats = self._sampler.take_results().get_arrow_trace()
        u = [
            list_flatten(chain.column(_VECTOR)).to_numpy().reshape(-1, self._n_dim)
            for chain in draws
        ]

        def column(name: str) -> NDArray:
            return np.stack([np.asarray(chain.column(name).to_numpy()) for chain in stats])

        return np.stack(u), {name: column(name) for name in statistics}, column("tuning")
