"""From a table of runs to what to train next, tested on the way."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale._arguments import number, positive_array
from bayesscale._format import flops as write_flops, interval, percent
from bayesscale._progress import ProgressOption
from bayesscale._sections import (
    Heading,
    Paragraph,
    Section,
    Severity,
    Told,
    Verdict,
    records,
    verdict,
    words,
    worst,
)
from bayesscale.backtesting import Backtest, fit_quietly, judge, rolling_folds, warn_of
from bayesscale.checks import CheckResult
from bayesscale.errors import BayesScaleError, DomainError, ExtrapolationWarning, RunsError
from bayesscale.forecast import (
    Allocation,
    Prediction,
    allocate,
    allocation_sections,
    extrapolate,
    runs_cost,
    stated,
)
from bayesscale.inference import Average, Fit, check_sampling, fit, interval_tails
from bayesscale.laws import LAWS, SPLIT
from bayesscale.model import specify
from bayesscale.quantities import FLOPS, PARAMS, TOKENS, ShownLoss
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from bayesscale.laws import Law
    from bayesscale.model import Prior

HOLD_OUT = 10.0
BEYOND = (10.0, 100.0)


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Told):
    """What to train next, and what speaks for it.

    Parameters
    ----------
    fit
        The fit of all runs.
    test
        A back-test of one fold, or None if there was none.
    tested
        The fit of the smaller runs and the runs that were held out for the test, or None.
    not_tested
        Why there was no test; empty if there was one.
    allocation
        How to split each budget.
    prediction
        The loss of one run for each budget, of the size that is best on average over the
        posterior, rounded as people choose sizes.
    ci_prob
        Probability of the equal-tailed intervals.
    given
        Further inputs of the law that it was made for, by name.
    """

    fit: Fit
    test: Backtest | None
    tested: tuple[Fit, Runs] | None
    not_tested: str
    allocation: Allocation
    prediction: Prediction
    ci_prob: float
    given: Mapping[str, float] = field(default_factory=dict)

    @property
    def summary(self) -> pd.DataFrame:
        """One row a budget (index ``flops``, FLOP): ``params``, ``tokens``, and ``loss`` of a new
        run there with ``loss_lower`` and ``loss_upper``, nats/token.
        """  # noqa: D205
        columns = ["params", "tokens", "loss", "loss_lower", "loss_upper"]
        return self.prediction.summary[columns].set_axis(self.allocation.summary.index)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the fit, of the test, and of the answers."""
        answers = [a.sensitivity for a in (self.allocation, self.prediction) if a.sensitivity]
        return (*self.fit.checks, *(self.test.checks if self.test else ()), *answers)

    @property
    def severity(self) -> Severity:
        """The gravest finding of the checks and of the test."""
        found = worst(check.severity for check in self.checks)
        return worst([found, *([self.test.severity] if self.test else [])])

    @property
    def verdict(self) -> Verdict:
        """Whether the plan may be used, in a line."""
        line = verdict(self.checks, of="plan")
        if self.test is None or not self.test.too_narrow:
            return line
        if line.severity == "stop":
            return line
        named = ["back-test", *(c.name for c in self.checks if c.severity == "caution")]
        listed = ", ".join(dict.fromkeys(named))
        return Verdict(f"the plan passed its checks with this in mind: {listed}.", "caution")

    @property
    def text(self) -> str:
        """The plan in words: whether to trust the fit, and what to train."""
        return words([self.verdict, *self._test_sections(), *self.advice()])

    def sections(self) -> list[Section]:
        """Return what to train next and whether to trust it; then what that rests on."""
        answers = [a.sensitivity for a in (self.allocation, self.prediction) if a.sensitivity]
        return [
            Heading("What to train next"),
            self.verdict,
            *self.advice(),
            Heading("The runs"),
            Paragraph(repr(self.fit.runs)),
            *self._test_sections(),
            *self.fit.sections(ci_prob=self.ci_prob),
            Heading("How to split the compute"),
            *(Paragraph(c.text, c.severity) for c in answers if c.warns),
            *allocation_sections(self.allocation, head=False),
        ]

    def _test_sections(self) -> list[Section]:
        if self.test:
            return self.test.sections()
        return [
            Heading(f"Does the law {self.fit.law.name!r} foresee larger runs?"),
            Paragraph(f"Not tested: {self.not_tested}"),
        ]

    def advice(self, unit: ShownLoss | None = None) -> list[Section]:
        """Return what to train with each budget, a sentence each, losses in the runs' unit."""
        told = self.prediction.in_unit(unit)
        return advised(told, self.allocation.summary.index, self.ci_prob)


def plan(
    runs: Runs,
    *,
    law: str | Law = "unified",
    hold_out: float | None = HOLD_OUT,
    beyond: Sequence[float] = BEYOND,
    flops: ArrayLike | None = None,
    given: Mapping[str, float] | None = None,
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    ci_prob: float = 0.9,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> Plan:
    """Test a law on the largest runs, fit all of them, and say what to train with more compute.

    Parameters
    ----------
    runs
        The training runs.
    law
        A law of parameters and tokens.
    hold_out
        Test on the runs within this factor of the largest compute, > 1; None leaves the test out.
    beyond
        Budgets to plan for, as multiples of the largest compute among the runs, > 0.
    flops
        Budgets to plan for, FLOP, > 0, in place of ``beyond``.
    given
        Further inputs of a law that has them, by name, such as ``{"experts": 8}``.
    noise, discrepancy, priors, draws, tune, chains, target_accept
        As for :func:`~bayesscale.fit`, of both fits.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    random_seed
        Seed of both fits. None takes a new one, which the plan's fit records.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    Returns
    -------
    Plan
        ``summary``, one row a budget; the ``fit``, the ``test``, the ``allocation``, and
        ``sections()`` that say it all.

    Raises
    ------
    RunsError
        If there are fewer runs than unknowns.
    UnknownNameError
        If a law, noise, discrepancy or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from what was observed.
    DomainError
        If the law has no compute to split or needs inputs that are not given, or an option is
        outside its domain.
    SamplerError
        If the sampler stops.

    Warns
    -----
    BayesScaleWarning
        As :func:`~bayesscale.fit`, :func:`~bayesscale.backtest` and :func:`~bayesscale.allocate`
        do.

    Notes
    -----
    The test is a back-test of one fold, ``bs.backtest(runs, factor=hold_out, folds=1)``. It is
    left out, and the plan says why, where too few smaller runs are left. The size that is advised
    has to be chosen before the truth is known: the one whose posterior expected loss is smallest,
    to two digits.

    Examples
    --------
    >>> plan = bs.plan(runs, law="chinchilla", random_seed=0)     # doctest: +SKIP
    >>> plan.summary                                              # doctest: +SKIP
    >>> plan.fit.save("fit.nc")                                   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    model: dict[str, Any] = {
        "law": law, "noise": noise, "discrepancy": discrepancy, "priors": priors,
    }  # fmt: skip
    spec = specify(runs, **model)
    _check_splits(spec.law)
    budgets = _budgets(runs, beyond, flops)
    if hold_out is not None:
        number("hold_out", hold_out, above=1)
    seed = check_sampling(draws, tune, chains, target_accept, random_seed).random_seed
    options = model | {
        "draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept,
        "random_seed": seed, "progress": progress,
    }  # fmt: skip
    inputs: Any = dict(given or {})
    stated(spec.law, inputs, wanted=spec.law.given, single=True)  # before hours of sampling
    test, tested, not_tested = _test(runs, spec.law, hold_out, options)
    fitted = fit(runs, **options)
    allocation = allocate(fitted, flops=budgets, ci_prob=ci_prob, **inputs)
    prediction = predict_advised(fitted, allocation, ci_prob=ci_prob, **inputs)
    return Plan(fitted, test, tested, not_tested, allocation, prediction, ci_prob, inputs)


def _budgets(runs: Runs, beyond: Sequence[float], flops: ArrayLike | None) -> np.ndarray:
    """Return what to plan for, FLOP: as asked for, or round multiples of the largest run's."""
    if flops is not None:
        return positive_array("flops", flops, FLOPS.unit)
    times = [number("beyond", value, above=0) for value in beyond]
    if not times:
        raise DomainError("beyond must name at least one multiple of the largest compute.")
    return np.array([float(f"{factor * runs.flops.max():.0e}") for factor in times])


def predict_advised(
    fitted: Fit | Average, allocation: Allocation, *, ci_prob: float, **inputs: Any
) -> Prediction:
    """Predict the run of each budget that is best on average, its sizes rounded to two digits."""
    params = _two_digits(allocation.summary["best_bet_params"])
    budgets = allocation.summary.index.to_numpy()
    tokens = _two_digits(runs_cost(fitted.runs).tokens(params, budgets))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)  # allocate has told how far this is
        return extrapolate(fitted, params=params, tokens=tokens, ci_prob=ci_prob, **inputs)


def advised(prediction: Prediction, budgets: Any, ci_prob: float) -> list[Section]:
    """Return what to train with each budget, a sentence each."""
    summary, scale = prediction.summary.set_axis(budgets), prediction.scale
    summary.index.name = "flops"
    return [
        Paragraph(
            f"With {write_flops(row['flops'])}, train {PARAMS.write(row['params'])} parameters "
            f"on {TOKENS.write(row['tokens'])} tokens and expect {scale.say(row['loss'])} "
            f"({percent(ci_prob)}: "
            f"{interval(row['loss_lower'], row['loss_upper'], scale.write)}).",
            emphasis=True,
        )
        for row in records(summary.drop(columns="flops", errors="ignore"))
    ]


def _check_splits(law: Law) -> None:
    if set(law.split) != set(SPLIT):
        fit_for_it = [name for name, known in LAWS.items() if set(known.split) == set(SPLIT)]
        raise DomainError(
            f"The law {law.name!r} depends on {' and '.join(law.quantities)} and has no compute to "
            f"split. Choose one of {', '.join(fit_for_it)}, or fit it alone (bs.fit)."
        )


def _test(
    runs: Runs, law: Law, hold_out: float | None, options: Mapping[str, Any]
) -> tuple[Backtest | None, tuple[Fit, Runs] | None, str]:
    """Back-test one fold, or say why not."""
    if hold_out is None:
        return None, None, "no runs were held out."
    try:
        (fold,) = rolling_folds(runs, law, factor=hold_out, at_most=1)
    except RunsError as error:
        return None, None, str(error)
    try:
        fitted = fit_quietly(fold.small, **options)
    except BayesScaleError as error:  # all runs together may do
        return None, None, f"the {len(fold.small)} smaller runs cannot be fitted alone. {error}"
    test = Backtest.of([judge(fitted, fold)], law=law.name, random_seed=options["random_seed"])
    warn_of(test, stacklevel=4)
    return test, (fitted, fold.large), ""


def _two_digits(values: Any) -> np.ndarray:
    """Round sizes as a person would choose them."""
    return np.array([float(f"{value:.2g}") for value in values])
