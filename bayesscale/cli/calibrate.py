"""``bayesscale calibrate``: do posteriors of simulated ladders find what was simulated?"""  # noqa: D400

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._sections import records
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import quiet_option, sampling_options
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import reading_options


@click.command(
    "calibrate", cls=Grouped, examples="bayesscale calibrate runs.csv --simulations 200",
    short_help="Check posteriors on simulated ladders.",
)  # fmt: skip
@click.argument("runs", type=click.Path(path_type=Path))
@click.option("--simulations", type=click.IntRange(1), help="How many ladders to simulate.")
@click.option(
    "--store", type=click.Path(path_type=Path),
    help="Folder that keeps finished simulations, from which a rerun goes on.",
)  # fmt: skip
@sampling_options("law", "noise", "discrepancy", "priors", "random_seed")
@output_options
@quiet_option
@reading_options
def calibrate_command(
    runs: Path, reading: dict[str, Any], sampling: dict[str, Any], simulations: int | None,
    store: Path | None, **voice: bool,
) -> None:  # fmt: skip
    """Simulate ladders of the sizes of RUNS from the priors, refit each, and rank the truth."""
    with telling(**voice) as out:
        table = out.read(runs, reading)
        options: dict[str, Any] = {"simulations": simulations, "store": store}
        asked = sampling | {k: v for k, v in options.items() if v is not None}
        found = bs.calibrate(table, **asked, progress=out.progress)
        out.ran(
            call("c = bs.calibrate", Name("runs"), **asked, random_seed=found.random_seed)
            if "random_seed" not in asked
            else call("c = bs.calibrate", Name("runs"), **asked)
        )
        out.tell(found.sections())
        summary = records(found.summary)
        out.finish({**document.of_result(found), "summary": summary}, found)
