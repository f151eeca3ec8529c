"""``bayesscale allocate``: how to split compute between parameters and tokens."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale._format import flops as write_flops
from bayesscale._format import interval, scientific, si_count
from bayesscale.cli import document
from bayesscale.cli.output import (
    Output,
    ci_prob_option,
    json_option,
    loss,
    percent,
    telling,
    value_over_interval,
)
from bayesscale.cli.python import Name, call
from bayesscale.cli.sizes import sizes_option

if TYPE_CHECKING:
    from bayesscale.forecast.allocate import Allocation


@click.command("allocate", short_help="Split compute between parameters and tokens.")
@click.argument("fit", type=click.Path(path_type=Path))
@sizes_option("--flops", "Compute budget in FLOP, e.g. 1e24; repeatable.", required=True)
@ci_prob_option
@json_option
def allocate_command(fit: Path, flops: list[float], ci_prob: float, as_json: bool) -> None:
    """Split compute between parameters and tokens as a saved FIT finds best."""
    with telling(as_json=as_json) as out:
        import bayesscale as bs

        loaded = bs.load_fit(fit)
        allocation = bs.allocate(loaded, flops=flops, ci_prob=ci_prob)
        out.ran(
            call("fit = bs.load_fit", fit),
            call("allocation = bs.allocate", Name("fit"), flops=flops, ci_prob=ci_prob),
            "allocation.summary",
        )
        out.fit(loaded)
        tell_allocation(out, allocation)
        out.finish(
            {"fit": fit, **document.of_fit(loaded), **document.of_answer(allocation)}, loaded
        )


def tell_allocation(out: Output, allocation: "Allocation") -> None:
    """Tell splits as a table, one row a budget, and how they grow with compute."""
    from bayesscale.forecast.allocate import NEAR_OPTIMAL

    rows = document.records(allocation.summary)
    out.table(
        ["FLOP", "params", "nearly as good", "tokens", "tokens/param", "loss"],
        [
            [
                scientific(row["flops"]),
                value_over_interval(row, "params", si_count),
                interval(row["near_params_lower"], row["near_params_upper"]),
                value_over_interval(row, "tokens", si_count),
                value_over_interval(row, "tokens_per_param", si_count),
                value_over_interval(row, "loss", loss),
            ]
            for row in rows
        ],
    )
    out.say(
        f"\nMedians over {percent(allocation.ci_prob)} intervals. Nearly as good: sizes whose "
        f"expected loss is within {percent(NEAR_OPTIMAL)} of the best. Loss of a run there in "
        "nats/token."
    )
    growth = {write_flops(row["flops"]): _growth(row, allocation.ci_prob) for row in rows}
    if len(set(growth.values())) == 1:
        out.say(next(iter(growth.values())))
    else:
        for budget, sentence in growth.items():
            out.say(f"At {budget}: {sentence}")


def _growth(row: Mapping[str, Any], ci_prob: float) -> str:
    def power(name: str) -> str:
        lower, upper = row[f"{name}_exponent_lower"], row[f"{name}_exponent_upper"]
        return f"C^{row[f'{name}_exponent']:.2f} ({interval(lower, upper, '{:.2f}'.format)})"

    return (
        f"With compute, the best size grows as {power('params')} and its tokens as "
        f"{power('tokens')}; {percent(ci_prob)} intervals."
    )
