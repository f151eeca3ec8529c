"""Options that say how to read a table of runs, shared by the commands that take one."""

from collections.abc import Callable
from typing import Any

import click

from bayesscale.cli.options import by_name, gathered


class _Pair(click.ParamType):
    """Two texts with an equals sign between them."""

    def __init__(self, name: str, example: str) -> None:
        self.name = name
        self.example = example

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        if isinstance(value, tuple):  # click converts defaults a second time
            return value
        left, equals, right = value.partition("=")
        if not (left.strip() and equals):
            self.fail(f"{value!r} is not {self.name}, such as {self.example}.", param, ctx)
        return left.strip(), right.strip()


def _column(option: str, what: str, name: str | None = None, **settings: Any) -> Callable:
    names = (option,) if name is None else (option, name)
    return click.option(*names, metavar="COL", help=f"Column {what}.", **settings)


_OPTIONS: dict[str, Callable] = {
    "params": _column("--params-column", "of the parameters", "params"),
    "tokens": _column("--tokens-column", "of the training tokens", "tokens"),
    "loss": _column("--loss-column", "of the final loss", "loss"),
    "flops": _column("--flops-column", "of the training compute, FLOP", "flops"),
    "loss_se": _column("--loss-se-column", "of the losses' standard errors", "loss_se"),
    "seed": _column("--seed-column", "that tells replicates apart", "seed"),
    "group": _column("--group", "to keep as a label; repeatable", multiple=True),
    "cluster": _column("--cluster", "of the training run or sweep that rows are readings of"),
    "run_id": _column("--run-id", "that names the runs"),
    "params_non_embedding": _column("--params-non-embedding", "of the non-embedding parameters"),
    "param_count": click.option(
        "--param-count", metavar="NAME", show_default="total",
        help="What the parameters count: total, non_embedding or other.",
    ),
    "flop_rule": click.option(
        "--flop-rule", metavar="NAME", help="How compute counts: 6ND, 6ND_non_embedding or column."
    ),
    "loss_unit": click.option(
        "--loss-unit", metavar="NAME", show_default="nats/token",
        help="nats/token, bits/token or bits/byte.",
    ),
    "bytes_per_token": click.option(
        "--bytes-per-token", type=float, help="Mean bytes in a token, for bits/byte."
    ),
    "units": click.option(
        "--unit", "units", type=_Pair("NAME=UNIT", "params=M"), multiple=True,
        callback=by_name("two units for one column."),
        help="What one in a column is: params=M, tokens=B, flops=PFLOP-days; repeatable.",
    ),
    "inputs": click.option(
        "--input", "inputs", type=_Pair("NAME=COL", "experts=n_experts"), multiple=True,
        callback=by_name("two columns for one input."),
        help="Further input of a law and its column; repeatable.",
    ),
    "where": click.option(
        "--where", type=_Pair("COLUMN=VALUE", "corpus=c4"), multiple=True,
        callback=by_name("two values for one column: no row has both."),
        help="Keep only the rows with this value in this column; repeatable.",
    ),
}  # fmt: skip


reading_options = gathered("reading", _OPTIONS)
"""Adds the options; the command receives those that were given as ``reading``."""
