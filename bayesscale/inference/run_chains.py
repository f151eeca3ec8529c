"""Chains from their start to their end: progress, interrupts, and the sampler's own errors."""

import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from numpy.typing import NDArray

from bayesscale._interrupts import interrupts_held, leaving, samples
from bayesscale._progress import Report
from bayesscale._types import Array
from bayesscale.errors import SamplerError
from bayesscale.inference.nutpie_chains import Chains

SECONDS_BETWEEN_REPORTS = 0.2

SECONDS_TO_UNWIND = 1.0

STATISTICS = {
    "diverging": "diverging",
    "energy": "energy",
    "logp": "lp",
    "mean_tree_accept": "acceptance_rate",
    "step_size_bar": "step_size",
    "n_steps": "n_steps",
    "depth": "tree_depth",
}
"""What is kept of nutpie's statistics, and its name in ArviZ."""


def run_chains(
    density: Any,
    *,
    n_dim: int,
    start: Callable[[int], Array],
    seed: int,
    cores: int,
    settings: Mapping[str, Any],
    report: Report,
    text: str,
    subject: str,
) -> tuple[Array, dict[str, NDArray], int]:
    """Run chains to their end.

    Returns draws, shape ``(chain, draw, coordinate)``, and statistics by nutpie's names, shape
    ``(chain, draw)``, tuning included, and how many of the draws were for tuning. ``text`` is what
    progress says, ``subject`` what an error says that it was about.
    """
    chains = settings["num_chains"]
    total = chains * (settings["num_draws"] + settings["num_tune"])
    report(text, 0, total)
    running = None
    try:
        with samples():
            try:
                running = Chains(
                    density, n_dim=n_dim, initial_point=start, seed=seed,
                    cores=min(chains, cores), settings=settings,
                )  # fmt: skip
                while not running.wait(SECONDS_BETWEEN_REPORTS):
                    if leaving.is_set():
                        raise SystemExit
                    _report(report, running.progress, text, total)
                u, values, tuning = running.results(list(STATISTICS))
            except BaseException:  # a Rust panic is no Exception
                _cancel(running)
                raise
    except BaseException as error:
        if not _is_samplers_own(error):
            raise
        said = str(error).split("Stack backtrace")[0].strip()
        raise SamplerError(
            f"The sampler stopped: {said or type(error).__name__}.\nSettings: "
            f"{dict(settings) | {'seed': seed}}. Data: {subject}.\nCheck the runs for extreme "
            "values, or narrow the priors; the same random_seed repeats the failure."
        ) from error
    return u, values, int(tuning[0].sum())  # the same for all chains


def _cancel(chains: Chains | None) -> None:
    """Stop the sampler's threads: left running, they crash the interpreter on its way out."""
    if chains is not None:
        with interrupts_held():
            with suppress(BaseException):  # a panicked sampler panics again here
                chains.cancel()
            if not chains.native:  # threads that ask the interpreter may still be at it
                time.sleep(SECONDS_TO_UNWIND)  # there is no handle to wait on


def _is_samplers_own(error: BaseException) -> bool:
    """Tell the sampler's errors from those of others, such as handlers of signals, raised here."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    room = frame.f_globals.get("__name__", "")
    theirs = room in (__name__, Chains.__module__) or room.split(".")[0] == "nutpie"
    return theirs and not isinstance(error, KeyboardInterrupt | SystemExit)


def _report(report: Report, progress: Any, text: str, total: int) -> None:
    if not progress:
        return
    done = sum(chain.finished_draws for chain in progress)
    diverging = sum(chain.divergences for chain in progress)
    note = f", {diverging} divergences" if diverging else ""
    report(f"{text}: {done:,} of {total:,} draws{note}", done, total)
