"""``bayesscale fit``: from a table of runs to a saved posterior."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import check_output
from bayesscale._sections import Paragraph, records
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import ci_prob_option, force_option, quiet_option, sampling_options
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import reading_options

EXAMPLES = """
bayesscale fit runs.csv --law chinchilla
bayesscale fit runs.csv --params-column n --unit params=M
"""


@click.command("fit", cls=Grouped, examples=EXAMPLES, short_help="Fit a law to a table of runs.")
@click.argument("runs", type=click.Path(path_type=Path))
@sampling_options()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default="fit.nc", show_default=True,
    help="Where to save the posterior; an older saved fit is replaced.",
)  # fmt: skip
@force_option
@ci_prob_option
@output_options
@quiet_option
@reading_options
def fit_command(
    runs: Path, reading: dict[str, Any], sampling: dict[str, Any], output: Path, force: bool,
    ci_prob: float, **voice: bool,
) -> None:  # fmt: skip
    """Fit a law to the RUNS of a table (.csv, .tsv, .parquet, .jsonl, .json or .nc)."""
    with telling(**voice) as out:
        check_output(output, inputs=[runs], force=force)
        table = out.read(runs, reading)
        fit = bs.fit(table, **sampling, progress=out.progress)
        fit.save(output, overwrite=force)
        repeatable = {**sampling, "random_seed": fit.sampling.random_seed}
        out.ran(
            call("fit = bs.fit", Name("runs"), **repeatable),
            call("fit.save", output, **({"overwrite": True} if force else {})),
            call("fit.summary", ci_prob=ci_prob),
        )
        out.tell([*fit.sections(ci_prob=ci_prob), Paragraph(f"Saved as {output}.")])
        summary = records(fit.summary(ci_prob=ci_prob))
        out.finish(
            {**document.of_fit(fit), "ci_prob": ci_prob, "summary": summary, "output": output}, fit
        )
