"""``bayesscale backtest``: how well larger runs were foreseen by fits of smaller ones."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import quiet_option, recipe_shift_option, sampling_options
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import reading_options

EXAMPLES = """
bayesscale backtest runs.csv --factor 3
"""


@click.command(
    "backtest",
    cls=Grouped,
    examples=EXAMPLES,
    short_help="Test forecasts on the largest runs of a table.",
)
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    "--factor", type=click.FloatRange(1, min_open=True), default=10.0, show_default=True,
    help="Ratio of compute between cutoffs; a smaller one makes more folds.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(1), show_default="all", help="At most so many cutoffs."
)
@click.option(
    "--store", type=click.Path(path_type=Path),
    help="Folder that keeps finished folds, from which a rerun goes on.",
)  # fmt: skip
@click.option(
    "--joint", is_flag=True, help="Say how probable all held-out runs were together (slower)."
)
@recipe_shift_option
@sampling_options()
@output_options
@quiet_option
@reading_options
def backtest_command(
    runs: Path, reading: dict[str, Any], sampling: dict[str, Any], factor: float,
    folds: int | None, joint: bool, recipe_shift: float, store: Path | None, **voice: bool,
) -> None:  # fmt: skip
    """Fit the RUNS of a table below successive cutoffs in compute, and score what they foresaw.

    Compares with least squares and a bootstrap (Approach 3), with least squares and what it missed
    by before (conformal), and with persistence.
    """
    with telling(**voice) as out:
        table = out.read(runs, reading)
        options: dict[str, Any] = {
            "folds": folds,
            "recipe_shift": recipe_shift or None,
            "joint": joint or None,
            "store": store,
        }
        asked = {"factor": factor} | {k: v for k, v in options.items() if v is not None}
        found = bs.backtest(table, **asked, **sampling, progress=out.progress)
        repeatable = sampling | {"random_seed": found.random_seed}
        out.ran(call("b = bs.backtest", Name("runs"), **asked, **repeatable))
        out.tell(found.sections())
        out.finish({"runs": document.of_runs(table), **document.of_backtest(found)}, found)
