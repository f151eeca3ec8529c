"""``bayesscale required-flops`` and ``gain``: what a loss costs, and what more buys."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import (
    ci_prob_option,
    input_option,
    losses_in_option,
    own_law_option,
    sizes_option,
)
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_saved, told_in


@click.command(
    "required-flops", cls=Grouped, examples="bayesscale required-flops fit.nc --loss 2.0,1.9",
    short_help="Find the least compute for a loss.",
)  # fmt: skip
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option(
    "--loss", "Target loss, in the unit that losses are told in; repeatable.", required=True
)
@input_option
@own_law_option
@ci_prob_option
@losses_in_option
@output_options
def required_flops_command(
    fit: Path, loss: list[float], inputs: dict[str, Any], law: Any, ci_prob: float, unit: Any,
    as_json: bool, strict: bool,
) -> None:  # fmt: skip
    """Find the least compute that reaches a loss, split as a saved FIT finds best."""
    from bayesscale.runs import LossScale

    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_saved(fit, law)
        single: dict[str, Any] = {name: _one(name, values) for name, values in inputs.items()}
        nats = [float(LossScale.of(loaded.runs, unit).read(target)) for target in loss]
        answer = bs.required_flops(loaded, loss=nats, ci_prob=ci_prob, **single)
        out.ran(
            python,
            call("answer = bs.required_flops", Name("fit"), loss=nats, ci_prob=ci_prob, **single),
            told_in(unit, "answer"),
        )
        out.tell(answer.in_unit(unit).sections())
        out.finish({"fit": fit, **document.of_answer(answer)}, answer)


@click.command(
    "gain", cls=Grouped, examples="bayesscale gain fit.nc --params 7B --tokens 1.4T --factor 10",
    short_help="Say what more parameters, tokens or compute buy.",
)  # fmt: skip
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option("--params", "Parameters of the run to start from, e.g. 7B.")
@sizes_option("--tokens", "Its training tokens, e.g. 1.4T.")
@sizes_option("--flops", "Its training compute in FLOP, for laws of compute.")
@click.option(
    "--factor", type=float, default=10.0, show_default=True, help="How many times as much."
)
@input_option
@own_law_option
@ci_prob_option
@losses_in_option
@output_options
def gain_command(
    fit: Path, factor: float, inputs: dict[str, Any], law: Any, ci_prob: float, unit: Any,
    as_json: bool, strict: bool, **sizes: list[float],
) -> None:  # fmt: skip
    """Say how much loss more parameters, tokens or compute save, from a given run on."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_saved(fit, law)
        given: dict[str, Any] = {
            name: _one(name, values) for name, values in (sizes | inputs).items() if values
        }
        answer = bs.gain(loaded, **given, factor=factor, ci_prob=ci_prob)
        out.ran(
            python,
            call("answer = bs.gain", Name("fit"), **given, factor=factor, ci_prob=ci_prob),
            told_in(unit, "answer"),
        )
        out.tell(answer.in_unit(unit).sections())
        out.finish({"fit": fit, **document.of_answer(answer)}, answer)


def _one(name: str, values: list[float]) -> float:
    """Return the only value; there is one run to start from."""
    if len(values) != 1:
        raise click.UsageError(f"--{name} takes one number here, but got {len(values)}.")
    return values[0]
