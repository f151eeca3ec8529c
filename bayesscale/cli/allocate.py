"""``bayesscale allocate``: how to split compute between parameters and tokens."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale.cli import document
from bayesscale.cli.options import ci_prob_option, input_option, own_law_option, sizes_option
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_fit


@click.command("allocate", short_help="Split compute between parameters and tokens.")
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option("--flops", "Compute budget in FLOP, e.g. 1e24; repeatable.", required=True)
@input_option
@own_law_option
@ci_prob_option
@output_options
def allocate_command(
    fit: Path, flops: list[float], inputs: dict[str, Any], law: Any, ci_prob: float, as_json: bool,
    strict: bool,
) -> None:  # fmt: skip
    """Split compute between parameters and tokens as a saved FIT finds best."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_fit(fit, law)
        allocation = bs.allocate(loaded, flops=flops, ci_prob=ci_prob, **inputs)
        out.ran(
            python,
            call("allocation = bs.allocate", Name("fit"), flops=flops, ci_prob=ci_prob, **inputs),
            "allocation.summary",
        )
        out.tell(allocation.sections())
        out.finish(
            {"fit": fit, **document.of_fit(loaded), **document.of_answer(allocation)}, allocation
        )
