"""``bayesscale task``: from loss to ability."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._python import Name, call
from bayesscale.cli.options import ci_prob_option, reading_options, runs_argument, sizes_option
from bayesscale.cli.output import Output, command, describe, describe_runs


@command(
    "task", examples="bayesscale task runs.csv --task arc_easy --questions 2376 --chance .25",
    short_help="Link scores of tasks to the loss, and judge emergence.",
)  # fmt: skip
@runs_argument
@click.option("--task", multiple=True, required=True, metavar="COL", help="Scores; repeatable.")
@click.option("--questions", type=int, help="How many; without it, an average over tasks.")
@click.option("--chance", type=float, default=0.0, show_default=True, help="Share by guessing.")
@click.option("--steps", type=int, default=1, show_default=True, help="Steps of an exact match.")
@click.option("--metric", default="accuracy", show_default=True,
              help="accuracy, log_likelihood or brier.")  # fmt: skip
@click.option("--predictor", default="loss", show_default=True, help="loss or flops.")
@click.option("--emergence", is_flag=True, help="Judge by evidence whether there is a break.")
@sizes_option("--at-loss", "Loss to predict scores at, nats/token; repeatable.", into="losses")
@ci_prob_option
@reading_options
def task_command(
    out: Output, runs: Path, reading: dict[str, Any], task: tuple[str, ...], emergence: bool,
    losses: tuple[float, ...], **asked: Any,
) -> None:  # fmt: skip
    """Fit how scores in columns of the RUNS follow from the models' loss, or compute."""
    inputs = {**dict(reading.get("inputs", {})), **{name: name for name in task}}
    table = out.read(runs, {**reading, "inputs": inputs})
    given = {"task": list(task), "group": next(iter(reading.get("group", ())), None), **asked}
    result = bs.fit_task(table, **given)
    out.ran(call("t = bs.fit_task", Name("runs"), **given))
    out.tell(result.sections())
    document = {"runs": describe_runs(table), **describe(result)}
    if losses:
        scores = result.predict(loss=losses)
        out.tell(scores.body())
        document["scores"] = describe(scores)
    if emergence:
        judged = result.emergence()
        out.tell(judged.sections())
        document["emergence"] = judged.table.reset_index().to_dict("records")
    out.finish(document, result)
