"""Options that say how to read a table of runs, shared by the commands that take one."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale.cli.python import call

if TYPE_CHECKING:
    from bayesscale.runs import Runs


class _Condition(click.ParamType):
    """``COLUMN=VALUE``."""

    name = "COLUMN=VALUE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, str]:
        if isinstance(value, tuple):  # click converts defaults a second time
            return value
        column, equals, wanted = value.partition("=")
        if not (column.strip() and equals):
            self.fail(f"{value!r} is not COLUMN=VALUE, such as corpus=c4.", param, ctx)
        return column.strip(), wanted.strip()


def _by_column(
    ctx: click.Context, param: click.Parameter, value: Sequence[tuple[str, str]]
) -> dict[str, str]:
    where = dict(value)
    if len(where) < len(value):
        raise click.BadParameter("two values for one column: no row has both.", ctx, param)
    return where


def _column(option: str, what: str, name: str | None = None, **settings: Any) -> Callable:
    names = (option,) if name is None else (option, name)
    return click.option(*names, metavar="COL", help=f"Column {what}.", **settings)


_OPTIONS: dict[str, Callable] = {
    "params": _column("--params", "of the parameters"),
    "tokens": _column("--tokens", "of the training tokens"),
    "loss": _column("--loss", "of the final loss"),
    "flops": _column("--flops", "of the training compute, FLOP"),
    "loss_se": _column("--loss-se", "of the losses' standard errors"),
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
    "where": click.option(
        "--where", type=_Condition(), multiple=True, callback=_by_column,
        help="Keep only the rows with this value in this column; repeatable.",
    ),
}  # fmt: skip


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options; the command receives those that were given as ``reading``."""

    @functools.wraps(command)
    def with_reading(**options: Any) -> None:
        chosen = {name: options.pop(name) for name in _OPTIONS}
        command(**options, reading={k: v for k, v in chosen.items() if v not in (None, (), {})})

    for option in reversed(_OPTIONS.values()):
        with_reading = option(with_reading)
    return with_reading


def read(path: Path, reading: Mapping[str, Any]) -> "tuple[Runs, str]":
    """Read runs as the options say.

    Parameters
    ----------
    path
        The table.
    reading
        The options that were given: arguments of ``read_runs``.

    Returns
    -------
    tuple
        The runs, and the Python that reads them.

    Raises
    ------
    BayesScaleError
        If the table cannot be read or trusted.
    """
    import bayesscale as bs

    return bs.read_runs(path, **reading), call("runs = bs.read_runs", path, **reading)
