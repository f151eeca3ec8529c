"""Refit a ladder below successive cutoffs, and score their predictions."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import numpy as np

from bayesscale._arguments import number, whole_number
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sweep import Store, store_folder, sweep
from bayesscale.backtesting.folds import Fold, rolling_folds
from bayesscale.backtesting.result import Backtest
from bayesscale.backtesting.score import joined
from bayesscale.backtesting.score_fold import FoldScore, score_fold
from bayesscale.comparison import evidence, joint_density
from bayesscale.errors import PACKAGE, EvidenceError, RunsWarning
from bayesscale.inference import Fit, FitOptions, Setup, seeded, takes_fit_options, warn_of
from bayesscale.runs import Runs

SECONDS = 5.0
"""What a fold takes, roughly: a fit, and two hundred refits of least squares."""


@takes_fit_options()
def backtest(
    runs: Runs,
    *,
    factor: float = 10.0,
    folds: int | None = None,
    joint: bool = False,
    store: str | Path | None = None,
    progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> Backtest:
    r"""Hold the largest runs out, refit, and score the predictions of them.

    Rolling: fits the runs below the largest compute over ``factor``, then those below it over
    ``factor`` squared, and so on while enough are left, and predicts each time all runs above.

    Parameters
    ----------
    runs
        The training runs; at least twice as many as the law has parameters must be left to fit.
    factor
        Ratio of compute between cutoffs, > 1. A smaller one makes more folds.
    folds
        Maximum number of folds, those with the most runs; by default all.
    joint
        Whether to compute the joint predictive density of each fold's held-out runs: a second fit
        and two evidences per fold.

    Warns
    -----
    ConvergenceWarning, LackOfFitWarning, PriorWarning
        Once, if the checks of folds found a reason for caution or to stop; the category is that
        of the gravest.
    RunsWarning
        If the runs have groups, which are fitted as one ladder.

    Notes
    -----
    The runs of a fold share the error of one fit, so that many predictions amount to fewer
    independent trials.

    The baselines are fitted to the same runs. ``approach3`` is least squares for
    :math:`E + A N^{-\alpha} + B D^{-\beta}` by Huber's loss on log loss [1]_, with resampled runs
    and residuals; for a law of one variable, for :math:`E + A x^{-\alpha}`. ``conformal`` is the
    same least squares, with intervals from its errors where fitted runs are predicted from smaller
    ones [3]_. The log score of the law is its exact predictive
    density of log loss; that of a baseline is of a normal with the mean and SD of its draws.

    Folds run through joblib, and so on a cluster in ``joblib.parallel_config(backend="dask")``.

    References
    ----------
    .. [1] Hoffmann et al. (2022), arXiv:2203.15556, Approach 3.
    .. [2] Gneiting and Raftery (2007), JASA 102, on proper scores.
    .. [3] Lei et al. (2018), JASA 113, split conformal prediction.

    Examples
    --------
    >>> b = bs.backtest(runs, factor=10)                          # doctest: +SKIP
    >>> b.summary.loc["all"]                                      # doctest: +SKIP
    """
    folder = store_folder(store)
    options = seeded(options, folder)
    whole = Setup.of(runs, **options)
    factor = number("factor", factor, above=1)
    cuts = rolling_folds(
        runs, whole.spec.law, factor=factor,
        at_most=None if folds is None else whole_number("folds", folds, least=1),
    )  # fmt: skip
    kept = None
    if folder is not None:
        asked = {"factor": factor, "joint": joint, "runs": runs.fingerprint}
        kept = Store(folder, whole.settings() | asked, FoldScore.as_dict, FoldScore.from_dict)
    jobs = {f"fold-{cut.number:02d}": (Setup.of(cut.small, **options), cut, joint) for cut in cuts}
    with progress_reporter(progress) as report:
        scores = sweep(
            _refit, jobs, seconds=SECONDS, report=report, text="Refitting", store=kept
        )  # fmt: skip
    result = Backtest.of(
        list(scores.values()), law=whole.spec.law.name,
        random_seed=whole.sampling.random_seed, fingerprint=runs.fingerprint,
    )  # fmt: skip
    if runs.pooled_groups() is not None:
        warnings.warn(str(runs.pooled_groups()), RunsWarning, skip_file_prefixes=(PACKAGE,))
    warn_of(result.checks, result.failures)
    return result


def _refit(job: tuple[Setup, Fold, bool]) -> FoldScore:
    setup, fold, joint = job
    fit = setup.fit(published=False)
    score = score_fold(fit, fold)
    return replace(score, fold={**score.fold, **_joint_density(fit, fold)}) if joint else score


def _joint_density(fit: Fit, fold: Fold) -> dict[str, float]:
    """Return the joint log density of the held-out runs by two evidences, NaN without one."""
    every = joined(fold.small, fold.large)
    # the same model: centre, spread and priors are those of the small runs
    again = Setup(every, fit.spec, fit.sampling).sample()
    try:
        density, mcse = joint_density(*(evidence(each, progress=False) for each in (fit, again)))
    except EvidenceError:
        density, mcse = np.nan, np.nan
    return {"joint_log_density": density, "joint_mcse": mcse}
