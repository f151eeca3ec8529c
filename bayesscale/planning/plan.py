"""From a table of runs to a plan of what to train next, with a back-test."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale import _sections as page, errors, forecast
from bayesscale._arguments import interval_tails, number, positive_array
from bayesscale._format import flops as write_flops, interval, percent, write_times
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale.backtesting import Backtest, rolling_folds, score_fold, widest_factor
from bayesscale.checks import CheckResult
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
from bayesscale.laws import SPLIT
from bayesscale.planning.robustness import NAME as ROBUSTNESS, check_robustness, robustness_table
from bayesscale.quantities import FLOPS, PARAMS, TOKENS, LossUnit
from bayesscale.runs import Runs, Table, check_same_runs

REACH = 10.0
"""Compute over the largest run's that is planned for by default, and tested where runs allow."""

NEARLY = 1.5
"""A test is valid up to this many times the tested extrapolation factor."""

BACK_TEST = "back-test"

NO_TEST = "no runs were held out."


@dataclass(frozen=True, eq=False, repr=False)
class Plan(page.Result):
    """What to train next, and the evidence for it: an answer to a fit.

    Parameters
    ----------
    fit
        The fit of all runs, or an average of fits.
    allocation
        How to split each budget; None where the law has nothing to split.
    prediction
        The loss of the run that the allocation recommends for each budget. Where the law has
        nothing to split, of runs that are larger than the largest fitted one in every input that
        grows.
    terms
        The assumed cost, limits, data, counting and further inputs.
    ci_prob
        Probability of the equal-tailed intervals.
    test
        A back-test, or None if there was none.
    tested
        The fit of the smaller runs and the runs that were held out for the test, or None.
    not_tested
        Why there was no test; empty if there was one.
    robustness
        Whether other assumptions give similar results, or None where that was not tested.
    """

    fit: Fit | Average
    allocation: forecast.Allocation | None
    prediction: forecast.Prediction
    terms: forecast.Terms
    ci_prob: float
    test: Backtest | None = None
    tested: tuple[Fit, Runs] | None = None
    not_tested: str = NO_TEST
    robustness: CheckResult | None = None

    @classmethod
    def of(
        cls, fit: Fit | Average, flops: ArrayLike | None = None, *,
        terms: forecast.Terms | None = None, test: Backtest | None = None, ci_prob: float = 0.9,
    ) -> Plan:  # fmt: skip
        """Plan what to train with budgets, from a fit that is at hand.

        Parameters
        ----------
        fit
            A fit, or an average of several.
        flops
            Budgets, FLOP, > 0; by default ten times the largest run's compute, and the reach of
            the test.
        terms
            As for :func:`~bayesscale.allocate`.
        test
            A back-test of the same runs, included in the verdict.
        ci_prob
            Probability of the equal-tailed intervals, in (0, 1).

        Returns
        -------
        Plan
            The plan; :func:`~bayesscale.plan` fits and tests as well.

        Raises
        ------
        DomainError
            If a budget, a term or ``ci_prob`` is outside its domain, or the test of other runs.

        Examples
        --------
        >>> bs.Plan.of(fit, 1e24, terms=bs.Terms(cost=cost)).summary  # doctest: +SKIP
        """
        reference = forecast.Mixture.of(fit).reference
        if test is not None:
            check_same_runs(reference.runs, {"test": test.fingerprint})
        terms = forecast.Terms() if terms is None else terms
        how: dict[str, Any] = {"terms": terms, "ci_prob": ci_prob}
        with warnings.catch_warnings():
            # how far, the verdict and the caveats say
            warnings.simplefilter("ignore", errors.ExtrapolationWarning)
            if reference.law.splits_compute:
                budgets = planned_budgets(reference.runs, flops, default_reach(test))
                allocation = forecast.allocate(fit, flops=budgets, **how)
                advised = {name: allocation.summary[f"recommended_{name}"] for name in SPLIT}
                prediction = forecast.extrapolate(fit, **advised, **how)
            else:
                inputs = _larger_inputs(reference, flops, terms)
                allocation = None
                prediction = forecast.extrapolate(fit, **inputs, ci_prob=ci_prob)
        not_tested = NO_TEST if test is None else ""
        return cls(fit, allocation, prediction, terms, ci_prob, test, not_tested=not_tested)

    def in_unit(self, unit: LossUnit | None) -> Plan:
        """Return the same plan, which writes losses in another unit; None for the runs' own."""
        allocation = self.allocation and self.allocation.in_unit(unit)
        return replace(self, allocation=allocation, prediction=self.prediction.in_unit(unit))

    @property
    def reference(self) -> Fit:
        """The fit, or the first of an average, whose runs and inputs are those of all."""
        return forecast.Mixture.of(self.fit).reference

    @property
    def budgets(self) -> np.ndarray:
        """The budgets, FLOP, shape ``(budget,)``; none where the law has nothing to split."""
        return np.empty(0) if self.allocation is None else self.allocation.summary.index.to_numpy()

    @property
    def summary(self) -> pd.DataFrame:
        """One row per budget (index ``flops``, FLOP), or per run where nothing is split.

        ``params`` and ``tokens``, or the inputs of the law; and ``loss`` of a new run there with
        ``loss_lower`` and ``loss_upper``, nats/token.
        """
        table = self.prediction.summary
        losses = ["loss", "loss_lower", "loss_upper"]
        if self.allocation is None:
            return table[[*self.reference.law.quantities, *losses]]
        return table[["params", "tokens", *losses]].set_axis(self.allocation.summary.index)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the fit, the back-test as one, robustness, and those of the answers."""
        test = self.test
        made = [self.robustness] if self.robustness else []
        if test and len(test.judged):
            text, table = test.verdict.text, test.folds
            made.insert(0, CheckResult(BACK_TEST, test.outcome, text, table, errors.PriorWarning))
        answers = [a for a in (self.allocation, self.prediction) if a is not None]
        owed = [*(answer.sensitivity for answer in answers), answers[0].outside]
        return (*self.fit.checks, *made, *(check for check in owed if check is not None))

    @property
    def severity(self) -> page.Severity:
        """The gravest finding of the checks; a note where the plan reaches beyond the test."""
        return page.worst([super().severity, "note" if self.untested else "ok"])

    @property
    def reach(self) -> float:
        """The largest compute planned for over the largest run's."""
        sizes = self.prediction.summary
        if FLOPS.name not in sizes:
            return max(sizes[name].max() for name in sizes if str(name).startswith("reach_"))
        return float(sizes["flops"].max() / self.reference.runs.flops.max())

    @property
    def untested(self) -> str:
        """The part of the plan that no held-out runs tested, in words; empty if none."""
        if self.test is None:
            return f"There is no back-test: {self.not_tested}"
        reach = f"the plan extrapolates to {write_times(self.reach)} the largest run"
        if not len(self.test.judged):
            return f"The fits of the smaller runs failed their checks; {reach}, untested."
        if self.test.outcome == "note":
            return f"The back-test has low power ({self.test.power:.2f}); {reach}."
        if self.reach > NEARLY * self.test.tested_reach:
            return f"Untested beyond {write_times(self.test.tested_reach)}; {reach}."
        return ""

    @property
    def verdict(self) -> page.Verdict:
        """Whether the plan may be used, in a line."""
        line = page.verdict(self.checks, of="plan")
        if not self.untested:
            also = f" On the held-out runs, {self.test.detected}." if self.test else ""
            return replace(line, text=line.text + also) if line.severity == "ok" else line
        if line.severity in ("caution", "stop"):
            return replace(line, text=f"{line.text} {self.untested}")
        weak = self.test is not None and self.test.outcome == "note" and len(self.test.judged)
        label = page.WEAKLY_TESTED if weak else page.NOT_TESTED
        return page.Verdict(f"{self.untested} The checks of the fit passed.", "note", label)

    @property
    def text(self) -> str:
        """The plan in words: whether to trust the fit, and what to train."""
        return page.words([self.verdict, *self._test_sections(), *self.advice()])

    def answer(self) -> list[page.Section]:
        """Return what to train next, the verdict, and the assumptions: the first page."""
        named = (BACK_TEST, ROBUSTNESS)
        grave = [c for c in self.checks if c.warns and c.name not in named]
        over_runs = [] if self.allocation is None else self.allocation.growth()
        return [
            page.Heading("What to train next"),
            self.verdict,
            *self.advice(),
            *(page.Paragraph(c.text, c.severity) for c in grave),
            *([self.test.verdict] if self.test else []),
            *(page.Paragraph(text) for text in over_runs),
            *self.assumptions(),
        ]

    def sections(self) -> list[page.Section]:
        """Return the first page; then what it rests on: the runs, the test, the fit, the split."""
        fit, split = self.fit, [] if self.allocation is None else self.allocation.body()
        of_fit = fit.sections(ci_prob=self.ci_prob) if isinstance(fit, Fit) else fit.sections()
        return [
            *self.answer(),
            page.Heading("The runs"),
            page.Paragraph(repr(fit.runs)),
            *self._test_sections(),
            *of_fit,
            *([page.Heading("How to split the compute")] if split else []),
            *split,
        ]

    def assumptions(self) -> list[page.Section]:
        """Return the sensitivity to assumptions: others, and their results."""
        if self.robustness is None or self.allocation is None:
            return []
        table = robustness_table(self.robustness, self.prediction.scale)
        return [page.Paragraph(self.robustness.text, self.robustness.severity), table]

    def _test_sections(self) -> list[page.Section]:
        if self.test:
            return self.test.sections()
        return [
            page.Heading(f"Back-test of the law {self.reference.law.name!r} on larger runs"),
            page.Paragraph(f"Not tested: {self.not_tested}"),
        ]

    def advice(self, unit: LossUnit | None = None) -> list[page.Section]:
        """Return what to train with each budget, a sentence each, losses in the runs' unit."""
        prediction = self.prediction if unit is None else self.prediction.in_unit(unit)
        scale = prediction.scale

        def loss(row: Mapping[str, Any]) -> str:
            ends = interval(row["loss_lower"], row["loss_upper"], scale.write)
            return f"expect {scale.say(row['loss'])} ({percent(self.ci_prob)}: {ends})."

        def run(row: Mapping[str, Any]) -> str:
            if self.allocation is None:
                inputs = self.reference.law.quantities.items()
                return "At " + ", ".join(f"{q.write(row[name])} {q.unit}" for name, q in inputs)
            return (
                f"With {write_flops(row['flops'])}, train {PARAMS.write(row['params'])} parameters "
                f"on {TOKENS.write(row['tokens'])} tokens and"
            )

        return [
            page.Paragraph(f"{run(row)} {loss(row)}", emphasis=True)
            for row in page.records(self.summary)
        ]

    def alternatives(self) -> forecast.Regret:
        """Compare the run recommended with a third and three times its size, and D/N of 20."""
        assert self.allocation is not None
        recommended = self.allocation.summary["recommended_params"]
        flops, best = float(recommended.index[0]), float(recommended.iloc[0])
        purchase = forecast.Purchase.of(self.fit, self.terms)
        usual = forecast.params_at_ratio(purchase.cost, forecast.HABIT, np.array([flops]))
        return forecast.regret(
            self.fit,
            params=[best, best / 3, 3 * best, float(usual[0])],
            flops=flops,
            names=["the recommended run", "a third as large", "three times as large",
                   f"at {forecast.HABIT:g} tokens per parameter"],
            terms=self.terms,
            ci_prob=self.ci_prob,
        )  # fmt: skip


@takes_fit_options()
def plan(
    runs: Runs | Table, *, hold_out: float | Literal["auto"] | None = "auto",
    beyond: Sequence[float] | None = None, flops: ArrayLike | None = None,
    terms: forecast.Terms | None = None, ci_prob: float = 0.9, progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> Plan:  # fmt: skip
    """Test a law on the largest runs, fit all of them, and plan what to train with more compute.

    Parameters
    ----------
    hold_out
        Test on the runs within this factor of the largest compute, > 1, then on those within it
        of the largest that are left, and so on; ``"auto"``: 10, or as much as the runs allow. None
        leaves the test out.
    beyond
        Budgets to plan for, as multiples of the largest compute among the runs, > 0; by default
        10 and the reach of the test.
    flops
        Budgets to plan for, FLOP, > 0, in place of ``beyond``.
    terms
        As for :func:`~bayesscale.allocate`.

    Returns
    -------
    Plan
        ``summary``, one row per budget; the ``fit``, the ``test``, the ``allocation``, and
        ``sections()``, the report.

    Warns
    -----
    BayesScaleWarning
        As :func:`~bayesscale.fit`, :func:`~bayesscale.backtest` and :func:`~bayesscale.allocate`
        do.

    Notes
    -----
    The test is ``bs.backtest(runs, factor=hold_out)``. It is left out, with the reason in the plan,
    where too few smaller runs are left. Then the plan is repeated under other assumptions, a refit
    each: the law without drift, the larger half of the runs, other laws; if their results hardly
    overlap with the plan's, that is a caution. The recommended size is the one with the smallest
    posterior expected loss.

    Examples
    --------
    >>> plan = bs.plan(runs, law="chinchilla", random_seed=0)     # doctest: +SKIP
    >>> plan.summary                                              # doctest: +SKIP
    >>> plan.fit.save("fit.nc")                                   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    options = seeded(options)
    setup, terms = Setup.of(runs, **options), forecast.Terms() if terms is None else terms
    law, runs = setup.spec.law, setup.runs
    if law.splits_compute:
        if flops is not None or beyond is not None:
            flops = planned_budgets(runs, flops, beyond or ())
        forecast.Terms.of(terms, runs, spends=False)  # before hours of sampling
        forecast.check_inputs(law, terms.given, wanted=law.given, single=True)
    test, tested, not_tested = _test(setup, hold_out, options, progress)
    fitted = fit(runs, progress=progress, **options)
    if test:  # a fit may add a noise floor to its runs
        test = replace(test, fingerprint=fitted.runs.fingerprint)
    made = Plan.of(fitted, flops, terms=terms, test=test, ci_prob=ci_prob)
    robustness = None
    if made.allocation is not None:
        with progress_reporter(progress) as report:
            robustness = check_robustness(
                fitted, made.allocation, made.prediction, terms, report=report
            )
    return replace(made, tested=tested, not_tested=not_tested, robustness=robustness)


def default_reach(test: Backtest | None) -> tuple[float, ...]:
    """Return multiples of the largest run's compute to plan for: 10, and the reach tested."""
    tested = test.tested_reach if test else 0.0
    return (tested, REACH) if tested > 1 and not 0.5 < tested / REACH < 2 else (REACH,)


def planned_budgets(
    runs: Runs, flops: ArrayLike | None = None, beyond: Sequence[float] = (REACH,)
) -> np.ndarray:
    """Return what to plan for, FLOP: as asked for, or round multiples of the largest run's."""
    if flops is not None:
        return positive_array("flops", flops, FLOPS.unit)
    times = [number("beyond", value, above=0) for value in beyond]
    if not times:
        raise errors.DomainError("beyond must name at least one multiple of the largest compute.")
    return np.array([float(f"{factor * runs.flops.max():.0e}") for factor in times])


def _larger_inputs(
    reference: Fit, flops: ArrayLike | None, terms: forecast.Terms
) -> dict[str, Any]:
    """Return multiples of the largest run in every input that grows."""
    law, runs = reference.law, reference.runs
    if flops is not None and list(law.quantities) == [FLOPS.name]:
        return {FLOPS.name: flops}
    largest = int(np.argmax(runs.size))
    return {
        name: REACH * runs[name].max()
        if q.scale == "log" and name not in law.given
        else terms.given.get(name, runs[name][largest])
        for name, q in law.quantities.items()
    }


def _test(
    whole: Setup, hold_out: float | Literal["auto"] | None, options: FitOptions,
    progress: ProgressOption,
) -> tuple[Backtest | None, tuple[Fit, Runs] | None, str]:  # fmt: skip
    """Back-test all folds that the runs allow, or say why not; keep the fit of the first."""
    if hold_out is None:
        return None, None, NO_TEST
    runs, law = whole.runs, whole.spec.law
    if hold_out == "auto":
        factor = min(REACH, widest_factor(runs, law) or REACH)
    else:
        factor = number("hold_out", hold_out, above=1)
    try:
        folds = rolling_folds(runs, law, factor=factor)
    except errors.RunsError as error:
        return None, None, str(error)
    scores, tested = [], None
    with progress_reporter(progress) as report:
        for fold in folds:
            try:
                setup = Setup.of(fold.small, **options)
                fitted = setup.fit(published=tested is None, report=report)
            except errors.BayesScaleError as error:  # all runs together may do
                if tested is None:
                    small = f"the {len(fold.small)} smaller runs cannot be fitted alone"
                    return None, None, f"{small}. {error}"
                break
            scores.append(score_fold(fitted, fold))
            tested = tested or (fitted, fold.large)
    seed = whole.sampling.random_seed
    test = Backtest.of(scores, law=law.name, random_seed=seed, fingerprint=runs.fingerprint)
    warn_of(test.checks, test.failures)
    return test, tested, ""
