"""What a comparison of recipes found: the answer as a table, in draws and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._format import flops as write_flops, interval, list_some, percent
from bayesscale._sections import Heading, Paragraph, Section, Table, Verdict, findings, further
from bayesscale.checks import CheckResult
from bayesscale.forecast import Answer
from bayesscale.recipes.power import runs_to_tell

TOLD = 0.95
"""A gain is claimed where it is at least so probable."""

GAINS = (0.05, 0.1, 0.2)


@dataclass(frozen=True, repr=False, kw_only=True)
class RecipeComparison(Answer):
    """How much compute recipes save against a baseline.

    Parameters
    ----------
    summary
        One row a recipe and place (``recipe``, ``at``): at the ``"centre"`` of the runs, the
        ``"largest"`` run, ``"10x"`` and ``"100x"`` that, at budgets and losses that were asked for.
        ``flops`` of the baseline; its ``loss``, nats/token, median; the compute ``multiplier``,
        median and interval: the baseline needs so many times the recipe's compute for that loss,
        0 where the recipe never reaches it; ``prob_better``, P(m > 1); ``prob_best``, the
        probability that no other recipe has a larger one.
    draws
        ``multiplier``, dims ``(chain, draw, recipe, at)``.
    names
        The recipes, the baseline first.
    forms
        One row a form of the model (index ``form``): ``log_evidence`` with ``mcse``, ``ln_bf`` over
        no difference between the recipes, and its ``weight`` in the answer.
    curve
        The multiplier along compute, from the smallest run to a hundred times the largest: columns
        of ``summary``.
    crossover
        One row a recipe: the probability ``prob`` that better and worse change places between the
        centre of the runs and a hundred times the largest, and where, ``flops``, if they do.
    power
        ``noise`` of a run's log loss, ``slope`` of log loss in the log of compute at the centre,
        the ``sd`` of ln m that these and the numbers of runs let expect at a shared shape, one row
        a recipe (index ``recipe``).
    compared
        What makes these recipes hard to compare.
    """

    names: tuple[str, ...]
    forms: pd.DataFrame
    curve: pd.DataFrame
    crossover: pd.DataFrame
    power: pd.DataFrame
    compared: tuple[CheckResult, ...] = ()

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the fits, and of the recipes."""
        return (*self.compared, *super().checks)

    @property
    def verdict(self) -> Verdict:
        """Which recipe needs less compute, and whether that lasts."""
        return Verdict(" ".join(map(self._answer, self.names[1:])), self.severity)

    def at(self, place: str) -> pd.DataFrame:
        """Return the rows of the summary at a place, by recipe."""
        return self.summary[self.summary["at"] == place].set_index("recipe")

    def body(self) -> list[Section]:
        """Return the multipliers, the forms of the model, and how many runs would tell."""
        scale, level = self.scale, percent(self.ci_prob)
        return [
            Table.of(
                self.summary.sort_values("multiplier", ascending=False, kind="stable").sort_index()
                if len(self.names) == 2 else self._ranked(),
                {
                    "recipe": lambda row: str(row["recipe"]),
                    "at": lambda row: f"{row['at']}\n{write_flops(row['flops'])}",
                    scale.word: lambda row: scale.write(row["loss"]),
                    "multiplier": lambda row: f"{row['multiplier']:.3g}\n" + interval(
                        row["multiplier_lower"], row["multiplier_upper"], "{:.3g}".format
                    ),
                    "P(m > 1)": lambda row: f"{row['prob_better']:.2f}",
                    **({"P(best)": lambda row: f"{row['prob_best']:.2f}"}
                       if len(self.names) > 2 else {}),
                },
                f"How many times the compute of the recipe {self.names[0]!r} needs for the same "
                f"loss; medians over {level} intervals. 10x and 100x are times the largest run.",
            ),
            Table.of(
                self.forms,
                {
                    "form": lambda row: str(row["form"]),
                    "ln BF over no difference": lambda row: f"{row['ln_bf']:.2f}",
                    "weight": lambda row: f"{row['weight']:.2f}",
                },
                "Forms of the model, weighed by evidence: the gain alone, or with an irreducible "
                "loss, exponents, or a drift of the gain of the recipe's own.",
            ),
            Paragraph(self._lasting()),
            Paragraph(self._runs()),
        ]  # fmt: skip

    def sections(self) -> list[Section]:
        """Return the answer, what asks for caution, the numbers, and what else was found."""
        verdict = self.verdict
        return [
            Heading(f"{list_some(self.names[1:])} against {self.names[0]}"),
            Paragraph(verdict.text, verdict.severity, emphasis=True),
            *findings(self.checks, of="comparison"), *self.body(), *further(self.checks),
        ]  # fmt: skip

    def _ranked(self) -> pd.DataFrame:
        order = self.at("centre")["multiplier"].sort_values(ascending=False).index
        return self.summary.sort_values(
            "recipe", key=lambda names: names.map(list(order).index), kind="stable"
        )

    def _answer(self, name: str) -> str:
        row, first = self.at("centre").loc[name], self.names[0]
        better = row["prob_better"]
        if 1 - TOLD < better < TOLD:
            return (
                f"At the centre of the runs {name!r} and {first!r} are not told apart: the compute "
                f"multiplier is {_multiplier(row)}, P(m > 1) = {better:.2f}."
            )
        saved = 1 - 1 / row[["multiplier", "multiplier_lower", "multiplier_upper"]].astype(float)
        more = 1 / row[["multiplier", "multiplier_upper", "multiplier_lower"]].astype(float) - 1
        share, word = (saved, "less") if better >= TOLD else (more, "more")
        low, high = (f"{100 * x:.3g}" for x in share.iloc[1:])
        return (
            f"At the centre of the runs {name!r} needs {100 * share.iloc[0]:.3g} % ({low}–{high}) "
            f"{word} compute than {first!r} for the same loss: a multiplier of {_multiplier(row)}."
        )

    def _lasting(self) -> str:
        said = []
        for name in self.names[1:]:
            near, *far = (self.at(at).loc[name, "prob_better"] for at in ("centre", "10x", "100x"))
            better = near >= 0.5
            ten, hundred = far if better else [1 - p for p in far]
            crossing = self.crossover.loc[name]
            said.append(
                f"{name!r} is still {'better' if better else 'worse'} at 10 times the largest run "
                f"with probability {ten:.2f}, at 100 times with {hundred:.2f}."
            )
            if crossing["prob"] >= 1 - TOLD:
                said.append(
                    f"With probability {crossing['prob']:.2f} the two change places before, at "
                    f"{write_flops(crossing['flops'])} (median)."
                )
        return " ".join(said)

    def _runs(self) -> str:
        noise, slope = (float(self.power[name].iloc[0]) for name in ("noise", "slope"))
        needed = ", ".join(
            f"{runs_to_tell(gain, noise=noise, slope=slope)} for {gain:.0%}" for gain in GAINS
        )
        sds = (f"{name} {sd:.3f}" for name, sd in self.power["sd"].items())
        return (
            f"With noise of {noise:.2%} in log loss, which falls by {slope:.3f} a factor e of "
            f"compute, these runs let expect an SD of ln m of {list_some([*sds])} at a shared "
            f"shape. Runs of each recipe that tell a gain in 4 cases of 5: {needed}."
        )


def _multiplier(row: Mapping[str, Any]) -> str:
    low, high = (f"{row[f'multiplier_{end}']:.3g}" for end in ("lower", "upper"))
    return f"{row['multiplier']:.3g} ({low}–{high})"
