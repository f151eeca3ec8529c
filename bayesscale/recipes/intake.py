"""The runs of several recipes in one table, and what makes them hard to compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from bayesscale._format import list_some
from bayesscale.checks import CheckResult
from bayesscale.errors import DomainError, RunsError, RunsWarning, unknown_name
from bayesscale.forecast import Terms, runs_cost
from bayesscale.recipes.law import Code
from bayesscale.runs import Runs, Table

LEAST_RUNS, MOST_RECIPES = 3, 12

ONE_LINE = 0.1
"""Runs whose ln(D / N) scatters less than this around a line in ln(N D) lie on one."""

ALIKE = ("param_count", "loss_unit", "bytes_per_token")

NOTES = ("design", "compute")


@dataclass(frozen=True, eq=False)
class Recipes:
    """Runs with a code for each recipe; ``member`` numbers recipes by run, baseline 0."""

    runs: Runs
    group: str
    names: tuple[str, ...]
    member: np.ndarray

    @classmethod
    def of(
        cls, runs: Runs | Table | Mapping[str, Runs], group: str, baseline: str | None
    ) -> "Recipes":
        """Check a table with that label, or tables of runs by recipe."""
        if isinstance(runs, Mapping) and any(isinstance(each, Runs) for each in runs.values()):
            runs = joined(cast(Mapping[str, Runs], runs), group)
        table = runs if isinstance(runs, Runs) else Runs.from_frame(cast(Table, runs), group=group)
        if group not in table.groups:
            raise unknown_name("group", group, table.groups, hint="Name it: read_runs(group=...).")
        labels = table.groups[group].astype(str)
        names = list(dict.fromkeys(labels.tolist()))
        if baseline is not None and baseline not in names:
            raise unknown_name("baseline", baseline, names)
        names = sorted(names, key=lambda name: name != (baseline or names[0]))
        member = np.array([names.index(label) for label in labels])
        few = [f"{names[i]} ({n})" for i, n in enumerate(np.bincount(member)) if n < LEAST_RUNS]
        if few or not 2 <= len(names) <= MOST_RECIPES:
            raise RunsError(
                f"{group!r} names {len(names)} recipe{'s' * (len(names) > 1)} "
                f"({list_some(names)}). Between 2 and {MOST_RECIPES} can be compared, of at least "
                f"{LEAST_RUNS} runs each{f'; fewer have {list_some(few)}' if few else ''}. Choose "
                "rows with read_runs(where=...), or train more sizes."
            )
        codes: dict[Any, Any] = {
            Code(f"recipe_{i}", scale="identity"): member == i for i in range(1, len(names))
        }
        return cls(table.with_inputs(codes), group, tuple(names), member)

    def each(self) -> list[Runs]:
        """Return the runs of every recipe."""
        return [self.runs.select(self.member == i) for i in range(len(self.names))]

    def terms(self, given: Terms | Mapping[str, Terms] | None) -> list[Terms]:
        """Return the terms of every recipe; by default its compute counts as that of its runs."""
        by_name = given if isinstance(given, Mapping) else dict.fromkeys(self.names, given)
        for name in by_name:
            if name not in self.names:
                raise unknown_name("recipe", name, self.names)
        return [Terms.of(by_name.get(k), v) for k, v in zip(self.names, self.each(), strict=True)]

    def checks(self) -> tuple[CheckResult, ...]:
        """Return what makes these recipes hard to compare."""
        table = pd.DataFrame({"recipe": self.names, "runs": np.bincount(self.member)})
        runs, each, texts = self.runs, self.each(), {}
        for name in runs.groups:
            sets = [set(ladder.groups[name]) for ladder in each]
            alone = all(len(levels) == 1 for levels in sets) and len(set.union(*sets)) == len(sets)
            if alone and name != self.group:
                texts["other differences"] = (
                    f"The recipes differ in {name!r} as well: the multiplier includes both. Losses "
                    "on different evaluation sets or tokenizers are not comparable."
                )
        sizes = pd.DataFrame({"n": runs.params, "d": runs.tokens, "loss": runs.loss})
        alike = sizes.assign(recipe=self.member).groupby(["n", "d", "loss"])["recipe"]
        twice = alike.transform("nunique") > 1
        if twice.any():
            texts["repeated runs"] = (
                f"{int(twice.sum())} rows are runs of two recipes, with the same sizes and loss "
                f"({list_some(runs.run_ids[twice])}): they bias the gain towards zero."
            )
        size, ratio = np.log(runs.tokens * runs.params), np.log(runs.tokens / runs.params)
        for what, values in (("compute", np.log(runs.flops)), ("tokens per parameter", ratio)):
            logs = [values[self.member == i] for i in range(len(self.names))]
            gaps = [np.exp(max(o.min() - logs[0].max(), logs[0].min() - o.max())) for o in logs[1:]]
            apart = [f"{k!r} ({g:.3g} times)" for k, g in zip(self.names[1:], gaps, strict=True)
                     if g > 1.001]  # fmt: skip
            if apart:
                texts[f"overlap in {what}"] = (
                    f"The {what} of {list_some(apart)} does not overlap the range of "
                    f"{self.names[0]!r}: the comparison depends on the shape of the law in the gap."
                )
        if np.std(ratio - np.polynomial.Polynomial.fit(size, ratio, 1)(size)) < ONE_LINE:
            texts["design"] = (
                "All runs lie on a line in parameters and tokens: the multiplier is known, but not "
                "how it divides between the two."
            )
        rules = {k: runs_cost(ladder).kappa for k, ladder in zip(self.names, each, strict=True)}
        if max(rules.values()) > 1.001 * min(rules.values()):
            texts["compute"] = (
                "Compute is the runs' own column. Its median FLOP per parameter and token: "
                f"{list_some([f'{name} {kappa:.3g}' for name, kappa in rules.items()])}."
            )
        return tuple(
            CheckResult(k, "note" if k in NOTES else "caution", text, table, RunsWarning)
            for k, text in texts.items()
        )


def joined(tables: Mapping[str, Runs], group: str) -> Runs:
    """Put tables of runs by recipe into one, with the recipe as a label."""
    for what in ALIKE:
        values = {name: getattr(each, what, None) for name, each in tables.items()}
        if len(set(values.values())) > 1:
            raise DomainError(
                f"The tables differ in {what}: {list_some([f'{k} {v}' for k, v in values.items()])}"
                ". Read all with one convention."
            )
    frames = [each.to_frame().assign(**{group: name}) for name, each in tables.items()]
    table = pd.concat(frames, ignore_index=True, join="inner")
    return Runs.from_frame(table, group=group, param_count=next(iter(tables.values())).param_count)
