"""Refit many ladders simulated from the prior, and test the ranks of the true values."""

import warnings
from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any, Unpack

from numpy.typing import ArrayLike

from bayesscale._arguments import positive_array, probability, whole_number
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sweep import FORMULA, Store, store_folder, sweep
from bayesscale.calibration import simulation
from bayesscale.calibration.result import UNCONVERGED_MAX, Calibration
from bayesscale.errors import PACKAGE, ConvergenceWarning
from bayesscale.inference import FitOptions, Setup, seeded, takes_fit_options
from bayesscale.model import check_priors_admit
from bayesscale.quantities import FLOPS
from bayesscale.runs import Runs

SECONDS = 1.0
"""What a simulation takes, roughly: a short refit."""

REACH = 100.0
"""Budgets asked about lie by default so many times above the largest run's compute."""


@takes_fit_options(without=("density",), tune=500, chains=2)
def calibrate(
    runs: Runs, *, simulations: int = 200, flops: ArrayLike | None = None,
    false_alarm: float = 0.01, store: str | Path | None = None, progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> Calibration:  # fmt: skip
    r"""Check by simulation that the posterior is calibrated for runs of these sizes.

    Draws parameters from the prior, simulates the losses of the runs, refits them, and ranks the
    truth among the posterior's draws. If simulation, density, sampler and everything computed from
    draws agree, ranks are uniform. A fit that does not converge is repeated once, with four times
    the draws.

    Parameters
    ----------
    runs
        The training runs. Their losses enter through their centre and spread only, which the
        model keeps as they are in every simulation.
    simulations
        Number of simulations, at least 10. Two hundred detect a posterior that is a quarter too
        narrow.
    flops
        Budgets in FLOP, > 0, at which the best number of parameters and the loss are ranked too;
        by default one at a hundred times the compute of the largest run.
    false_alarm
        Highest probability that a correct model does not pass, in (0, 1).
    store
        Folder that keeps finished simulations, ten per file. A rerun with the same arguments, and
        as many simulations or more, continues from there. On a cluster, workers must share it.

    Warns
    -----
    ConvergenceWarning
        If more than one fit in twenty did not converge; then the calibration does not pass.

    Notes
    -----
    All coordinates are ranked; the joint log likelihood, which detects a wrong or missing
    likelihood where ranks of parameters do not [2]_; and, at every budget, the best number of
    parameters and the loss at the largest run's shape. Each is ranked among a hundred draws taken
    evenly from long chains, so that they are nearly independent.

    Uniformity is tested by the simultaneous band around the distribution function of the ranks
    [3]_, computed exactly. ``false_alarm`` is divided among the quantities.

    Fits that do not converge are included and reported: dropping them would hide where the sampler
    fails. Simulations run through joblib, as the folds of :func:`~bayesscale.backtest`.

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
    folder = store_folder(store)
    setup = Setup.of(runs, **{"tune": 500, "chains": 2, **seeded(options, folder)})
    simulations = whole_number("simulations", simulations, least=10)
    false_alarm = probability("false_alarm", false_alarm)
    if flops is None:
        flops = float(f"{REACH * runs.flops.max():.2g}")
    budgets = tuple(positive_array("flops", flops, FLOPS.unit).tolist())
    check_priors_admit(runs, setup.spec)
    ladder = simulation.Ladder(setup, budgets)
    done: dict[int, simulation.Ranked] = {}
    kept = None
    if folder is not None:
        kept = Store(
            folder,
            _settings(ladder),
            lambda block: [asdict(ranked) for ranked in block],
            lambda block: [simulation.Ranked(**ranked) for ranked in block],
        )
        done = _by_number(kept.read().values())
    todo = [i for i in range(simulations) if i not in done]
    blocks = [tuple(numbers) for _, numbers in groupby(todo, lambda i: i // simulation.BLOCK)]
    jobs = {f"simulations-{n[0]:06d}-{n[-1]:06d}": (ladder, n) for n in blocks}
    with progress_reporter(progress) as report:
        simulated = sweep(
            simulation.run_block, jobs, report=report, seconds=simulation.BLOCK * SECONDS,
            text=f"Simulating and refitting, {simulation.BLOCK} at a time", store=kept,
        )  # fmt: skip
    done |= _by_number(simulated.values())
    result = Calibration.of(
        [done[i] for i in range(simulations)],
        model=setup.spec.in_words(), false_alarm=false_alarm,
        random_seed=setup.sampling.random_seed,
    )  # fmt: skip
    if result.unconverged > UNCONVERGED_MAX * simulations:
        warnings.warn(result.text, ConvergenceWarning, skip_file_prefixes=(PACKAGE,))
    return result


def _by_number(blocks: Iterable[list[simulation.Ranked]]) -> dict[int, simulation.Ranked]:
    return {ranked.simulation: ranked for block in blocks for ranked in block}


def _settings(ladder: simulation.Ladder) -> dict[str, Any]:
    """Return what identifies a calibration's simulations, as plain JSON types."""
    spec = ladder.spec
    truths, log_losses = simulation.draw_truths(ladder, 0)
    first = {name: values[:1] for name, values in truths.items()}
    drawn = ladder.quantities(first, log_losses[0])
    return {
        "law": spec.law.name, "noise": spec.noise.name, "discrepancy": spec.discrepancy.name,
        **asdict(ladder.setup.sampling), "flops": list(ladder.flops),
        "ranked_among": simulation.RANKED_AMONG,
        FORMULA: {name: float(values[0]) for name, values in drawn.items()},
    }  # fmt: skip
