"""The chapters of a report: their texts and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import ArrayLike

from bayesscale._format import flops as write_flops, interval, short_number, si_count
from bayesscale._sections import Heading, Paragraph, Section, Table, words
from bayesscale.accounting import Machine
from bayesscale.backtesting import Backtest
from bayesscale.comparison import Comparison, PriorSensitivity
from bayesscale.forecast import VALIDATED_REACH, Regret
from bayesscale.inference import Fit
from bayesscale.planning import Plan
from bayesscale.recipes import RecipeComparison
from bayesscale.tasks import TaskFit
from bayesscale.tell.pictures import Picture


@dataclass(frozen=True)
class Chapter:
    """A part of the report: its anchor and title, sections, and pictures."""

    anchor: str
    title: str
    sections: Sequence[Section]
    pictures: Sequence[Picture] = ()


def answer_chapter(plan: Plan, machine: Machine | None) -> Chapter:
    """Open with the answer, whether to trust it, what it costs, and the picture of it."""
    from bayesscale.plots import plot_loss

    shown, held_out = plan.tested or (plan.fit, None)
    has_axis = bool(plan.reference.law.split) or len(plan.reference.law.quantities) == 1
    takeaway = "Left of the dashed line the law interpolates; to the right it extrapolates."
    if held_out is not None:
        takeaway += (
            " Diamonds are held-out runs, with the interval that the fit of the smaller runs "
            "predicted for each."
        )
    picture = Picture(
        "loss", "Loss against compute",
        lambda: plot_loss(shown, held_out=held_out, **_shown(plan)), takeaway, words(plan.advice()),
    )  # fmt: skip
    # the page's title says what is asked, and its head has the verdict
    sections = [s for s in plan.answer() if not isinstance(s, Heading)][1:]
    sections += bill_sections(machine, plan.budgets) if machine and len(plan.budgets) else []
    return Chapter("answer", "The answer", sections, [picture] if has_axis else [])


def fit_chapters(plan: Plan) -> list[Chapter]:
    """Describe the posterior, and the prediction."""
    from bayesscale.plots import plot_residuals

    fit = plan.fit
    return [
        Chapter(
            "posterior", "The fitted law",
            fit.sections(ci_prob=plan.ci_prob) if isinstance(fit, Fit) else fit.sections(),
            [
                Picture(
                    "residuals", "Residuals", lambda: plot_residuals(fit),
                    "Dashed lines show the noise of a single run; a trend indicates lack of fit.",
                )
            ],
        ),
        Chapter("forecast", "Predicted losses", plan.prediction.body()),
    ]  # fmt: skip


def _shown(plan: Plan) -> dict[str, Any]:
    """Return options of pictures of losses."""
    return {"ci_prob": plan.ci_prob, "unit": plan.prediction.unit, "terms": plan.terms}


def split_chapters(plan: Plan, regret: Regret | None) -> list[Chapter]:
    """Tell how to split the compute, and what other plans lose."""
    from bayesscale.plots import plot_allocation, plot_isoflops, plot_regret

    if plan.allocation is None:
        return []
    fit = plan.fit
    split = Chapter(
        "allocation", "How to split the compute", plan.allocation.body(),
        [
            Picture(
                "isoflops", "Loss at fixed compute", lambda: plot_isoflops(fit, **_shown(plan)),
                "Minima are flat: sizes on both sides of the best one do nearly as well. The "
                "densities at the bottom are the posterior of the best size.",
            ),
            Picture(
                "allocation", "Best parameters and tokens",
                lambda: plot_allocation(
                    fit, flops_max=float(plan.budgets.max()), ci_prob=plan.ci_prob, terms=plan.terms
                ),
                "Where a curve leaves the points, it is extrapolated.",
                " ".join(plan.allocation.growth()),
            ),
        ],
    )  # fmt: skip
    others = (regret or plan.alternatives()).in_unit(plan.prediction.unit)
    flops = others.summary["flops"]
    budgets = interval(flops.min(), flops.max(), write_flops).replace("–", " to ")
    lost = Chapter(
        "regret", "Other model sizes",
        [Paragraph(f"Plans for {budgets}."), *others.body()],
        [
            Picture(
                "regret", "Excess compute of each plan", lambda: plot_regret(others),
                "A plan whose bar reaches zero may be optimal. To the right: the probability "
                "that a plan is as good as the best run of the same cost.",
            )
        ],
    )  # fmt: skip
    return [split, lost]


def comparison_chapters(
    comparison: Comparison | None, sensitivity: PriorSensitivity | None
) -> list[Chapter]:
    """Describe the comparison of laws, and the verdict under other priors, once."""
    from bayesscale.plots import plot_comparison, plot_sensitivity

    sections: list[Section] = []
    pictures = []
    if comparison is not None:
        sections += comparison.sections()
        pictures.append(
            Picture(
                "comparison", "Laws by every criterion", partial(plot_comparison, comparison),
                "Zero is the best law; an error bar that reaches it means that the criterion does "
                "not distinguish the laws.",
            )
        )  # fmt: skip
    compared_priors = comparison.sensitivity if comparison is not None else None
    if sensitivity is not None and sensitivity is not compared_priors:
        sections += sensitivity.sections()
    sensitivity = sensitivity or compared_priors
    if sensitivity is not None:
        pictures.append(
            Picture(
                "prior_sensitivity", "The verdict under other priors",
                lambda: plot_sensitivity(sensitivity),
                "A curve that crosses zero: the verdict depends on that prior.",
            )
        )  # fmt: skip
    return [Chapter("laws", "Laws compared", sections, pictures)] if sections else []


def backtest_chapters(backtest: Backtest | None) -> list[Chapter]:
    """Describe predictions of held-out runs."""
    from bayesscale.plots import plot_backtest, plot_coverage

    if backtest is None:
        return []
    pictures = [
        Picture(
            "backtest", "Predicted over observed loss", lambda: plot_backtest(backtest),
            "Intervals that cross zero contain the observed loss.", backtest.verdict.text,
        ),
        Picture(
            "coverage", "Coverage of intervals", lambda: plot_coverage(backtest),
            "Below the diagonal intervals are too narrow.",
        ),
    ]  # fmt: skip
    return [Chapter("backtest", "Back-test", backtest.sections(), pictures)]


def recipe_chapters(recipes: RecipeComparison | None) -> list[Chapter]:
    """Return the comparison of recipes."""
    from bayesscale.plots import plot_recipes

    if recipes is None:
        return []
    picture = Picture(
        "recipes", "The compute multiplier", lambda: plot_recipes(recipes),
        "Above one the recipe needs less compute than the baseline; where the band includes one, "
        "the data do not decide.", recipes.verdict.text,
    )  # fmt: skip
    return [Chapter("recipes", "Recipes compared", recipes.sections(), [picture])]


def task_chapters(tasks: TaskFit | None) -> list[Chapter]:
    """Return the scores of tasks."""
    from bayesscale.plots import plot_task

    if tasks is None:
        return []
    picture = Picture(
        "task", "Scores against loss or compute", lambda: plot_task(tasks),
        "Lines are the links, with the interval of the expected score.",
    )  # fmt: skip
    return [Chapter("task", "Links from loss to scores", tasks.sections()[1:], [picture])]


def bill_sections(machine: Machine, flops: ArrayLike) -> list[Section]:
    """Return one row per budget, FLOP: PFLOP-days, device-hours, days and, with a price, money."""
    columns = {
        "compute": lambda row: write_flops(row["flops"]),
        "PFLOP-days": lambda row: short_number(float(f"{row['pflop_days']:.3g}")),
        "device-hours": lambda row: si_count(row["device_hours"]),
        "days": lambda row: short_number(float(f"{row['days']:.3g}")),
    }
    if machine.price_per_hour is not None:
        columns[machine.currency] = lambda row: si_count(row["money"])
    devices = f"{machine.devices:,} device{'s' if machine.devices > 1 else ''}"
    note = (
        f"At {100 * machine.utilization:.3g} % of {machine.peak:.3g} FLOP per second; days on "
        f"{devices} in parallel."
    )
    return [Table.of(machine.bill(flops), columns, note)]


def caveats(plan: Plan) -> list[str]:
    """Return the caveats, in plain words."""
    reference = plan.reference
    end, most = plan.budgets.max(initial=0.0), reference.runs.size.max()
    sentences = [check.text for check in plan.checks if check.warns]
    reach = end / most
    if reach > VALIDATED_REACH:
        sentences.append(
            f"The largest budget here, {write_flops(end)}, is {reach:.3g} times the compute of the "
            "largest run. Intervals were validated on real hold-outs only up to "
            f"{VALIDATED_REACH:.0f} times; beyond that their coverage is unknown."
        )
    if not reference.spec.discrepancy.coordinates(reference.law):
        sentences.append(
            "The law is assumed exact. On public hold-outs, 90 % intervals under this assumption "
            "covered about two thirds of the runs."
        )
    if plan.untested:
        sentences.append(plan.untested)
    if plan.allocation is not None:
        sentences.append(
            "The loss hardly changes around the best size. Within the range of nearly optimal "
            "sizes, choose by other criteria: hardware, inference, data."
        )
    sentences.append(
        "All results are for runs trained like these: other data, tokenizers, schedules or "
        "architectures follow other laws."
    )
    return list(dict.fromkeys(sentences))
