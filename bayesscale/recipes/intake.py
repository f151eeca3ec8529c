"""The runs of several recipes in one table, with a code each, and what makes them hard to compare."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bayesscale._arguments import several, text
from bayesscale._format import flops as write_flops, interval, list_some
from bayesscale._sections import Severity
from bayesscale.accounting import PowerCost
from bayesscale.checks import CheckResult
from bayesscale.errors import DomainError, RunsError, RunsWarning, unknown_name
from bayesscale.forecast import Terms, runs_cost
from bayesscale.recipes.law import Code
from bayesscale.runs import Runs, Table

LEAST_RUNS, MOST_RECIPES = 3, 12

ONE_LINE = 0.1
"""Runs whose ln(D / N) scatters less than this around a line in ln(N D) lie on one."""


@dataclass(frozen=True, eq=False)
class Recipes:
    """Runs of several recipes.

    Parameters
    ----------
    runs
        All runs, with a code for each recipe but the first.
    group
        The label that names the recipe.
    names
        The recipes, the baseline first.
    member
        Which recipe each run is of, by its place in ``names``, shape ``(run,)``.
    """

    runs: Runs
    group: str
    names: tuple[str, ...]
    member: np.ndarray

    @classmethod
    def of(
        cls, runs: Runs | Table | Mapping[str, Runs], group: str, baseline: str | None
    ) -> "Recipes":
        """Check a table with a label of that name, or tables of runs by recipe."""
        if isinstance(runs, Mapping) and any(isinstance(each, Runs) for each in runs.values()):
            runs = joined(runs, group)
        table = runs if isinstance(runs, Runs) else Runs.from_frame(runs, group=group)
        if group not in table.groups:
            raise unknown_name(
                "group", group, table.groups, hint=f"Read the table with group={group!r}."
            )
        labels = table.groups[group].astype(str)
        names = list(dict.fromkeys(labels.tolist()))
        if baseline is not None and text("baseline", baseline) not in names:
            raise unknown_name("baseline", baseline, names)
        first = names[0] if baseline is None else baseline
        names = [first, *(name for name in names if name != first)]
        if not 2 <= len(names) <= MOST_RECIPES:
            raise RunsError(
                f"{group!r} names {len(names)} recipe{'s' * (len(names) > 1)} ({list_some(names)}), "
                f"but 2 to {MOST_RECIPES} can be compared. Choose another group, or the rows of some "
                "recipes with read_runs(where=...)."
            )
        counts = {name: int((labels == name).sum()) for name in names}
        few = [f"{name} ({n})" for name, n in counts.items() if n < LEAST_RUNS]
        if few:
            raise RunsError(
                f"These recipes have fewer than {LEAST_RUNS} runs: {list_some(few)}. Their gain "
                "would be that of a run or two: train more sizes, or leave them out with "
                "read_runs(where=...)."
            )
        member = np.array([names.index(label) for label in labels])
        codes = {Code(f"recipe_{i}", scale="identity"): member == i for i in range(1, len(names))}
        return cls(table.with_inputs(codes), group, tuple(names), member)

    def of_recipe(self, i: int) -> Runs:
        """Return the runs of one recipe."""
        return self.runs.select(self.member == i)

    def terms(self, given: Terms | Mapping[str, Terms] | None) -> list[Terms]:
        """Return the terms of every recipe, checked; by default its compute is that of its runs."""
        by_name = given if isinstance(given, Mapping) else dict.fromkeys(self.names, given)
        for name in by_name:
            if name not in self.names:
                raise unknown_name("recipe in terms", name, self.names)
        return [Terms.of(by_name.get(name), self.of_recipe(i)) for i, name in enumerate(self.names)]

    def checks(self) -> tuple[CheckResult, ...]:
        """Return what makes these recipes hard to compare."""
        table = pd.DataFrame({"recipe": self.names, "runs": np.bincount(self.member)})
        return tuple(
            CheckResult(name, severity, said, table, RunsWarning)
            for name, severity, said in self._findings()
        )

    def _findings(self) -> Iterator[tuple[str, Severity, str]]:
        runs, first = self.runs, self.names[0]
        for name, labels in runs.groups.items():
            own = [list(dict.fromkeys(labels[self.member == i])) for i in range(len(self.names))]
            levels = [each[0] for each in own if len(each) == 1]
            if name != self.group and len(levels) == len(own) == len(set(levels)):
                yield (
                    "comparability",
                    "caution",
                    (
                        f"The recipes differ in {name!r} as well ({list_some(levels)}): the multiplier "
                        "holds both differences. Losses on different evaluation sets or tokenizers "
                        "are not comparable at all."
                    ),
                )
        sizes = pd.DataFrame({"n": runs.params, "d": runs.tokens, "loss": runs.loss})
        twice = sizes.duplicated(keep=False) & (
            sizes.assign(of=self.member).groupby(["n", "d", "loss"])["of"].transform("nunique") > 1
        )
        if twice.any():
            yield (
                "repeated runs",
                "caution",
                (
                    f"{int(twice.sum())} rows have parameters, tokens and loss of a run of another "
                    f"recipe ({list_some(runs.run_ids[twice])}): the same run counted for both pulls "
                    "the gain towards none. Leave it out of one."
                ),
            )
        spans = [np.log(self.of_recipe(i).flops) for i in range(len(self.names))]
        low, high = spans[0].min(), spans[0].max()
        for name, span in zip(self.names[1:], spans[1:], strict=True):
            gap = max(span.min() - high, low - span.max())
            if gap > 0:
                yield (
                    "overlap",
                    "caution",
                    (
                        f"No run of {name!r} has compute within the range of {first!r} "
                        f"({interval(np.exp(low), np.exp(high), write_flops)}): between them lies a "
                        f"factor of {np.exp(gap):.3g}. Their difference rests on the shape of the law."
                    ),
                )
        across = np.log(runs.tokens / runs.params), np.log(runs.tokens * runs.params)
        slope = np.polynomial.polynomial.Polynomial.fit(across[1], across[0], 1)
        if np.std(across[0] - slope(across[1])) < ONE_LINE:
            yield (
                "design",
                "note",
                (
                    "All runs lie on one line in parameters and tokens, so that the multiplier is "
                    "known, but not how it divides into parameters and tokens."
                ),
            )
        rules = [runs_cost(self.of_recipe(i)).kappa for i in range(len(self.names))]
        if max(rules) / min(rules) > 1.001 or abs(rules[0] / PowerCost().kappa - 1) > 0.001:
            shown = (f"{n} {k:.3g}" for n, k in zip(self.names, rules, strict=True))
            yield (
                "compute",
                "note",
                (
                    "Compute is that of the runs' own column: FLOP per parameter and token, median of "
                    f"each recipe: {', '.join(shown)}."
                ),
            )


ALIKE = ("param_count", "loss_unit", "bytes_per_token")
"""What tables of runs must agree in for their losses and sizes to be compared."""


def joined(tables: Mapping[str, Runs], group: str) -> Runs:
    """Put tables of runs by recipe into one, with the recipe as a label."""
    for what in ALIKE:
        told = {name: getattr(each, what, None) for name, each in tables.items()}
        if len(set(told.values())) > 1:
            raise DomainError(
                f"The tables differ in {what}: {list_some([f'{k} {v}' for k, v in told.items()])}. "
                "Read both with the same convention, or their losses and sizes mean different "
                "things."
            )
    first = next(iter(several("tables", list(tables.values()))))
    frames = [each.to_frame().assign(**{group: name}) for name, each in tables.items()]
    columns = [c for c in frames[0] if all(c in frame for frame in frames)]
    return Runs.from_frame(
        pd.concat([frame[columns] for frame in frames], ignore_index=True), group=group,
        param_count=first.param_count, name=first.name,
    )  # fmt: skip
