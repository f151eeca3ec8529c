"""``bayesscale quickstart``: from a table of runs to a forecast and figures, tested on the way."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale._files import check_output
from bayesscale._format import flops as write_flops
from bayesscale._format import interval, si_count
from bayesscale.cli import document
from bayesscale.cli.allocate import tell_allocation
from bayesscale.cli.backtest import tell_backtest
from bayesscale.cli.destination import make_folder
from bayesscale.cli.figures import FIGURES, draw_figures
from bayesscale.cli.fit import tell_parameters
from bayesscale.cli.output import Output, force_option, json_option, loss, percent, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import read, reading_options
from bayesscale.cli.sampling import sampling_options
from bayesscale.errors import BayesScaleError, ExtrapolationWarning, RunsError

if TYPE_CHECKING:
    from bayesscale.backtesting.result import Backtest
    from bayesscale.inference.result import Fit
    from bayesscale.laws import Law
    from bayesscale.runs import Runs

CI_PROB = 0.9
HOLD_OUT = 10.0
HOLD_OUT_OF_EXAMPLE = 2.0
"""The embedded ladder's top level of compute alone, which was trained for this."""
BEYOND = (10, 100)
"""Budgets to plan for, as multiples of the largest compute among the runs."""


@click.command("quickstart", short_help="Fit, test and plan, from a table of runs.")
@click.argument("runs", type=click.Path(path_type=Path), required=False)
@sampling_options("law", "random_seed")
@click.option(
    "--hold-out", type=click.FloatRange(1, min_open=True),
    help="Test on the runs within this factor of the largest compute.",
    show_default=f"{HOLD_OUT:g}; {HOLD_OUT_OF_EXAMPLE:g} on the example, its top level",
)  # fmt: skip
@click.option(
    "--output-dir", type=click.Path(path_type=Path), default="bayesscale-quickstart",
    show_default=True, help="Folder for the figures and the fit; made if need be.",
)  # fmt: skip
@force_option
@json_option
@reading_options
def quickstart_command(
    runs: Path | None,
    reading: dict[str, Any],
    sampling: dict[str, Any],
    hold_out: float | None,
    output_dir: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Fit the RUNS of a table, test the fit on the largest, and plan ten and a hundred times more.

    Without RUNS, those that come with bayesscale: small transformers trained on Python source.

    Writes the figures loss and allocation (.png and .svg) and the posterior, fit.nc.
    """
    if runs is None and reading:
        raise click.UsageError(
            f"There are options for reading a table ({', '.join(reading)}), but RUNS is missing. "
            "Give the table, with one training run a row, or leave them out to see the example."
        )
    with telling(as_json=as_json) as out:
        # With a seed, what is shown to a colleague can be had again.
        sampling = {"law": "unified", "random_seed": 0, **sampling}
        law = _law(sampling["law"])
        table, python = read(runs, reading) if runs else _example()
        if hold_out is None:
            hold_out = HOLD_OUT if runs else HOLD_OUT_OF_EXAMPLE
        make_folder(output_dir)
        for name in ("fit.nc", *FIGURES):
            check_output(output_dir / name, inputs=[runs] if runs else [], force=force)

        out.ran(python)
        out.head("The runs")
        out.say(repr(table))
        test = _test(out, table, sampling, law=law, factor=hold_out)
        fit = _fit_all(out, table, sampling, output_dir / "fit.nc", force=force)
        plan = _plan(out, fit)
        budgets = plan["budgets"]
        draw_figures(
            output_dir,
            fit=fit,
            tested=test and (test.fit, test.held_out),
            ci_prob=CI_PROB,
            flops_max=budgets[-1],
        )

        out.say(f"\nWritten to {output_dir}: fit.nc, {', '.join(FIGURES)}")
        out.finish(
            {
                **document.of_fit(fit),
                "ci_prob": CI_PROB,
                "summary": document.records(fit.summary(ci_prob=CI_PROB)),
                "hold_out": test
                and {**document.of_fit(test.fit), **document.of_backtest(test.found)},
                **plan,
                "files": [output_dir / name for name in ("fit.nc", *FIGURES)],
            },
            fit,
            *([test.fit] if test else []),
        )


@dataclass(frozen=True)
class _Test:
    """A back-test of one fold, with its fit."""

    fit: "Fit"
    held_out: "Runs"
    found: "Backtest"


def _example() -> "tuple[Runs, str]":
    """Load the embedded ladder; return it and the Python that does."""
    import bayesscale as bs

    return bs.load_example(), "runs = bs.load_example()"


def _law(name: str) -> "Law":
    """Find a law, which must have something to plan."""
    from bayesscale.laws import LAWS, get_law

    law = get_law(name)
    if not {"params", "tokens"} <= set(law.inputs):
        fit_for_it = [k for k, v in LAWS.items() if {"params", "tokens"} <= set(v.inputs)]
        raise click.UsageError(
            f"The law {name!r} depends on {law.inputs[0]} alone, and has no compute to split. "
            f"Choose one of {', '.join(fit_for_it)}, or use 'bayesscale fit'."
        )
    return law


def _test(
    out: Output, runs: "Runs", sampling: dict[str, Any], *, law: "Law", factor: float
) -> _Test | None:
    import bayesscale as bs
    from bayesscale.backtesting.folds import rolling_folds
    from bayesscale.backtesting.judge import judge

    out.head("Does the law foresee larger runs?")
    try:
        (fold,) = rolling_folds(runs, law, factor=factor, at_most=1)
    except RunsError as error:
        out.say(f"Not tested: {error}")
        return None
    try:
        fit = bs.fit(fold.small, **sampling)
    except BayesScaleError as error:  # all runs together may do
        out.say(f"Not tested: the {len(fold.small)} smaller runs cannot be fitted alone. {error}")
        return None
    found = bs.Backtest.of([judge(fit, fold)], law=law.name, random_seed=fit.sampling.random_seed)
    tell_backtest(out, found)
    out.ran(call("test = bs.backtest", Name("runs"), factor=factor, folds=1, **sampling))
    return _Test(fit, fold.large, found)


def _fit_all(
    out: Output, runs: "Runs", sampling: dict[str, Any], path: Path, *, force: bool
) -> "Fit":
    import bayesscale as bs

    fit = bs.fit(runs, **sampling)
    fit.save(path, overwrite=force)
    out.fit(fit)
    tell_parameters(out, fit, CI_PROB)
    out.ran(call("fit = bs.fit", Name("runs"), **sampling), call("fit.save", path))
    return fit


def _plan(out: Output, fit: "Fit") -> dict[str, Any]:
    import numpy as np

    import bayesscale as bs
    from bayesscale.forecast.cost import runs_cost

    budgets = [float(f"{times * fit.runs.flops.max():.0e}") for times in BEYOND]
    allocation = bs.allocate(fit, flops=budgets, ci_prob=CI_PROB)
    # One size has to be chosen before the truth is known: the best on average over the posterior.
    params = _two_digits(allocation.summary["best_bet_params"])
    tokens = _two_digits(runs_cost(fit.runs).tokens(np.array(params), np.array(budgets)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)  # allocate has told how far this is
        prediction = bs.extrapolate(fit, params=params, tokens=tokens, ci_prob=CI_PROB)

    out.head("What to train next")
    tell_allocation(out, allocation)
    out.say("")
    for budget, row in zip(budgets, document.records(prediction.summary), strict=True):
        out.say(
            f"With {write_flops(budget)}, train {si_count(row['params'])} parameters on "
            f"{si_count(row['tokens'])} tokens and expect a loss of {loss(row['loss'])} "
            f"({percent(CI_PROB)}: {interval(row['loss_lower'], row['loss_upper'], loss)}).",
            style="bold",
        )
    out.ran(
        call("bs.allocate", Name("fit"), flops=budgets),
        call("bs.extrapolate", Name("fit"), params=params, tokens=tokens),
    )
    return {
        "budgets": budgets,
        "allocation": document.of_answer(allocation),
        "extrapolation": document.of_answer(prediction),
    }


def _two_digits(values: Iterable[float]) -> list[float]:
    """Round sizes as a person would choose them."""
    return [float(f"{value:.2g}") for value in values]
