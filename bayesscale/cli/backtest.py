"""``bayesscale backtest``: how well larger runs were foreseen by fits of smaller ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale.cli import document
from bayesscale.cli.output import Output, json_option, percent, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import read, reading_options
from bayesscale.cli.sampling import sampling_options

if TYPE_CHECKING:
    from bayesscale.backtesting.result import Backtest

NAMES = {"approach3": "Approach 3"}


@click.command("backtest", short_help="Test forecasts on the largest runs of a table.")
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    "--factor", type=click.FloatRange(1, min_open=True), default=10.0, show_default=True,
    help="Ratio of compute between cutoffs; a smaller one makes more folds.",
)  # fmt: skip
@click.option(
    "--folds", type=click.IntRange(1), show_default="all", help="At most so many cutoffs."
)
@sampling_options()
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Tell of warnings and errors only.")
@reading_options
def backtest_command(
    runs: Path,
    reading: dict[str, Any],
    sampling: dict[str, Any],
    factor: float,
    folds: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Fit the RUNS of a table below successive cutoffs in compute, and score what they foresaw.

    Compares with least squares and a bootstrap (Approach 3), and with persistence.
    """
    with telling(as_json=as_json, quiet=quiet) as out:
        import bayesscale as bs

        table, python = read(runs, reading)
        out.ran(python)
        out.say(repr(table))
        cutoffs = {"factor": factor} | ({} if folds is None else {"folds": folds})
        found = bs.backtest(table, **cutoffs, **sampling, progress=False if quiet else "auto")
        out.ran(
            call(
                "b = bs.backtest",
                Name("runs"),
                **cutoffs,
                **sampling | {"random_seed": found.random_seed},
            )
        )
        out.head(f"Does the law {found.law!r} foresee larger runs?")
        tell_backtest(out, found)
        out.finish({"runs": document.of_runs(table), **document.of_backtest(found)}, found)


def tell_backtest(out: Output, found: "Backtest") -> None:
    """Tell the folds and scores of a back-test as tables, and what follows from them."""
    from bayesscale._format import flops as write_flops

    for k, fold in zip(found.folds.index, document.records(found.folds), strict=True):
        out.say(
            f"Fold {k}: {fold['n_train']} runs up to {write_flops(fold['flops_train'])} foresee "
            f"{fold['n_test']} up to {fold['reach']:.3g}x as large."
        )
    out.say("")
    rows = []
    band = None
    for row in document.records(found.summary):
        first = row["band"] != band
        band = row["band"]
        rows.append(
            [
                band if first else "",
                str(row["n"]) if first else "",
                NAMES.get(row["method"], row["method"]),
                percent_of(row["cover50"]),
                percent_of(row["cover90"]),
                *(f"{100 * row[score]:.2f} %" for score in ("crps", "rmsle")),
                f"{100 * row['bias']:+.2f} %",
            ]
        )
    out.table(
        ["reach", "n", "method", f"in {percent(0.5)}", f"in {percent(0.9)}", "CRPS", "RMSLE",
         "bias"], rows,
    )  # fmt: skip
    out.say("")
    out.say(found.verdict, style="bold")
    out.say(found.comparison)
    if not found.passed:
        out.say(f"\n{found.failures}", style="bold red")
        for check in found.checks:
            if not check.passed:
                out.say(f"\n{check.text}")


def percent_of(share: float) -> str:
    """Write a share that was counted, without decimals."""
    return f"{100 * share:.0f} %"
