"""Commands that make many fits of the runs of one table: tests, comparisons, and tasks."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._arguments import number
from bayesscale._python import Name, call
from bayesscale.cli import options
from bayesscale.cli.output import Command, Output, command, describe, describe_runs
from bayesscale.cli.own_law import get_law

store_option = click.option(
    "--store", type=options.PATH, help="Folder that keeps finished fits; a rerun continues from it."
)


@command(
    "backtest", examples="bayesscale backtest runs.csv --factor 3",
    short_help="Test forecasts on the largest runs of a table.",
)  # fmt: skip
@options.runs_argument
@click.option(
    "--factor", type=options.FACTOR, default=10.0, show_default=True,
    help="Ratio of compute between cutoffs; a smaller one makes more folds.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(1), show_default="all", help="Maximum number of cutoffs."
)
@store_option
@click.option(
    "--joint", is_flag=True, default=None,
    help="Report the joint log density of all held-out runs (slower).",
)  # fmt: skip
@options.sampling_options()
@options.reading_options
def backtest_command(out: Output, **arguments: Any) -> None:
    """Fit the RUNS of a table below successive cutoffs in compute, and score their predictions.

    Baselines are least squares with a bootstrap (Approach 3) and least squares with intervals from
    its errors inside the fitted runs (split conformal).
    """
    _sweep(out, "b", "backtest", **arguments)


@command(
    "calibrate", examples="bayesscale calibrate runs.csv --simulations 200",
    short_help="Check posteriors on simulated ladders.",
)  # fmt: skip
@options.runs_argument
@click.option("--simulations", type=click.IntRange(1), help="How many ladders to simulate.")
@store_option
@options.sampling_options("law", "noise", "discrepancy", "priors", "random_seed")
@options.reading_options
def calibrate_command(out: Output, **arguments: Any) -> None:
    """Simulate ladders with the sizes of RUNS from the priors, refit each, and rank the truth."""
    _sweep(out, "c", "calibrate", **arguments)


@command(
    "smallest-scale", examples="bayesscale smallest-scale runs.csv --law chinchilla",
    short_help="Find the scale from which a law describes the runs.",
)  # fmt: skip
@options.runs_argument
@options.sampling_options("law", "noise", "priors", "draws", "tune", "chains", "random_seed")
@options.reading_options
def smallest_scale_command(out: Output, **arguments: Any) -> None:
    """Fit a law, assumed exact, to the RUNS and to ever fewer small ones, and test each fit."""
    _sweep(out, "s", "smallest_scale", **arguments)


@command(
    "recipes", examples="bayesscale recipes runs.csv --group recipe --baseline A",
    short_help="Estimate how much compute a recipe saves.",
)  # fmt: skip
@options.runs_argument
@click.option("--baseline", help="The recipe to compare with; by default the first of the table.")
@options.sizes_option(
    "--flops", "Compute of the baseline to compare at, FLOP; repeatable.", into="budgets"
)
@options.sizes_option("--at-loss", "Loss to compare at, nats/token; repeatable.", into="losses")
@options.sampling_options()
@options.ci_prob_option
@options.reading_options
def recipes_command(out: Output, reading: dict[str, Any], **arguments: Any) -> None:
    """Compare the recipes that a label of the RUNS names, by default the column "recipe"."""
    reading = {"group": ("recipe",), **reading}
    _sweep(out, "r", "compare_recipes", reading=reading, **arguments, group=reading["group"][0])


def _sweep(
    out: Output, variable: str, function: str, *, runs: Path, reading: dict[str, Any],
    sampling: dict[str, Any], **further: Any,
) -> None:  # fmt: skip
    """Read the table, call the function with the options that were given, and show the result."""
    table = out.read(runs, reading)
    arguments = options.given(further) | sampling
    result = getattr(bs, function)(table, **arguments, progress=out.progress)
    drawn = result.of if function == "compare_recipes" else result
    repeatable = arguments | {"random_seed": drawn.random_seed}
    out.record(call(f"{variable} = bs.{function}", Name("runs"), **repeatable))
    out.show(result.sections())
    out.finish({"runs": describe_runs(table), **describe(result)}, result)


LAWS = "--laws"


class _SeveralLaws(Command):
    """A command whose ``--laws`` takes all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread, naming = [], False
        named = any(word == LAWS or word.startswith(f"{LAWS}=") for word in args)
        for word in args:
            if word.startswith(f"{LAWS}="):
                naming, word = True, word.removeprefix(f"{LAWS}=")
            elif word.startswith("-"):
                naming = word == LAWS
                spread += [] if naming else [word]
                continue
            names = [name for name in word.split(",") if name]
            spread += [item for name in names for item in (LAWS, name)] if naming else [word]
        if named and LAWS not in spread:
            raise click.UsageError(f"{LAWS} names no law: write {LAWS} kaplan chinchilla.", ctx)
        return super().parse_args(ctx, spread)


@command(
    "compare", cls=_SeveralLaws, examples="bayesscale compare runs.csv --laws kaplan chinchilla",
    short_help="Compare laws.",
)  # fmt: skip
@options.runs_argument
@click.option(
    LAWS, "laws", multiple=True, show_default="kaplan chinchilla unified", metavar="NAME ...",
    help="Laws to compare, at least two; a custom one as my_law.py:MyLaw.",
)  # fmt: skip
@click.option(
    "--factor", type=options.FACTOR, default=10.0, show_default=True,
    help="Runs within this factor of the largest compute are held out and predicted.",
)  # fmt: skip
@click.option(
    "--prior-grid/--no-prior-grid", default=None,
    help="Whether to repeat the evidence under narrower and wider priors; by default where the "
    "verdict may depend on them.",
)  # fmt: skip
@options.sampling_options(
    "noise", "discrepancy", "draws", "tune", "chains", "target_accept", "random_seed"
)  # fmt: skip
@options.reading_options
def compare_command(
    out: Output, runs: Path, laws: tuple[str, ...], reading: dict[str, Any],
    sampling: dict[str, Any], factor: float, prior_grid: bool | None,
) -> None:  # fmt: skip
    """Compare laws on the RUNS of a table: their support, and whether it depends on the prior.

    Laws are compared with drift and also assumed exact; with --discrepancy none, only exact.
    """
    laws = tuple(dict.fromkeys(laws))
    if len(laws) == 1:
        raise click.UsageError(f"--laws takes at least two different laws, but got {laws[0]}.")
    chosen = {**({"laws": [get_law(law) for law in laws]} if laws else {}), **sampling}
    chosen["discrepancies"] = [chosen.pop("discrepancy", "drift")]
    table = out.read(runs, reading)
    number("factor", factor, above=1)  # before the fits, which take longer
    fits = bs.fit_laws(table, **chosen, progress=out.progress)
    chosen["random_seed"] = next(iter(fits.values())).sampling.random_seed
    arguments = options.given({"factor": factor, "prior_grid": prior_grid})
    comparison = bs.compare(fits, **arguments, progress=out.progress)
    out.record(
        call("fits = bs.fit_laws", Name("runs"), **chosen),
        call("c = bs.compare", Name("fits"), **arguments),
    )
    out.show(comparison.sections())
    document = {"runs": describe_runs(table), **describe(comparison)}
    document["sensitivity"] = comparison.sensitivity and describe(comparison.sensitivity)
    out.finish(document, comparison)


@command(
    "task", examples="bayesscale task runs.csv --task arc_easy --questions 2376 --chance .25",
    short_help="Link task scores to the loss, and test for emergence.",
)  # fmt: skip
@options.runs_argument
@click.option("--task", multiple=True, required=True, metavar="COL", help="Scores; repeatable.")
@click.option("--questions", type=int, help="Number of questions; omit for an average of tasks.")
@click.option("--chance", type=float, default=0.0, show_default=True, help="Chance-level score.")
@click.option("--steps", type=int, default=1, show_default=True,
              help="Steps of an answer, all of which must be right.")  # fmt: skip
@click.option("--metric", default="accuracy", show_default=True,
              help="accuracy, log_likelihood or brier.")  # fmt: skip
@click.option("--predictor", default="loss", show_default=True, help="loss or flops.")
@click.option("--emergence", is_flag=True, help="Test for a change of slope.")
@options.sizes_option(
    "--at-loss", "Loss to predict scores at, nats/token; repeatable.", into="losses"
)
@options.ci_prob_option
@options.reading_options
def task_command(
    out: Output, runs: Path, reading: dict[str, Any], task: tuple[str, ...], emergence: bool,
    losses: tuple[float, ...], **arguments: Any,
) -> None:  # fmt: skip
    """Fit scores in columns of the RUNS as functions of the models' loss, or compute."""
    inputs = {**dict(reading.get("inputs", {})), **{name: name for name in task}}
    table = out.read(runs, {**reading, "inputs": inputs})
    given = {"task": list(task), "group": next(iter(reading.get("group", ())), None), **arguments}
    result = bs.fit_task(table, **given)
    out.record(call("t = bs.fit_task", Name("runs"), **given))
    out.show(result.sections())
    document = {"runs": describe_runs(table), **describe(result)}
    if losses:
        scores = result.predict(loss=losses)
        out.show(scores.body())
        document["scores"] = describe(scores)
    if emergence:
        judged = result.emergence()
        out.show(judged.sections())
        document["emergence"] = judged.table.reset_index().to_dict("records")
    out.finish(document, result)
