"""``bayesscale extrapolate``: the loss of runs that have not been trained."""

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
    recipe_shift_option,
    sizes_option,
)
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_saved, told_in

EXAMPLES = """
bayesscale extrapolate fit.nc --params 70B --tokens 1.4T
"""


@click.command(
    "extrapolate",
    cls=Grouped,
    examples=EXAMPLES,
    short_help="Predict the loss of runs not trained yet.",
)
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option("--params", "Parameters, e.g. 70B; repeatable.")
@sizes_option("--tokens", "Training tokens, e.g. 1.4T; repeatable.")
@sizes_option("--flops", "Training compute in FLOP, for laws of compute; repeatable.")
@recipe_shift_option
@input_option
@own_law_option
@ci_prob_option
@losses_in_option
@output_options
def extrapolate_command(
    fit: Path, inputs: dict[str, list[float]], law: Any, ci_prob: float, recipe_shift: float,
    unit: Any, as_json: bool, strict: bool, **sizes: list[float],
) -> None:  # fmt: skip
    """Predict the loss of runs outside the range of a saved FIT or average.

    The first of the parameters goes with the first of the tokens, and so on; one alone goes with
    all.
    """
    with telling(as_json=as_json, strict=strict) as out:
        given: dict[str, Any] = {name: values for name, values in sizes.items() if values} | inputs
        if recipe_shift:
            given["recipe_shift"] = recipe_shift
        loaded, python = load_saved(fit, law)
        prediction = bs.extrapolate(loaded, **given, ci_prob=ci_prob)
        out.ran(
            python,
            call("prediction = bs.extrapolate", Name("fit"), **given, ci_prob=ci_prob),
            told_in(unit, "prediction"),
        )
        out.tell(prediction.in_unit(unit).sections())
        out.finish(
            {"fit": fit, **document.of_saved(loaded), **document.of_answer(prediction)}, prediction
        )
