"""The result of a comparison of recipes: as a table, in draws and in words."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from bayesscale import _sections as page
from bayesscale._arguments import choice, number, probability
from bayesscale._format import (
    flops as write_flops,
    list_some,
    over_interval,
    percent,
    write_share,
)  # fmt: skip
from bayesscale.checks import CheckResult
from bayesscale.forecast import Answer
from bayesscale.inference import Average

CLAIMED = 0.95
"""A recipe is called better where P(m > 1) is at least this, or worse where P(m < 1) is."""

GAINS = (0.05, 0.1, 0.2)


@dataclass(frozen=True, repr=False, kw_only=True)
class RecipeComparison(Answer):
    """How much compute recipes save against a baseline.

    Parameters
    ----------
    summary
        One row per recipe and place: the ``"centre"`` of the runs, the ``"largest"`` run, ``"10x"``
        and ``"100x"`` that, budgets and losses that were asked for. ``flops`` of the baseline and
        its ``loss``, nats/token, medians; ``multiplier``, how many times the recipe's compute
        the baseline needs for that loss, median and interval, 0 where the recipe never reaches it;
        ``prob_better``, P(m > 1); ``prob_best``, that no recipe has a larger one.
    draws
        ``multiplier``, dims ``(chain, draw, recipe, at)``.
    names
        The recipes, the baseline first.
    forms
        One row per form of the model: ``log_evidence`` with its error ``mcse``, ``ln_bf`` over no
        difference, and ``weight`` in the
        answer, 0 where the evidence is not known well enough.
    curve
        ``summary`` along compute, from the smallest run to a hundred times the largest.
    crossover
        One row per recipe: the probability ``prob`` that the better one changes between the centre
        of the runs and 100x, and where, ``flops``, median if it does.
    power
        One row per recipe: a run's ``noise`` in log loss at the centre, ``noise_next`` at the next
        rung, the ``slope`` in log compute, and the ``sd`` of ln m to expect at a shared shape.
    next_rung
        One row per recipe: what one more run of the best size at 4x the largest would remove of
        the variance of ln m at 100x: ``of_baseline``, ``of_recipe``, ``of_both``; shares.
    compared
        What makes these recipes hard to compare.
    """

    of: Average  # pyright: ignore[reportGeneralTypeIssues]
    names: tuple[str, ...]
    forms: pd.DataFrame
    curve: pd.DataFrame
    crossover: pd.DataFrame
    power: pd.DataFrame
    next_rung: pd.DataFrame
    compared: tuple[CheckResult, ...] = ()

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the recipes, and of the fits."""
        return (*self.compared, *super().checks)

    @property
    def verdict(self) -> page.Verdict:
        """Which recipes need less compute."""
        return page.Verdict(" ".join(map(self._answer, self.names[1:])), self.severity)

    def at(self, place: str) -> pd.DataFrame:
        """Return the rows of the summary at a place, by recipe."""
        places = list(dict.fromkeys(self.summary["at"]))
        place = choice("place", place, places)
        return self.summary[self.summary["at"] == place].set_index("recipe")

    def body(self) -> list[page.Section]:
        """Return the multipliers, whether they last, the forms, and how many runs are needed."""
        columns = {
            "recipe": lambda row: str(row["recipe"]),
            "at": lambda row: f"{row['at']}\n{write_flops(row['flops'])}",
            self.scale.word: lambda row: self.scale.write(row["loss"]),
            "multiplier": lambda row: over_interval(row, "multiplier", "{:.3g}".format),
            "P(m > 1)": lambda row: f"{row['prob_better']:.2f}",
            "P(best)": lambda row: f"{row['prob_best']:.2f}",
        }
        columns = dict(list(columns.items())[: 5 if len(self.names) == 2 else 6])
        ranked = self.at("centre")["multiplier"].rank(ascending=False)
        table = self.summary.sort_values("recipe", key=lambda r: r.map(ranked), kind="stable")
        note = (
            f"Multiplier m: compute of {self.names[0]!r} over that of the recipe at the same loss; "
            f"medians and {percent(self.ci_prob)} intervals. 10x and 100x the largest run."
        )
        forms = {
            "form": lambda row: str(row["form"]),
            "ln BF over no difference": lambda row: f"{row['ln_bf']:.2f}",
            "weight": lambda row: f"{row['weight']:.2f}",
        }
        return [
            page.Table.of(table.reset_index(drop=True), columns, note),
            page.Paragraph(" ".join(map(self._lasting, self.names[1:]))),
            page.Table.of(self.forms, forms, "What differs between recipes besides the gain."),
            page.Paragraph(" ".join([self._runs(), *map(self._next, self.names[1:])])),
        ]

    def sections(self) -> list[page.Section]:
        """Return the answer, what asks for caution, the numbers, and what else was found."""
        title = page.Heading(f"{list_some(self.names[1:])} against {self.names[0]}")
        answer = page.Paragraph(self.verdict.text, self.severity, emphasis=True)
        verdicts = page.findings(self.checks, of="comparison")
        return [title, answer, *verdicts, *self.body(), *page.further(self.checks)]

    def _answer(self, name: str) -> str:
        row, first = page.records(self.at("centre").loc[[name]])[0], self.names[0]
        better, multiplier = row["prob_better"], over_interval(row, "multiplier", "{:.3g}".format)
        multiplier = f"a compute multiplier of {multiplier.replace('\n', ' (')})"
        if 1 - CLAIMED < better < CLAIMED:
            return (
                f"At the centre of the runs {name!r} and {first!r} do not differ clearly: "
                f"{multiplier}, P(m > 1) = {better:.2f}."
            )
        m = np.array([row[k] for k in ("multiplier", "multiplier_lower", "multiplier_upper")])
        with np.errstate(divide="ignore"):  # a recipe that never reaches the loss needs infinite
            share, *ends = 100 * np.abs(1 - 1 / m)
        return (
            f"At the centre of the runs {name!r} needs {share:.3g} % ({min(ends):.3g}–"
            f"{max(ends):.3g}) {'less' if better > 0.5 else 'more'} compute than {first!r} for the "
            f"same loss, {multiplier}."
        )

    def _lasting(self, name: str) -> str:
        places = ("centre", "10x", "100x")
        near, ten, hundred = (float(self.at(k)["prob_better"].to_dict()[name]) for k in places)
        if near < 0.5:
            ten, hundred = 1 - ten, 1 - hundred
        word, crosses = "better" if near >= 0.5 else "worse", self.crossover.loc[[name]]
        prob, flops = (float(crosses[k].iloc[0]) for k in ("prob", "flops"))
        where = f", at {write_flops(flops)} (median)" if prob > 0 else ""
        return (
            f"{name!r} is {word} at 10 times the largest run with probability {ten:.2f}, at 100 "
            f"times with {hundred:.2f}; the two cross in between with probability "
            f"{prob:.2f}{where}."
        )

    def _runs(self) -> str:
        noise, slope = (float(self.power[name].iloc[0]) for name in ("noise", "slope"))
        needed = [f"{runs_needed(g, noise=noise, slope=slope)} for {write_share(g)}" for g in GAINS]
        sds = list_some([f"{sd:.3f} ({k})" for k, sd in self.power["sd"].items()])
        return (
            f"With noise of {write_share(noise)} in log loss and a slope of {slope:.3f} in log "
            f"compute, an SD of ln m of {sds} is expected if recipes share the shape of the law. "
            "Runs of each recipe needed to find "
            f"P(m > 1) > 0.95 with a power of 0.8: {', '.join(needed)}."
        )

    def _next(self, name: str) -> str:
        row = page.records(self.next_rung.loc[[name]])[0]
        if np.isnan(row["of_both"]):
            return ""
        return (
            f"One more run of the best size at {write_flops(row['flops'])} would remove "
            f"{write_share(row['of_baseline'])} of the variance of ln m at 100x if it is of "
            f"{self.names[0]!r}, {write_share(row['of_recipe'])} if of {name!r}, and one of each "
            f"{write_share(row['of_both'])}."
        )


def runs_needed(
    gain: float, *, noise: float, slope: float, prob: float = 0.95, power: float = 0.8
) -> int:
    r"""Return how many runs of each of two recipes distinguish a gain in compute from none.

    Parameters
    ----------
    gain
        Compute multiplier minus one, > 0: 0.05 is a gain of 5 %.
    noise
        Standard deviation of a run's log loss around the law, such as that between seeds, > 0.
    slope
        How fast log loss falls in the log of compute along the best runs, > 0: .03 to .08 on
        public ladders.
    prob
        The probability P(m > 1) above which a gain counts as detected, in (0, 1).
    power
        The probability that the runs reach it, in (0, 1).

    Returns
    -------
    int
        Runs of each recipe over the same sizes, at least 3.

    Notes
    -----
    If the recipes share the shape of their law, n runs of each give

    .. math:: \mathrm{SD}(\ln m) \approx \frac{\sigma}{s} \sqrt{\frac{2}{n}}, \qquad
              n = 2 \left( \frac{(z_{prob} + z_{power}) \, \sigma}{s \ln(1 + gain)} \right)^2

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.runs_needed(0.05, noise=0.004, slope=0.05)
    34
    """
    spread = number("noise", noise, above=0) / number("slope", slope, above=0)
    scores = norm.ppf(probability("prob", prob)) + norm.ppf(probability("power", power))
    return max(
        3, int(np.ceil(2 * (scores * spread / np.log1p(number("gain", gain, above=0))) ** 2))
    )
