"""``bayesscale recipes``: how much compute a recipe saves, and whether that lasts."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._python import Name, call
from bayesscale.cli.document import describe, describe_runs
from bayesscale.cli.options import ci_prob_option, runs_argument, sampling_options, sizes_option
from bayesscale.cli.output import Output, command
from bayesscale.cli.reading import reading_options


@command(
    "recipes", examples="bayesscale recipes runs.csv --group recipe --baseline A",
    short_help="Estimate how much compute a recipe saves.",
)  # fmt: skip
@runs_argument
@click.option("--baseline", help="The recipe to compare with; by default the first of the table.")
@sizes_option("--flops", "Compute of the baseline to compare at, FLOP; repeatable.", into="budgets")
@sizes_option("--at-loss", "Loss to compare at, nats/token; repeatable.", into="losses")
@sampling_options()
@ci_prob_option
@reading_options
def recipes_command(
    out: Output, runs: Path, reading: dict[str, Any], sampling: dict[str, Any], **asked: Any
) -> None:
    """Compare the recipes that a label of the RUNS names, by default the column "recipe"."""
    reading = {"group": ("recipe",), **reading}
    table = out.read(runs, reading)
    given = {k: v for k, v in asked.items() if v} | {"group": reading["group"][0], **sampling}
    result = bs.compare_recipes(table, **given, progress=out.progress)
    repeatable = given | {"random_seed": result.of.random_seed}
    out.ran(call("r = bs.compare_recipes", Name("runs"), **repeatable))
    out.tell(result.sections())
    out.finish({"runs": describe_runs(table), **describe(result)}, result)
