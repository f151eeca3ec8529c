"""``bayesscale allocate``: how to split compute between parameters and tokens."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale.cli import document
from bayesscale.cli.options import (
    ci_prob_option,
    input_option,
    own_law_option,
    size_option,
    sizes_option,
)
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_fit


@click.command("allocate", short_help="Split compute between parameters and tokens.")
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
@output_options
def allocate_command(
    fit: Path, flops: list[float], served: float | None, unique_tokens: float | None,
    within: float, inputs: dict[str, Any], law: Any, ci_prob: float, as_json: bool, strict: bool,
    **limits: float | None,
) -> None:  # fmt: skip
    """Split compute between parameters and tokens as a saved FIT finds best."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_fit(fit, law)
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
            "allocation.summary",
        )
        out.tell(allocation.sections())
        out.finish(
            {"fit": fit, **document.of_fit(loaded), **document.of_answer(allocation)}, allocation
        )
