"""Refit a ladder below successive cutoffs, and score what the fits foresaw."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._arguments import number, whole_number
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sweep import FORMULA, Store, sweep
from bayesscale.backtesting.folds import Fold, rolling_folds
from bayesscale.backtesting.joint import joint_density
from bayesscale.backtesting.judge import Judged, judge
from bayesscale.backtesting.result import Backtest
from bayesscale.errors import BayesScaleWarning, RunsWarning
from bayesscale.forecast import check_recipe_shift
from bayesscale.inference import Fit, SamplingSpec, check_sampling, fit
from bayesscale.model import ModelSpec, Posterior, specify
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from bayesscale.laws import Law
    from bayesscale.model import Prior

SECONDS = 5.0
"""What a fold takes, roughly: a fit, and two hundred refits of least squares."""


def backtest(
    runs: Runs,
    *,
    factor: float = 10.0,
    folds: int | None = None,
    law: str | Law = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    recipe_shift: float = 0.0,
    joint: bool = False,
    store: str | Path | None = None,
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
    recipe_shift
        As for :func:`~bayesscale.extrapolate`: how far the recipe of larger runs may move log loss.
    joint
        Whether to say how probable each fold's fit made all its held-out runs together (without a
        shift of the recipe): a second fit, and two evidences, a fold.
    store
        Folder that keeps finished folds. A rerun with the same arguments goes on from there. On a
        cluster, workers must share it.
    random_seed
        Seed of every fold: with it, ``bs.fit`` of the same runs repeats one. None takes that of
        the store, or a new one, which the result records.
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
    FileError
        If the store cannot be read or written, or holds folds of something else.
    SamplerError
        If the sampler stops.

    Warns
    -----
    ConvergenceWarning, LackOfFitWarning, PriorWarning
        Once, if the checks of folds found a reason for caution or to stop; the category is that
        of the gravest.
    RunsWarning
        If the runs have groups, which are fitted as one ladder.

    Notes
    -----
    A run is predicted once in every fold that it is larger than, and the runs of a fold share the
    error of one fit. So scores of many predictions rest on fewer independent trials than there are.

    The baselines are fitted to the same runs. ``approach3`` is least squares for
    :math:`E + A N^{-\alpha} + B D^{-\beta}` by Huber's loss on log loss [1]_, with resampled runs
    and residuals; for a law of one variable, for :math:`E + A x^{-\alpha}`. ``conformal`` is the
    same least squares, give or take what it missed by where runs inside the fitted ones were
    foreseen from smaller ones [3]_. ``persistence`` predicts the loss of the nearest fitted run,
    plus the errors that this rule made inside the fitted runs at the same reach. The log score of
    the law is its exact predictive density of log loss; that of a baseline is of a normal with the
    mean and SD of its draws.

    Folds run through joblib, in new processes where that pays, and so on a cluster in
    ``joblib.parallel_config(backend="dask")``.

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
    model: dict[str, Any] = {
        "law": law, "noise": noise, "discrepancy": discrepancy, "priors": priors,
    }  # fmt: skip
    spec = specify(runs, **model)
    factor = number("factor", factor, above=1)
    recipe_shift = check_recipe_shift(recipe_shift)
    cuts = rolling_folds(
        runs, spec.law, factor=factor,
        at_most=None if folds is None else whole_number("folds", folds, least=1),
    )  # fmt: skip
    kept = None if store is None else Store.of_json(Path(store), Judged.as_dict, Judged.from_dict)
    if random_seed is None and kept is not None:
        random_seed = kept.setting("random_seed")
    sampling = check_sampling(draws, tune, chains, target_accept, random_seed)
    if kept is not None:
        asked = {"recipe_shift": recipe_shift, "joint": joint}
        kept.open(_settings(spec, runs, sampling, factor) | asked)
    jobs = {
        f"fold-{cut.number:02d}": _Job(cut, model | asdict(sampling), recipe_shift, joint)
        for cut in cuts
    }
    with progress_reporter(progress) as report:
        judged = sweep(
            _refit, jobs, seconds=SECONDS, report=report, text="Refitting", store=kept
        )  # fmt: skip
    result = Backtest.of(list(judged.values()), law=spec.law.name, random_seed=sampling.random_seed)
    if runs.pooled_groups() is not None:
        warnings.warn(str(runs.pooled_groups()), RunsWarning, stacklevel=2)
    warn_of(result, stacklevel=3)
    return result


@dataclass(frozen=True)
class _Job:
    """A fold, and the arguments of the fit."""

    fold: Fold
    options: Mapping[str, Any]
    recipe_shift: float
    joint: bool


def _refit(job: _Job) -> Judged:
    fit = fit_quietly(job.fold.small, **job.options, progress=False)
    judged = judge(fit, job.fold, job.recipe_shift)
    if not job.joint:
        return judged
    found = joint_density(fit, job.fold)
    known = {"joint_log_density": found.log_density, "joint_mcse": found.mcse}
    return replace(judged, fold={**judged.fold, **known})


def fit_quietly(runs: Runs, **options: Any) -> Fit:
    """Fit, leaving the warnings to whoever tells of all folds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScaleWarning)
        return fit(runs, **options)


def warn_of(result: Backtest, *, stacklevel: int) -> None:
    """Warn once of what the checks of all folds found."""
    for severity in ("stop", "caution"):
        found = [check for check in result.checks if check.severity == severity]
        if found:
            warnings.warn(result.failures, found[0].warning, stacklevel=stacklevel)
            return


def _settings(spec: ModelSpec, runs: Runs, sampling: SamplingSpec, factor: float) -> dict[str, Any]:
    """Return what tells one back-test's folds from another's, as plain JSON types."""
    one = Posterior.of(spec, spec.space.draw(np.random.default_rng(0), 1))
    return {
        "law": spec.law.name, "noise": spec.noise.name, "discrepancy": spec.discrepancy.name,
        "priors": {name: repr(prior) for name, prior in spec.priors.items()},
        **asdict(sampling), "factor": factor, "runs": runs.fingerprint,
        FORMULA: one.log_loss(runs)[0].tolist(),
    }  # fmt: skip
