"""``bayesscale fit``: from a table of runs to a saved posterior."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale._files import check_output
from bayesscale._format import interval
from bayesscale.cli import document
from bayesscale.cli.output import (
    Output,
    ci_prob_option,
    force_option,
    json_option,
    number,
    percent,
    telling,
)
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import read, reading_options
from bayesscale.cli.sampling import sampling_options

if TYPE_CHECKING:
    from bayesscale.inference.result import Fit


@click.command("fit", short_help="Fit a law to a table of runs.")
@click.argument("runs", type=click.Path(path_type=Path))
@sampling_options()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default="fit.nc", show_default=True,
    help="Where to save the posterior; an older saved fit is replaced.",
)  # fmt: skip
@force_option
@ci_prob_option
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Tell of warnings and errors only.")
@reading_options
def fit_command(
    runs: Path,
    reading: dict[str, Any],
    sampling: dict[str, Any],
    output: Path,
    force: bool,
    ci_prob: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Fit a law to the RUNS of a table (.csv, .tsv, .parquet, .jsonl, .json or .nc)."""
    with telling(as_json=as_json, quiet=quiet) as out:
        check_output(output, inputs=[runs], force=force)
        import bayesscale as bs

        table, python = read(runs, reading)
        out.ran(python)
        out.say(repr(table))
        fit = bs.fit(table, **sampling, progress=False if quiet else "auto")
        fit.save(output, overwrite=force)

        repeatable = {**sampling, "random_seed": fit.sampling.random_seed}
        out.ran(
            call("fit = bs.fit", Name("runs"), **repeatable),
            call("fit.save", output, **({"overwrite": True} if force else {})),
            call("fit.summary", ci_prob=ci_prob),
        )
        out.fit(fit)
        tell_parameters(out, fit, ci_prob)
        out.say(f"\nSaved as {output}.")
        out.finish(
            {
                **document.of_fit(fit),
                "ci_prob": ci_prob,
                "summary": document.records(fit.summary(ci_prob=ci_prob)),
                "output": output,
            },
            fit,
        )


def tell_parameters(out: Output, fit: "Fit", ci_prob: float) -> None:
    """Tell the published parameters of a fit as a table."""
    out.table(
        ["parameter", "median", f"{percent(ci_prob)} interval", "unit"],
        [
            [
                row["parameter"],
                number(row["median"]),
                interval(row["lower"], row["upper"], number),
                row["unit"],
            ]
            for row in document.records(fit.summary(ci_prob=ci_prob))
        ],
    )
