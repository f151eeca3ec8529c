"""NUTS by nutpie, on a compiled density."""

import multiprocessing
import os
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale._interrupts import interrupts_held, leaving, samples
from bayesscale._progress import Report
from bayesscale.checks.convergence import lowest_bfmi
from bayesscale.errors import SamplerError
from bayesscale.inference.compiled import BoundDensity, CompiledModel
from bayesscale.inference.nutpie_chains import Chains, version
from bayesscale.model.spec import ModelSpec

# Low-rank adaptation ignores eigenvalues within a factor of the cutoff. Over 20 seeds on each of
# three ladders, 1.2 gave as many effective draws a gradient as 2 with drift (.97 to 1.06 times),
# .9 to 1.3 times as many without, and chains that had not mixed in 5 fits of 60 rather than 8.
MASS_MATRIX = {"mass_matrix_eigval_cutoff": 1.2}

SECONDS_BETWEEN_REPORTS = 0.2

STARTS_TRIED = 100

STEPS_PER_DRAW = 2
"""A discrepancy trades off with its law's own curvature, so that draws are more alike."""

SECONDS_TO_UNWIND = 1.0

BYTES_PER_STEP, BYTES_PER_COORDINATE = 4000, 60
"""Memory at the peak, as measured at 7 and at 18 coordinates."""

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


def sample_nuts(
    compiled: CompiledModel,
    spec: ModelSpec,
    data: Mapping[str, NDArray[np.float64]],
    *,
    draws: int,
    tune: int,
    chains: int,
    target_accept: float,
    random_seed: int,
    report: Report,
    effort: int = 1,
    cores: int | None = None,
) -> tuple[NDArray[np.float64], xr.Dataset]:
    """Draw from a compiled density, conditioned on the arrays of ``data``.

    Returns unconstrained draws, shape ``(chain, draw, coordinate)``, and the sampler's statistics
    (chain, draw), with the gradients that tuning took in the attributes. The same seed gives the
    same draws on any number of cores. ``effort`` takes so many times as many steps a draw, and
    twice as many to tune if it is above 1; ``cores`` chains run at a time, None takes all there
    are.
    """
    every = _steps_per_draw(spec, effort)
    tune *= min(effort, 2)
    settings = {
        "num_draws": every * draws, "num_tune": tune, "num_chains": chains,
        "target_accept": target_accept, **MASS_MATRIX,
    }  # fmt: skip
    density = compiled.bind(data)

    def start(seed: int) -> NDArray[np.float64]:
        return initial_point(compiled, spec, data, seed, density=density)

    total = every * draws + tune
    report(f"Sampling {chains} chains", 0, chains * total)
    start(random_seed)  # fails here, not in the sampler's threads
    running = None
    try:
        with samples():
            try:
                running = Chains(
                    density,
                    n_dim=len(spec.coordinates),
                    initial_point=start,
                    seed=random_seed,
                    cores=min(chains, available_cores() if cores is None else cores),
                    settings=settings,
                )
                while not running.wait(SECONDS_BETWEEN_REPORTS):
                    if leaving.is_set():
                        raise SystemExit
                    _report(report, running.progress, chains, total)
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
            f"{settings | {'seed': random_seed}}. Data: {len(data['log_loss_observed'])} runs, "
            f"law {spec.law.name!r}, noise {spec.noise.name!r}.\nCheck the runs for extreme "
            "values, or narrow the priors; the same random_seed repeats the failure."
        ) from error
    tuned = int(tuning[0].sum())  # the same for all chains
    kept = {name: values[name][:, tuned:] for name in STATISTICS}
    stats = xr.Dataset(
        {STATISTICS[name]: (("chain", "draw"), kept[name][:, ::every]) for name in STATISTICS}
    )
    for name, gather in (("diverging", np.any), ("n_steps", np.sum)):  # none may be lost
        gathered = gather(kept[name].reshape(chains, draws, every), axis=-1)
        stats[name] = (("chain", "draw"), gathered)
    # of all steps, as the checks need them: thinning makes energies look independent
    stats.attrs = {
        "inference_library": "nutpie",
        "inference_library_version": version(),
        "density": compiled.kind,
        "tuning_steps": tuned,
        "tuning_gradient_evaluations": int(values["n_steps"][:, :tuned].sum()),
        "steps_per_draw": every,
        "divergences": int(kept["diverging"].sum()),
        "bfmi": lowest_bfmi(kept["energy"]),
    }
    return u[:, tuned::every], stats


def memory_needed(spec: ModelSpec, *, draws: int, tune: int, chains: int, effort: int = 1) -> float:
    """Return the bytes that sampling takes at its peak, with what is made of the draws."""
    steps = chains * (_steps_per_draw(spec, effort) * draws + tune)
    return float(steps) * (BYTES_PER_STEP + BYTES_PER_COORDINATE * len(spec.coordinates))


def _steps_per_draw(spec: ModelSpec, effort: int) -> int:
    return effort * (STEPS_PER_DRAW if spec.discrepancy.coordinates(spec.law) else 1)


def available_cores() -> int:
    """Return the processors that this process may use; one if it is one of many workers."""
    if multiprocessing.parent_process() is not None:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


def initial_point(
    compiled: CompiledModel,
    spec: ModelSpec,
    data: Mapping[str, NDArray[np.float64]],
    seed: int,
    *,
    density: BoundDensity | None = None,
) -> NDArray[np.float64]:
    """Return a jittered start: prior medians, but noise as wide as the data.

    With the noise's scale at its small prior median, runs that the start misses would all look
    like outliers, and heavy tails make that a trap.
    """
    density = compiled.bind(data) if density is None else density
    rng = np.random.default_rng(seed)
    wide = np.log(max(np.std(data["log_loss_observed"]), 1e-3))
    space = spec.space
    middle, scale = space.middle(), space.hyperparameters()[:, 1]
    if "sigma" in space.normals:
        middle["sigma"], scale[space.names.index("sigma")] = wide, 1.0
    start, value = np.empty(len(middle)), np.nan
    for _ in range(STARTS_TRIED):
        jitter = [rng.uniform(-0.5, 0.5) * min(sigma, 1.0) for sigma in scale]
        start = np.array(list(middle.values())) + jitter
        value, gradient = density(start)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return start
    raise SamplerError(
        f"The density of the law {spec.law.name!r} is not finite at any of {STARTS_TRIED} starts "
        f"near the middle of the priors, for example at {space.constrain(start)}: log density "
        f"{value}. Check the priors' parameters, and the formula if the law is your own."
    )


def _report(report: Report, progress: Any, chains: int, draws_per_chain: int) -> None:
    if not progress:
        return
    done = sum(chain.finished_draws for chain in progress)
    diverging = sum(chain.divergences for chain in progress)
    total = chains * draws_per_chain
    note = f", {diverging} divergences" if diverging else ""
    report(f"Sampling {chains} chains: {done:,} of {total:,} draws{note}", done, total)
