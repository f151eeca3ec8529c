"""``bayesscale extrapolate``: the loss of runs that have not been trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale._format import interval, scientific, si_count
from bayesscale.cli import document
from bayesscale.cli.output import (
    Output,
    ci_prob_option,
    json_option,
    loss,
    percent,
    telling,
)
from bayesscale.cli.python import Name, call
from bayesscale.cli.sizes import sizes_option

if TYPE_CHECKING:
    from bayesscale.forecast.extrapolate import Prediction


@click.command("extrapolate", short_help="Predict the loss of runs not trained yet.")
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option("--params", "Parameters, e.g. 70B; repeatable.")
@sizes_option("--tokens", "Training tokens, e.g. 1.4T; repeatable.")
@sizes_option("--flops", "Training compute in FLOP, for laws of compute; repeatable.")
@ci_prob_option
@json_option
def extrapolate_command(
    fit: Path,
    params: list[float],
    tokens: list[float],
    flops: list[float],
    ci_prob: float,
    as_json: bool,
) -> None:
    """Predict the loss of runs outside the range of a saved FIT.

    The first of the parameters goes with the first of the tokens, and so on; one alone goes with
    all.
    """
    with telling(as_json=as_json) as out:
        import bayesscale as bs

        asked = {"params": params, "tokens": tokens, "flops": flops}
        given: dict[str, Any] = {name: sizes for name, sizes in asked.items() if sizes}
        loaded = bs.load_fit(fit)
        prediction = bs.extrapolate(loaded, **given, ci_prob=ci_prob)
        out.ran(
            call("fit = bs.load_fit", fit),
            call("prediction = bs.extrapolate", Name("fit"), **given, ci_prob=ci_prob),
            "prediction.summary",
        )
        out.fit(loaded)
        tell_prediction(out, prediction)
        out.finish(
            {"fit": fit, **document.of_fit(loaded), **document.of_answer(prediction)}, loaded
        )


def tell_prediction(out: Output, prediction: "Prediction") -> None:
    """Tell predicted losses as a table, one row a target."""
    sizes = {"params": ("params", si_count), "tokens": ("tokens", si_count),
             "flops": ("FLOP", scientific)}  # fmt: skip
    shown = [name for name in sizes if name in prediction.summary]
    reach = "flops" if "flops" in shown else shown[0]
    out.table(
        [
            *(sizes[name][0] for name in shown),
            "loss",
            f"{percent(prediction.ci_prob)} interval",
            "beyond the runs",
        ],
        [
            [
                *(sizes[name][1](row[name]) for name in shown),
                loss(row["loss"]),
                interval(row["loss_lower"], row["loss_upper"], loss),
                f"{row[f'reach_{reach}']:.3g}×",
            ]
            for row in document.records(prediction.summary)
        ],
    )
    out.say(
        "\nLoss of a new run in nats/token. Beyond the runs: "
        f"{sizes[reach][0]} over that of the largest fitted run."
    )
