"""Options that say how to read a table of runs, shared by the commands that take one."""

from collections.abc import Callable
from typing import Any

import click

from bayesscale.cli.options import Read, by_name, gathered


def _pair(name: str, example: str) -> Read[tuple[str, str]]:
    """Make the type of two texts with an equals sign between them."""

    def read(value: str) -> tuple[str, str]:
        left, equals, right = value.partition("=")
        if not (left.strip() and equals):
            raise click.BadParameter(f"{value!r} is not {name}, such as {example}.")
        return left.strip(), right.strip()

    return Read(name, read)


def _number_or_column(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _column(option: str, what: str, name: str | None = None, **settings: Any) -> Callable:
    names = (option,) if name is None else (option, name)
    return click.option(*names, metavar="COL", help=f"Column {what}.", **settings)


_OPTIONS: dict[str, Callable] = {
    "params": _column("--params-column", "of the parameters", "params"),
    "tokens": _column(
        "--tokens-column", "of the training tokens, or a product: 'steps * 512 * seq_len'", "tokens"
    ),
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
        help="nats/token, bits/token, bits/byte, bits/character or perplexity.",
    ),
    "bytes_per_token": click.option(
        "--bytes-per-token", type=_number_or_column, metavar="NUMBER|COL",
        help="Mean bytes in a token, for bits/byte; their column where tokenizers are mixed.",
    ),
    "units": click.option(
        "--unit", "units", type=_pair("NAME=UNIT", "params=M"), multiple=True,
        callback=by_name("two units for one column."),
        help="What one in a column is: params=M, tokens=B, tokens=log10, flops=PFLOP-days; "
        "repeatable.",
    ),
    "inputs": click.option(
        "--input", "inputs", type=_pair("NAME=COL", "experts=n_experts"), multiple=True,
        callback=by_name("two columns for one input."),
        help="Further input of a law and its column; repeatable.",
    ),
    "where": click.option(
        "--where", metavar="CONDITION", multiple=True,
        help="Keep only rows that meet it: corpus=c4, 'loss < 8', 'size in 70m, 160m', with =, "
        "!=, <, <=, >, >= or in; repeatable.",
    ),
    "reading": click.option(
        "--reading", metavar="NAME", help="Of several rows a run: last, best or mean."
    ),
    "drop_incomplete": click.option(
        "--drop-incomplete", is_flag=True, default=None,
        help="Leave out rows that lack a number, and name them.",
    ),
    "params_from": _column("--params-from", "of names that hold the parameters: pythia-160m"),
    "decimal": click.option(
        "--decimal", metavar="SIGN", show_default=".", help="Decimal sign in text: . or ,"
    ),
}  # fmt: skip


reading_options = gathered("reading", _OPTIONS)
"""Adds the options; the command receives those that were given as ``reading``."""
