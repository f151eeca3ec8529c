"""Refit a ladder below successive cutoffs, and score what the fits foresaw."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sweep import sweep
from bayesscale.backtesting.folds import Fold, rolling_folds
from bayesscale.backtesting.judge import Judged, judge
from bayesscale.backtesting.result import Backtest
from bayesscale.errors import (
    BayesScaleWarning,
    ConvergenceWarning,
    DomainError,
    IdentifiabilityWarning,
    PriorWarning,
    RunsWarning,
)
from bayesscale.inference.fit import fit
from bayesscale.model.spec import specify
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from bayesscale.laws import Law
    from bayesscale.model.priors import Prior

SERIAL_FOLDS = 3
"""Up to so many folds, a new process loads and compiles longer than it saves."""

WARNINGS = {
    "convergence": ConvergenceWarning,
    "identifiability": IdentifiabilityWarning,
    "prior conflict": PriorWarning,
}
"""What to warn of if a check fails, worst first."""


def backtest(
    runs: Runs,
    *,
    factor: float = 10.0,
    folds: int | None = None,
    law: "str | Law" = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: "Mapping[str, Prior] | None" = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> Backtest:
    r"""Hold the largest runs out, refit, and score how well they were foreseen.

    Rolling: fits the runs below the largest compute over ``factor``, then those below it over
    ``factor`` squared, and so on while enough are left, and predicts each time all runs above.

    Parameters
    ----------
    runs
        The training runs.
    factor
        Ratio of compute between cutoffs, > 1. A smaller one makes more folds.
    folds
        Make at most so many folds, those with the most runs; by default all.
    law, noise, discrepancy, priors, draws, tune, chains, target_accept
        As for :func:`~bayesscale.fit`, for every fold.
    random_seed
        Seed of every fold: with it, ``bs.fit`` of the same runs repeats one. None takes a new
        one, which the result records.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    Returns
    -------
    Backtest
        ``summary``, the scores by reach and method; ``points``, every prediction; ``folds``;
        ``verdict``, what follows for planning.

    Raises
    ------
    RunsError
        If fewer runs are left to fit than twice the law's unknowns.
    UnknownNameError
        If a law, noise, discrepancy or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from what was observed.
    DomainError
        If an option is outside its domain.
    SamplerError
        If the sampler stops.

    Warns
    -----
    ConvergenceWarning, IdentifiabilityWarning, PriorWarning
        Once, if folds did not pass the checks of their posterior; the category is the worst.
    RunsWarning
        If the runs have groups, which are fitted as one ladder.

    Notes
    -----
    A run is predicted once in every fold that it is larger than, and the runs of a fold share the
    error of one fit. So scores of many predictions rest on fewer independent trials than there are.

    The baselines are fitted to the same runs. ``approach3`` is least squares for
    :math:`E + A N^{-\alpha} + B D^{-\beta}` by Huber's loss on log loss [1]_, with resampled runs
    and residuals; for a law of one variable, for :math:`E + A x^{-\alpha}`. ``persistence``
    predicts the loss of the nearest fitted run, plus the errors that this rule made inside the
    fitted runs at the same reach. The log score of the law is its exact predictive density of
    log loss; that of a baseline is of a normal with the mean and SD of its draws.

    Folds run through joblib where they are many, and so on a cluster in
    ``joblib.parallel_config(backend="dask")``.

    References
    ----------
    .. [1] Hoffmann et al. (2022), arXiv:2203.15556, Approach 3.
    .. [2] Gneiting and Raftery (2007), JASA 102, on proper scores.

    Examples
    --------
    >>> b = bs.backtest(runs, factor=10)                          # doctest: +SKIP
    >>> b.summary.loc["all"]                                      # doctest: +SKIP
    """
    model: dict[str, Any] = {
        "law": law, "noise": noise, "discrepancy": discrepancy, "priors": priors,
    }  # fmt: skip
    spec = specify(runs, **model)
    _check_cutoffs(factor, folds)
    cuts = rolling_folds(runs, spec.law, factor=factor, at_most=folds)
    seed = int(np.random.default_rng().integers(2**31)) if random_seed is None else random_seed
    sampling: dict[str, Any] = {
        "draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept,
        "random_seed": seed,
    }  # fmt: skip
    with progress_reporter(progress) as report, _processes_that_pay(len(cuts)):
        jobs = [_Job(cut, model | sampling) for cut in cuts]
        judged = sweep(_refit, jobs, report=report, text="Refitting")
    result = Backtest.of(judged, law=spec.law.name, random_seed=seed)
    _warn(result, runs)
    return result


@dataclass(frozen=True)
class _Job:
    """A fold, and the arguments of the fit."""

    fold: Fold
    options: Mapping[str, Any]


def _refit(job: _Job) -> Judged:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScaleWarning)  # collected, and told once for all
        fitted = fit(job.fold.small, **job.options, progress=False)
    return judge(fitted, job.fold)


@contextmanager
def _processes_that_pay(n_folds: int) -> Iterator[None]:
    """Stay in this process for few folds, unless the caller has configured joblib."""
    import joblib
    from joblib.parallel import get_active_backend

    if n_folds > SERIAL_FOLDS or get_active_backend()[1] is not None:
        yield
    else:
        with joblib.parallel_config(n_jobs=1):
            yield


def _check_cutoffs(factor: float, folds: int | None) -> None:
    if not isinstance(factor, Real):
        raise DomainError(f"factor must be a number above 1, not {factor!r}.")
    if folds is not None and not (isinstance(folds, int | np.integer) and folds >= 1):
        raise DomainError(f"folds must be a whole number from 1, or None, not {folds!r}.")


def _warn(result: Backtest, runs: Runs) -> None:
    if runs.pooled_groups() is not None:
        warnings.warn(str(runs.pooled_groups()), RunsWarning, stacklevel=3)
    failed = {check.name for check in result.checks if not check.passed}
    kinds = [kind for name, kind in WARNINGS.items() if name in failed]
    if kinds:
        warnings.warn(result.failures, kinds[0], stacklevel=3)
