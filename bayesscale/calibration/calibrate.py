"""Refit many ladders simulated from the prior, and test where the truth ranks."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from bayesscale._arguments import positive_array, probability, whole_number
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sweep import FORMULA, Store, sweep
from bayesscale.calibration.quantities import Ladder
from bayesscale.calibration.result import UNCONVERGED_MAX, Calibration
from bayesscale.calibration.simulation import BLOCK, RANKED_AMONG, Ranked, draw_truths, run_block
from bayesscale.errors import ConvergenceWarning
from bayesscale.inference import SamplingSpec, check_sampling
from bayesscale.model import check_priors_admit, specify
from bayesscale.quantities import FLOPS
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from bayesscale.laws import Law
    from bayesscale.model import Prior

SECONDS = 1.0
"""What a simulation takes, roughly: a short refit."""

REACH = 100.0
"""Budgets asked about lie so many times above the largest run's compute, unless told otherwise."""


def calibrate(
    runs: Runs,
    *,
    law: str | Law = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
    simulations: int = 200,
    flops: ArrayLike | None = None,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 2,
    target_accept: float = 0.9,
    false_alarm: float = 0.01,
    store: str | Path | None = None,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> Calibration:
    r"""Check by simulation that the posterior is right for runs of these sizes.

    Draws parameters from the prior, simulates the losses of the runs, refits them, and ranks the
    truth among the posterior's draws. If simulation, density, sampler and all that is computed
    from draws agree, ranks are uniform.

    Parameters
    ----------
    runs
        The training runs. Their losses enter through their centre and spread only, which the
        model keeps as they are in every simulation.
    law, noise, discrepancy, priors
        As for :func:`~bayesscale.fit`.
    simulations
        How many, at least 10. Two hundred show a posterior that is a quarter too narrow.
    flops
        Budgets in FLOP, > 0, at which the best number of parameters and the loss are ranked too;
        by default one at a hundred times the compute of the largest run.
    draws, tune, chains, target_accept
        As for :func:`~bayesscale.fit`, for every simulation. A fit that does not converge is made
        once more, with four times the draws.
    false_alarm
        Probability, at most, that a right model does not pass, in (0, 1).
    store
        Folder that keeps finished simulations, ten a file. A rerun with the same arguments, and
        as many simulations or more, goes on from there. On a cluster, workers must share it.
    random_seed
        Seed: the same one gives the same ranks on any number of cores. None takes that of the
        store, or a new one, which the result records.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    Returns
    -------
    Calibration
        ``summary``, a test of each quantity; ``text``, the verdict; ``ranks`` and ``fits``, one
        row a simulation.

    Raises
    ------
    RunsError
        If there are fewer runs than unknowns.
    UnknownNameError
        If a law, noise, discrepancy or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from the runs' losses.
    DomainError
        If an option is outside its domain.
    FileError
        If the store cannot be read or written, or holds simulations of something else.
    SamplerError
        If the sampler stops.

    Warns
    -----
    ConvergenceWarning
        If more than one fit in twenty did not converge; then the calibration does not pass.

    Notes
    -----
    Ranked are all coordinates; the joint log likelihood, which shows a likelihood that is wrong or
    missing where ranks of parameters do not [2]_; and, at every budget, the best number of
    parameters and the loss at the largest run's shape. Each is ranked among a hundred draws taken
    evenly from long chains, so that they are nearly independent.

    Uniformity is tested by the simultaneous band around the distribution function of the ranks
    [3]_, computed exactly. ``false_alarm`` is divided among the quantities.

    Fits that do not converge count like the others, and are told of. To drop them would not bias
    the ranks, as it is the data that decide; but it would hide where the sampler fails.

    Simulations run through joblib, and so on a cluster in
    ``joblib.parallel_config(backend="dask")``. Each process compiles once.

    References
    ----------
    .. [1] Talts et al. (2018), arXiv:1804.06788.
    .. [2] Modrák et al. (2023), arXiv:2211.02383.
    .. [3] Säilynoja, Bürkner and Vehtari (2022), arXiv:2103.10522.

    Examples
    --------
    >>> c = bs.calibrate(runs, law="chinchilla", store="sbc")     # doctest: +SKIP
    >>> c.passed, c.text                                          # doctest: +SKIP
    """
    spec = specify(runs, law=law, noise=noise, discrepancy=discrepancy, priors=priors)
    kept = None if store is None else Store.of_json(Path(store), _encode, _decode)
    simulations = whole_number("simulations", simulations, least=10)
    false_alarm = probability("false_alarm", false_alarm)
    if random_seed is None and kept is not None:
        random_seed = kept.setting("random_seed")
    sampling = check_sampling(draws, tune, chains, target_accept, random_seed)
    if flops is None:
        flops = float(f"{REACH * runs.flops.max():.2g}")
    budgets = tuple(positive_array("flops", flops, FLOPS.unit).tolist())
    check_priors_admit(runs, spec)
    ladder = Ladder(spec, runs, budgets)
    done: dict[int, Ranked] = {}
    if kept is not None:
        kept.open(_settings(ladder, sampling))
        done = _by_number(kept.read().values())
    todo = [i for i in range(simulations) if i not in done]
    key = secrets.token_hex(8)
    blocks = [tuple(numbers) for _, numbers in groupby(todo, lambda i: i // BLOCK)]
    jobs = {f"simulations-{n[0]:06d}-{n[-1]:06d}": _Job(key, ladder, sampling, n) for n in blocks}
    with progress_reporter(progress) as report:
        found = sweep(
            _run_job, jobs, seconds=BLOCK * SECONDS, report=report, store=kept,
            text=f"Simulating and refitting, {BLOCK} at a time",
        )  # fmt: skip
    done |= _by_number(found.values())
    result = Calibration.of(
        [done[i] for i in range(simulations)],
        model=spec.in_words(), false_alarm=false_alarm, random_seed=sampling.random_seed,
    )  # fmt: skip
    if result.unconverged > UNCONVERGED_MAX * simulations:
        warnings.warn(result.text, ConvergenceWarning, stacklevel=2)
    return result


@dataclass(frozen=True)
class _Job:
    """Simulations of one block; ``key`` is shared by all jobs of a calibration."""

    key: str
    ladder: Ladder
    sampling: SamplingSpec
    numbers: tuple[int, ...]


_ladders: dict[str, Ladder] = {}


def _run_job(job: _Job) -> list[Ranked]:
    # a law with state of its own arrives as another object in every job, but is compiled once
    ladder = _ladders.setdefault(job.key, job.ladder)
    return run_block(ladder, job.numbers, job.sampling)


def _encode(block: list[Ranked]) -> list[dict[str, Any]]:
    return [asdict(ranked) for ranked in block]


def _decode(block: list[dict[str, Any]]) -> list[Ranked]:
    return [Ranked(**ranked) for ranked in block]


def _by_number(blocks: Iterable[list[Ranked]]) -> dict[int, Ranked]:
    return {ranked.simulation: ranked for block in blocks for ranked in block}


def _settings(ladder: Ladder, sampling: SamplingSpec) -> dict[str, Any]:
    """Return what tells one calibration's simulations from another's, as plain JSON types."""
    spec = ladder.spec
    truths, log_losses = draw_truths(ladder, 0, sampling.random_seed)
    first = {name: values[:1] for name, values in truths.items()}
    drawn = ladder.quantities(first, log_losses[0])
    return {
        "law": spec.law.name, "noise": spec.noise.name, "discrepancy": spec.discrepancy.name,
        **asdict(sampling), "flops": list(ladder.flops), "ranked_among": RANKED_AMONG,
        FORMULA: {name: float(values[0]) for name, values in drawn.items()},
    }  # fmt: skip
