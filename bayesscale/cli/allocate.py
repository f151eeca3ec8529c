"""``bayesscale allocate``: how to split compute between parameters and tokens."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._sections import Heading, records
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import (
    ci_prob_option,
    input_option,
    losses_in_option,
    machine_option,
    own_law_option,
    size_option,
    sizes_option,
)
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_saved, told_in

EXAMPLES = """
bayesscale allocate fit.nc --flops 1e22,1e23
bayesscale allocate fit.nc --flops 1e23 --served 2T --params-max 8B
bayesscale allocate fit.nc --flops 1e23 --machine peak=989e12,utilization=0.4,price_per_hour=2
"""


@click.command(
    "allocate",
    cls=Grouped,
    examples=EXAMPLES,
    short_help="Split compute between parameters and tokens.",
)
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option("--flops", "Compute budget in FLOP, e.g. 1e24; repeatable.", required=True)
@size_option("--served", "Tokens that the model will serve: budgets pay for these too.")
@size_option("--params-min", "Least parameters, e.g. 1B.")
@size_option("--params-max", "Most parameters, as for memory or latency, e.g. 8B.")
@size_option("--tokens-max", "Most training tokens.")
@size_option("--unique-tokens", "Tokens that there are; more of them are repetitions.")
@click.option(
    "--within", type=click.FloatRange(0, 1, min_open=True), default=0.001, show_default=True,
    help="Losses within this share of the best are as good.",
)  # fmt: skip
@input_option
@own_law_option
@ci_prob_option
@losses_in_option
@machine_option
@output_options
def allocate_command(
    fit: Path, flops: list[float], served: float | None, unique_tokens: float | None,
    within: float, inputs: dict[str, Any], law: Any, ci_prob: float, unit: Any, machine: Any,
    as_json: bool, strict: bool, **limits: float | None,
) -> None:  # fmt: skip
    """Split compute between parameters and tokens as a saved FIT or average finds best."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_saved(fit, law)
        terms: dict[str, Any] = {}
        if served is not None:
            terms["cost"] = bs.LifetimeCost(tokens_served=served)
        if given := {name: value for name, value in limits.items() if value is not None}:
            terms["limits"] = bs.Limits(**given)
        if unique_tokens is not None:
            terms["repetition"] = bs.Repetition(unique_tokens=unique_tokens)
        options = {**terms, "within": within, "ci_prob": ci_prob, **inputs}
        allocation = bs.allocate(loaded, flops=flops, **options)
        out.ran(
            python,
            call("allocation = bs.allocate", Name("fit"), flops=flops, **options),
            told_in(unit, "allocation"),
        )
        out.tell(allocation.in_unit(unit).sections())
        told = {"fit": fit, **document.of_saved(loaded), **document.of_answer(allocation)}
        if machine is not None:
            from bayesscale.tell import bill_sections

            out.ran(call("machine = bs.Machine", **document.of_machine(machine)))
            out.ran("machine.bill(allocation.summary.index)")
            out.tell([Heading("What it costs"), *bill_sections(machine, flops)])
            told["bill"] = records(machine.bill(flops))
        out.finish(told, allocation)
