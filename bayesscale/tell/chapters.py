"""The chapters of a report: what each tells, and the pictures that go with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bayesscale._format import flops as write_flops
from bayesscale._sections import Paragraph, Section
from bayesscale.accounting import Machine
from bayesscale.backtesting import Backtest
from bayesscale.comparison import Comparison, PriorSensitivity
from bayesscale.forecast import Mixture, Regret, regret_sections
from bayesscale.inference import Average, Fit
from bayesscale.planning import Plan
from bayesscale.tell.advice import Advice, alternatives
from bayesscale.tell.bill import bill_sections
from bayesscale.tell.pictures import Picture


@dataclass(frozen=True)
class Chapter:
    """A part of the report: its anchor and title, sections, and pictures."""

    anchor: str
    title: str
    sections: Sequence[Section]
    pictures: Sequence[Picture] = ()


def fit_chapters(
    of: Fit | Average, plan: Plan | None, advice: Advice, ci_prob: float
) -> list[Chapter]:
    """Tell of the posterior and the forecast."""
    from bayesscale.plots import plot_loss, plot_predictive_check

    shown, held_out = (plan.tested if plan is not None and plan.tested else None) or (of, None)
    law, options = Mixture.of(of).host.law, advice.shown(ci_prob)
    has_axis = bool(law.split) or len(law.quantities) == 1
    return [
        Chapter(
            "posterior", "What the runs say of the law",
            of.sections(ci_prob=ci_prob) if isinstance(of, Fit) else of.sections(),
            [
                Picture(
                    "predictive_check", "What the law misses", lambda: plot_predictive_check(of),
                    "Curves inside their band: runs scatter around the law as the model says.",
                )
            ],
        ),
        Chapter(
            "forecast", "Forecast", advice.forecast,
            [
                Picture(
                    "loss", "Loss against compute",
                    lambda: plot_loss(shown, held_out=held_out, **options),
                    "Left of the dashed line the law interpolates; to the right it extrapolates."
                    + (
                        " Diamonds are runs that this fit had not seen, with the interval that it "
                        "foresaw for each." if held_out is not None else ""
                    ),
                )
            ] if has_axis else [],
        ),
    ]  # fmt: skip


def split_chapters(
    of: Fit | Average, advice: Advice, regret: Regret | None, machine: Machine | None,
    ci_prob: float,
) -> list[Chapter]:  # fmt: skip
    """Tell how to split the compute, what other plans lose, and what it all costs."""
    from bayesscale.plots import plot_allocation, plot_isoflops, plot_regret

    if advice.allocation is None:
        return []
    options = advice.shown(ci_prob)
    split = Chapter(
        "allocation", "How to split the compute", advice.split,
        [
            Picture(
                "isoflops", "Loss at fixed compute", lambda: plot_isoflops(of, **options),
                "Minima are flat: sizes on both sides of the best one do nearly as well. "
                "Ridges at the foot are where the best size may lie.",
            ),
            Picture(
                "allocation", "Best parameters and tokens",
                lambda: plot_allocation(
                    of, flops_max=advice.end, ci_prob=ci_prob, given=advice.given
                ),
                "Where a curve leaves the points, the law speaks alone.",
            ),
        ],
    )  # fmt: skip
    others = regret or alternatives(of, advice, ci_prob=ci_prob)
    others = others.in_unit(advice.prediction.unit)
    lost = Chapter(
        "regret", "What if the size is another one?",
        [Paragraph(f"Plans for {_budgets_of(others)}."), *regret_sections(others, head=False)],
        [
            Picture(
                "regret", "What each plan wastes", lambda: plot_regret(others),
                "Bars that reach zero: that plan may be the best one. To the right stands how "
                "probably a plan is as good as the best run of the same cost.",
            )
        ],
    )  # fmt: skip
    budgets = advice.allocation.summary.index.to_numpy()
    price = [Chapter("price", "What it costs", bill_sections(machine, budgets))] if machine else []
    return [split, lost, *price]


def _budgets_of(regret: Regret) -> str:
    flops = regret.summary["flops"]
    low, high = write_flops(flops.min()), write_flops(flops.max())
    return low if low == high else f"{low} to {high}"


def comparison_chapters(
    comparison: Comparison | None, sensitivity: PriorSensitivity | None
) -> list[Chapter]:
    """Tell of laws compared, and of the verdict under other priors, once."""
    from bayesscale.plots import plot_comparison, plot_sensitivity

    sections: list[Section] = []
    pictures = []
    if comparison is not None:
        sections += comparison.sections()
        pictures.append(
            Picture(
                "comparison", "Laws by every criterion", partial(plot_comparison, comparison),
                "Zero is the best law; an error bar that reaches it means that the criterion "
                "does not tell them apart.",
            )
        )  # fmt: skip
    own = comparison.sensitivity if comparison is not None else None
    if sensitivity is not None and sensitivity is not own:
        sections += sensitivity.sections()
    sensitivity = sensitivity or own
    if sensitivity is not None:
        pictures.append(
            Picture(
                "prior_sensitivity", "The verdict under other priors",
                lambda: plot_sensitivity(sensitivity),
                "A curve that crosses zero: that prior decides.",
            )
        )  # fmt: skip
    return [Chapter("laws", "Laws compared", sections, pictures)] if sections else []


def backtest_chapters(backtest: Backtest | None) -> list[Chapter]:
    """Tell of forecasts of runs that were held out."""
    from bayesscale.plots import plot_backtest, plot_coverage

    if backtest is None:
        return []
    pictures = [
        Picture(
            "backtest", "Predicted over observed loss", lambda: plot_backtest(backtest),
            "Intervals that cross zero held the truth.",
        ),
        Picture(
            "coverage", "How often intervals held the truth", lambda: plot_coverage(backtest),
            "Below the diagonal intervals are too narrow.",
        ),
    ]  # fmt: skip
    return [Chapter("backtest", "Was it right before?", backtest.sections(), pictures)]
