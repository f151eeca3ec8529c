"""nutpie's compiled part, without the package around it: the one file that knows its bindings.

They are private, so the versions that they are known of are pinned, and a test runs them. The
package itself would import ArviZ, which takes longer than sampling. A density in machine code is
called without the interpreter, so that chains run side by side.
"""

import importlib.machinery
import importlib.util
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale._interrupts import interrupts_held, leaving, samples
from bayesscale._progress import Report
from bayesscale._types import Array
from bayesscale.density import BoundDensity, compile_text, once
from bayesscale.errors import SamplerError

_VECTOR, _ENTRY = "u", "coordinate"

_PROGRESS_MILLISECONDS = 10

SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_REPORTS = 0.01, 0.2

STATISTICS = {
    "diverging": "diverging", "energy": "energy", "logp": "lp",
    "mean_tree_accept": "acceptance_rate", "step_size_bar": "step_size", "n_steps": "n_steps",
    "depth": "tree_depth",
}  # fmt: skip
"""What is kept of nutpie's statistics, and its name in ArviZ."""

_COPY = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
define i64 @copy(i64 %dim, i64 %expanded, ptr %u, ptr %out, ptr %data) {
  %bytes = mul i64 %dim, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %u, i64 %bytes, i1 false)
  ret i64 0
}
"""
"""What nutpie stores of a draw: the draw."""


@once
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


@once
def _copy() -> Any:
    return compile_text(_COPY)


class Chains:
    """Chains in the background: ``initial_point`` of a seed, ``settings`` by nutpie's names."""

    def __init__(
        self, density: BoundDensity, *, initial_point: Callable[[int], Array], seed: int,
        cores: int, settings: Mapping[str, Any],
    ) -> None:  # fmt: skip
        lib = _library()
        self.progress: list[Any] = []
        n_dim = density.n_dim
        self._n_dim, self._chains = n_dim, settings["num_chains"]
        self.done, self._trace = False, None
        configured = lib.PyNutsSettings.LowRank(seed)
        configured.update(dict(settings))
        sizes = {_ENTRY: n_dim}
        variables = lib.PyVariable.new_variables(
            [_VECTOR], ["float64"], [(n_dim,)], sizes, {_VECTOR: (_ENTRY,)}
        )
        address, data, alive = density.native
        model = lib.PyMcModel(
            lib.LogpFunc(address, data, alive),
            lib.ExpandFunc(n_dim, n_dim, _copy().get_function_address("copy"), data, alive),
            variables, n_dim, sizes, {}, initial_point, None,
        )  # fmt: skip
        self._sampler = lib.PySampler.from_pymc(
            configured, cores, model, lib.ProgressType.none(), self._report,
            _PROGRESS_MILLISECONDS, lib.PyStorage.arrow(),
        )  # fmt: skip

    def _report(self, progress: list[Any]) -> None:
        self.progress = progress

    def wait(self, seconds: float) -> bool:
        """Wait so long for the chains, and return whether they are done."""
        try:
            self._sampler.wait(seconds)
        except TimeoutError:
            return False
        self.done = True
        return True

    def cancel(self) -> None:
        """Tell the chains to stop."""
        self._sampler.abort()

    def drawn(self) -> int:
        """Return how many draws every chain has, those for tuning included."""
        chains = [chain.finished_draws for chain in self.progress]
        return min(chains) if len(chains) == self._chains else 0

    def results(
        self, statistics: list[str], count: int | None = None
    ) -> tuple[Array, dict[str, NDArray], NDArray]:
        """Return the first draws of running chains, or all of those done, tuning included.

        Shapes ``(chain, draw, coordinate)``; ``(chain, draw)`` by name; which draws were tuning.
        """
        with interrupts_held():
            from arro3.core import list_flatten  # comes with nutpie, whose arrays these are

        if self.done and self._trace is None:
            self._trace = self._sampler.take_results().get_arrow_trace()
        draws, stats = self._trace or self._sampler.inspect().get_arrow_trace()
        u = [
            list_flatten(chain.column(_VECTOR)).to_numpy().reshape(-1, self._n_dim)[:count]
            for chain in draws
        ]

        def column(name: str) -> NDArray:
            return np.stack([np.asarray(chain.column(name).to_numpy())[:count] for chain in stats])

        return np.stack(u), {name: column(name) for name in statistics}, column("tuning")


def run_chains(
    density: BoundDensity, *, start: Callable[[int], Array], seed: int, settings: Mapping[str, Any],
    report: Report, text: str, subject: str, looks: Sequence[int] = (),
    enough: Callable[[Array, dict[str, NDArray]], bool] = lambda *_: True,
) -> tuple[Array, dict[str, NDArray], int]:  # fmt: skip
    """Run chains until ``enough`` is true of the first draws at one of ``looks``.

    Looks are counts of draws, not times, so that a seed gives the same draws on a busy machine.
    Returns draws ``(chain, draw, coordinate)`` and statistics ``(chain, draw)``, tuning included,
    and the number of tuning draws.
    """
    chains, tune = settings["num_chains"], settings["num_tune"]
    looks = [*looks, settings["num_draws"]]
    total = chains * (looks[0] + tune)
    report(text, 0, total)
    running = None
    try:
        with samples():
            try:
                running = Chains(
                    density, initial_point=start, seed=seed, settings=settings,
                    cores=chains,  # so that all can be judged while they run
                )  # fmt: skip
                u, values, tuning = np.empty(0), dict[str, NDArray](), np.empty(0)
                for look in looks:
                    total = chains * (look + tune)
                    _wait(running, look + tune, report, text, total)
                    u, values, tuning = running.results(list(STATISTICS), look + tune)
                    if enough(u[:, tune:], {k: v[:, tune:] for k, v in values.items()}):
                        break
                if not running.done:
                    running.cancel()
            except BaseException:  # a Rust panic is no Exception
                # left running, the sampler's threads crash the interpreter on its way out
                with interrupts_held(), suppress(BaseException):  # what panicked, panics again
                    if running is not None:
                        running.cancel()
                raise
    except BaseException as error:
        if not _is_samplers_own(error):
            raise
        reason = str(error).split("Stack backtrace")[0].strip()
        raise SamplerError(
            f"The sampler stopped: {reason or type(error).__name__}.\nSettings: "
            f"{dict(settings) | {'seed': seed}}. Data: {subject}.\nCheck the runs for extreme "
            "values, or narrow the priors; the same random_seed repeats the failure."
        ) from error
    return u, values, int(tuning[0].sum())  # the same for all chains


def _wait(running: Chains, count: int, report: Report, text: str, total: int) -> None:
    """Wait until every chain has so many draws, or all are done."""
    reported = time.monotonic()
    while not running.wait(SECONDS_BETWEEN_LOOKS) and running.drawn() < count:
        if leaving.is_set():
            raise SystemExit
        if running.progress and time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
            reported = time.monotonic()
            done = sum(min(chain.finished_draws, count) for chain in running.progress)
            diverging = sum(chain.divergences for chain in running.progress)
            note = f", {diverging} divergences" if diverging else ""
            report(f"{text}: {done:,} of {total:,} draws{note}", done, total)


def _is_samplers_own(error: BaseException) -> bool:
    """Tell the sampler's errors from those of others, such as handlers of signals, raised here."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    room = frame.f_globals.get("__name__", "")
    theirs = room == __name__ or room.split(".")[0] == "nutpie"
    return theirs and not isinstance(error, KeyboardInterrupt | SystemExit)
