"""``bayesscale show``: what a saved fit or average says."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._sections import records
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import ci_prob_option, own_law_option
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import call, load_saved


@click.command(
    "show", cls=Grouped, examples="bayesscale show fit.nc", short_help="Say what a saved fit holds."
)
@click.argument("fit", type=click.Path(path_type=Path))
@own_law_option
@ci_prob_option
@output_options
def show_command(fit: Path, law: Any, ci_prob: float, as_json: bool, strict: bool) -> None:
    """Say what a saved FIT or average holds, and whether it may be used."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_saved(fit, law)
        if isinstance(loaded, bs.Average):
            out.ran(python)
            out.tell(loaded.sections())
            told = {**document.of_result(loaded), "summary": records(loaded.summary)}
        else:
            out.ran(python, call("fit.summary", ci_prob=ci_prob))
            out.tell(loaded.sections(ci_prob=ci_prob))
            summary = records(loaded.summary(ci_prob=ci_prob))
            told = {**document.of_fit(loaded), "ci_prob": ci_prob, "summary": summary}
        out.finish({"fit": fit, **told}, loaded)
