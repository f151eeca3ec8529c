"""From a table of runs to what to train next, tested on the way."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from bayesscale._arguments import interval_tails, number, positive_array
from bayesscale._format import flops as write_flops, interval, percent
from bayesscale._progress import ProgressOption, progress_reporter
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
from bayesscale.backtesting import Backtest, judge, rolling_folds
from bayesscale.checks import CheckResult
from bayesscale.errors import BayesScaleError, DomainError, ExtrapolationWarning, RunsError
from bayesscale.forecast import (
    HABIT,
    Allocation,
    Mixture,
    Prediction,
    Regret,
    Terms,
    allocate,
    extrapolate,
    params_at_ratio,
    regret,
    stated,
)
from bayesscale.inference import (
    Average,
    Fit,
    FitOptions,
    Setup,
    fit,
    seeded,
    takes_fit_options,
    warn_of,
)
from bayesscale.quantities import FLOPS, PARAMS, TOKENS, ShownLoss
from bayesscale.runs import Runs, Table

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from bayesscale.laws import Law

HOLD_OUT = 10.0

BEYOND = (10.0, 100.0)
"""Budgets that are answered for unless asked otherwise, as multiples of the largest run's."""

NO_TEST = "no runs were held out."


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Told):
    """What to train next, and what speaks for it: an answer to a fit.

    Parameters
    ----------
    fit
        The fit of all runs, or an average of fits.
    allocation
        How to split each budget; None where the law has nothing to split.
    prediction
        The loss of one run for each budget, of the size that is best on average over the
        posterior, rounded as people choose sizes. Where the law has nothing to split, of runs that
        are larger than the largest fitted one in every input that grows.
    terms
        What was assumed of cost, limits, data, counting and further inputs.
    ci_prob
        Probability of the equal-tailed intervals.
    test
        A back-test, or None if there was none.
    tested
        The fit of the smaller runs and the runs that were held out for the test, or None.
    not_tested
        Why there was no test; empty if there was one.
    """

    fit: Fit | Average
    allocation: Allocation | None
    prediction: Prediction
    terms: Terms
    ci_prob: float
    test: Backtest | None = None
    tested: tuple[Fit, Runs] | None = None
    not_tested: str = NO_TEST

    @classmethod
    def of(
        cls, fit: Fit | Average, flops: ArrayLike | None = None, *, terms: Terms | None = None,
        test: Backtest | None = None, ci_prob: float = 0.9,
    ) -> Plan:  # fmt: skip
        """Plan what to train with budgets, from a fit that is at hand.

        Parameters
        ----------
        fit
            A fit, or an average of several.
        flops
            Budgets, FLOP, > 0; by default ten and a hundred times the largest run's compute.
        terms
            As for :func:`~bayesscale.allocate`.
        test
            A back-test of the same runs, which the verdict takes into account.
        ci_prob
            Probability of the equal-tailed intervals, in (0, 1).

        Returns
        -------
        Plan
            The plan; :func:`~bayesscale.plan` fits and tests as well.

        Raises
        ------
        DomainError
            If a budget, a term or ``ci_prob`` is outside its domain.

        Examples
        --------
        >>> bs.Plan.of(fit, 1e24, terms=bs.Terms(cost=cost)).summary  # doctest: +SKIP
        """
        host = Mixture.of(fit).host
        terms = Terms() if terms is None else terms
        if host.law.splits_compute:
            budgets = planned_budgets(host.runs, flops)
            allocation = allocate(fit, flops=budgets, terms=terms, ci_prob=ci_prob)
            prediction = _predict_advised(fit, allocation, terms, ci_prob)
        else:
            allocation, prediction = None, _predict_larger(fit, host, flops, terms, ci_prob)
        not_tested = NO_TEST if test is None else ""
        return cls(fit, allocation, prediction, terms, ci_prob, test, not_tested=not_tested)

    def in_unit(self, unit: ShownLoss | None) -> Plan:
        """Return the same plan, which writes losses in another unit; None for the runs' own."""
        allocation = self.allocation and self.allocation.in_unit(unit)
        return replace(self, allocation=allocation, prediction=self.prediction.in_unit(unit))

    @property
    def host(self) -> Fit:
        """The fit, or the first of an average, whose runs and inputs are those of all."""
        return Mixture.of(self.fit).host

    @property
    def budgets(self) -> np.ndarray:
        """The budgets, FLOP, shape ``(budget,)``; none where the law has nothing to split."""
        return np.empty(0) if self.allocation is None else self.allocation.summary.index.to_numpy()

    @property
    def summary(self) -> pd.DataFrame:
        """One row a budget (index ``flops``, FLOP): ``params``, ``tokens``, and ``loss`` of a new
        run there with ``loss_lower`` and ``loss_upper``, nats/token. Where the law has nothing to
        split, one row a run (index ``target``): the inputs of the law and the same.
        """  # noqa: D205
        table = self.prediction.summary
        losses = ["loss", "loss_lower", "loss_upper"]
        if self.allocation is None:
            return table[[*self.host.law.quantities, *losses]]
        return table[["params", "tokens", *losses]].set_axis(self.allocation.summary.index)

    @property
    def _answers(self) -> list[CheckResult]:
        """What the answers owe to priors."""
        answers = (self.allocation, self.prediction)
        return [a.sensitivity for a in answers if a is not None and a.sensitivity]

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the fit, of the test, and of the answers."""
        return (*self.fit.checks, *(self.test.checks if self.test else ()), *self._answers)

    @property
    def severity(self) -> Severity:
        """The gravest finding of the checks and of the test."""
        found = worst(check.severity for check in self.checks)
        return worst([found, *([self.test.severity] if self.test else [])])

    @property
    def verdict(self) -> Verdict:
        """Whether the plan may be used, in a line."""
        line = verdict(self.checks, of="plan")
        if self.test is None or not self.test.too_narrow or line.severity == "stop":
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
        fit = self.fit
        split = [] if self.allocation is None else self.allocation.body()
        return [
            Heading("What to train next"),
            self.verdict,
            *self.advice(),
            Heading("The runs"),
            Paragraph(repr(fit.runs)),
            *self._test_sections(),
            *(fit.sections(ci_prob=self.ci_prob) if isinstance(fit, Fit) else fit.sections()),
            *([Heading("How to split the compute")] if split else []),
            *(Paragraph(c.text, c.severity) for c in self._answers if c.warns),
            *split,
        ]

    def _test_sections(self) -> list[Section]:
        if self.test:
            return self.test.sections()
        return [
            Heading(f"Does the law {self.host.law.name!r} foresee larger runs?"),
            Paragraph(f"Not tested: {self.not_tested}"),
        ]

    def advice(self, unit: ShownLoss | None = None) -> list[Section]:
        """Return what to train with each budget, a sentence each, losses in the runs' unit."""
        prediction = self.prediction if unit is None else self.prediction.in_unit(unit)
        scale = prediction.scale

        def loss(row: Mapping[str, Any]) -> str:
            ends = interval(row["loss_lower"], row["loss_upper"], scale.write)
            return f"expect {scale.say(row['loss'])} ({percent(self.ci_prob)}: {ends})."

        def run(row: Mapping[str, Any]) -> str:
            if self.allocation is None:
                inputs = self.host.law.quantities.items()
                return "At " + ", ".join(f"{q.write(row[name])} {q.unit}" for name, q in inputs)
            return (
                f"With {write_flops(row['flops'])}, train {PARAMS.write(row['params'])} parameters "
                f"on {TOKENS.write(row['tokens'])} tokens and"
            )

        return [
            Paragraph(f"{run(row)} {loss(row)}", emphasis=True) for row in records(self.summary)
        ]

    def alternatives(self) -> Regret:
        """Compare the run that is advised for the first budget with others that cost as much: a
        third and three times as large, and at 20 tokens per parameter.
        """  # noqa: D205
        assert self.allocation is not None
        best_bets = self.allocation.summary["best_bet_params"]
        flops, best = float(best_bets.index[0]), float(best_bets.iloc[0])
        cost = Terms.of(self.terms, self.host.runs).compute
        usual = params_at_ratio(cost, HABIT, np.array([flops]))
        return regret(
            self.fit,
            params=[best, best / 3, 3 * best, float(usual[0])],
            flops=flops,
            names=["the advised run", "a third as large", "three times as large",
                   f"at {HABIT:g} tokens per parameter"],
            terms=self.terms,
            ci_prob=self.ci_prob,
        )  # fmt: skip


@takes_fit_options()
def plan(
    runs: Runs | Table,
    *,
    hold_out: float | None = HOLD_OUT,
    beyond: Sequence[float] = BEYOND,
    flops: ArrayLike | None = None,
    terms: Terms | None = None,
    ci_prob: float = 0.9,
    progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> Plan:
    """Test a law on the largest runs, fit all of them, and say what to train with more compute.

    Parameters
    ----------
    hold_out
        Test on the runs within this factor of the largest compute, > 1; None leaves the test out.
    beyond
        Budgets to plan for, as multiples of the largest compute among the runs, > 0.
    flops
        Budgets to plan for, FLOP, > 0, in place of ``beyond``.
    terms
        As for :func:`~bayesscale.allocate`.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).

    Returns
    -------
    Plan
        ``summary``, one row a budget; the ``fit``, the ``test``, the ``allocation``, and
        ``sections()`` that say it all.

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
    options = seeded(options)
    setup, terms = Setup.of(runs, **options), Terms() if terms is None else terms
    law, runs = setup.spec.law, setup.runs
    if law.splits_compute:
        flops = planned_budgets(runs, flops, beyond)
        Terms.of(terms, runs, spends=False)  # before hours of sampling
        stated(law, terms.given, wanted=law.given, single=True)
    if hold_out is not None:
        number("hold_out", hold_out, above=1)
    test, tested, not_tested = _test(runs, law, hold_out, options, progress)
    made = Plan.of(
        fit(runs, progress=progress, **options), flops, terms=terms, test=test, ci_prob=ci_prob
    )
    return replace(made, tested=tested, not_tested=not_tested)


def planned_budgets(
    runs: Runs, flops: ArrayLike | None = None, beyond: Sequence[float] = BEYOND
) -> np.ndarray:
    """Return what to plan for, FLOP: as asked for, or round multiples of the largest run's."""
    if flops is not None:
        return positive_array("flops", flops, FLOPS.unit)
    times = [number("beyond", value, above=0) for value in beyond]
    if not times:
        raise DomainError("beyond must name at least one multiple of the largest compute.")
    return np.array([float(f"{factor * runs.flops.max():.0e}") for factor in times])


def _predict_advised(
    fit: Fit | Average, allocation: Allocation, terms: Terms, ci_prob: float
) -> Prediction:
    """Predict the run of each budget that is best on average, its sizes rounded to two digits."""
    limits, cost = terms.limits, Terms.of(terms, fit.runs, spends=False).compute
    params = _two_digits(allocation.summary["best_bet_params"])
    params = np.clip(params, limits.params_min or 0.0, limits.params_max or np.inf)
    tokens = _two_digits(cost.tokens(params, allocation.summary.index.to_numpy()))
    tokens = np.minimum(tokens, limits.tokens_max or np.inf)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)  # allocate has said how far this is
        return extrapolate(fit, params=params, tokens=tokens, terms=terms, ci_prob=ci_prob)


def _predict_larger(
    fit: Fit | Average, host: Fit, flops: ArrayLike | None, terms: Terms, ci_prob: float
) -> Prediction:
    """Predict multiples of the largest run in every input that grows."""
    law, runs = host.law, host.runs
    largest = int(np.argmax(runs.size))
    inputs: dict[str, Any] = {}
    for name, q in law.quantities.items():
        grows = q.scale == "log" and name not in law.given
        times = np.array(BEYOND) if grows else np.ones(len(BEYOND))
        value = runs[name].max() if grows else terms.given.get(name, runs[name][largest])
        inputs[name] = times * value
    if flops is not None and list(law.quantities) == [FLOPS.name]:
        inputs = {FLOPS.name: positive_array("flops", flops, FLOPS.unit)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)  # the caveats say how far it is
        return extrapolate(fit, **inputs, ci_prob=ci_prob)


def _test(
    runs: Runs, law: Law, hold_out: float | None, options: FitOptions, progress: ProgressOption
) -> tuple[Backtest | None, tuple[Fit, Runs] | None, str]:
    """Back-test one fold, or say why not."""
    if hold_out is None:
        return None, None, NO_TEST
    try:
        (fold,) = rolling_folds(runs, law, factor=hold_out, at_most=1)
    except RunsError as error:
        return None, None, str(error)
    try:
        with progress_reporter(progress) as report:
            fitted = Setup.of(fold.small, **options).fit(report=report)
    except BayesScaleError as error:  # all runs together may do
        return None, None, f"the {len(fold.small)} smaller runs cannot be fitted alone. {error}"
    test = Backtest.of([judge(fitted, fold)], law=law.name, random_seed=fitted.sampling.random_seed)
    warn_of(test.checks, test.failures, stacklevel=4)
    return test, (fitted, fold.large), ""


def _two_digits(values: Any) -> np.ndarray:
    """Round sizes as a person would choose them."""
    return np.array([float(f"{value:.2g}") for value in values])
