"""``bayesscale quickstart``: from a table of runs to a forecast and figures, tested on the way."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale._files import check_writable
from bayesscale._format import flops as write_flops
from bayesscale._format import interval, si_count
from bayesscale.cli import document
from bayesscale.cli.allocate import tell_allocation
from bayesscale.cli.destination import make_folder
from bayesscale.cli.figures import FIGURES, draw_figures
from bayesscale.cli.fit import tell_parameters
from bayesscale.cli.hold_out import RUNS_PER_UNKNOWN, HoldOut, hold_out_largest
from bayesscale.cli.output import Output, json_option, loss, percent, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import read, reading_options
from bayesscale.cli.sampling import sampling_options
from bayesscale.errors import BayesScaleError, ExtrapolationWarning

if TYPE_CHECKING:
    from bayesscale.inference.result import Fit
    from bayesscale.runs import Runs

CI_PROB = 0.9
BEYOND = (10, 100)
"""Budgets to plan for, as multiples of the largest compute among the runs."""


@click.command("quickstart", short_help="Fit, test and plan, from a table of runs.")
@click.argument("runs", type=click.Path(path_type=Path), required=False)
@sampling_options("law", "random_seed")
@click.option(
    "--hold-out", type=click.FloatRange(1, min_open=True), default=10.0, show_default=True,
    help="Test on the runs within this factor of the largest compute.",
)  # fmt: skip
@click.option(
    "--output-dir", type=click.Path(path_type=Path), default="bayesscale-quickstart",
    show_default=True, help="Folder for the figures and the fit; made if need be.",
)  # fmt: skip
@json_option
@reading_options
def quickstart_command(
    runs: Path | None,
    reading: dict[str, Any],
    sampling: dict[str, Any],
    hold_out: float,
    output_dir: Path,
    as_json: bool,
) -> None:
    """Fit the RUNS of a table, test the fit on the largest, and plan ten and a hundred times more.

    Writes the figures loss and allocation (.png and .svg) and the posterior, fit.nc.
    """
    if runs is None:
        raise click.UsageError(
            "RUNS is missing: no example ladder comes with bayesscale yet. Give a table with one "
            "training run a row and columns for its parameters, tokens and final loss: "
            "bayesscale quickstart runs.csv"
        )
    with telling(as_json=as_json) as out:
        # With a seed, what is shown to a colleague can be had again.
        sampling = {"law": "unified", "random_seed": 0, **sampling}
        unknowns = _unknowns(sampling["law"])
        table, python = read(runs, reading)
        make_folder(output_dir)
        for name in ("fit.nc", *FIGURES):
            check_writable(output_dir / name)

        out.ran(python)
        out.head("The runs")
        out.say(repr(table))
        test = _test(out, table, sampling, factor=hold_out, unknowns=unknowns)
        fit = _fit_all(out, table, sampling, output_dir / "fit.nc")
        plan = _plan(out, fit)
        budgets = plan["budgets"]
        draw_figures(output_dir, fit=fit, test=test, ci_prob=CI_PROB, flops_max=budgets[-1])

        out.say(f"\nWritten to {output_dir}: fit.nc, {', '.join(FIGURES)}")
        out.finish(
            {
                **document.of_fit(fit),
                "ci_prob": CI_PROB,
                "summary": document.records(fit.summary(ci_prob=CI_PROB)),
                "hold_out": test and test.as_document(),
                **plan,
                "files": [output_dir / name for name in ("fit.nc", *FIGURES)],
            },
            fit,
            *([test.fit] if test else []),
        )


def _unknowns(name: str) -> int:
    """Count the unknowns of a law, which must have something to plan."""
    from bayesscale.laws import LAWS, get_law

    law = get_law(name)
    if not {"params", "tokens"} <= set(law.inputs):
        fit_for_it = [k for k, v in LAWS.items() if {"params", "tokens"} <= set(v.inputs)]
        raise click.UsageError(
            f"The law {name!r} depends on {law.inputs[0]} alone, and has no compute to split. "
            f"Choose one of {', '.join(fit_for_it)}, or use 'bayesscale fit'."
        )
    return len(law.coordinates)


def _test(
    out: Output, runs: "Runs", sampling: dict[str, Any], *, factor: float, unknowns: int
) -> HoldOut | None:
    import bayesscale as bs

    out.head("Does the law foresee larger runs?")
    split = hold_out_largest(runs, factor=factor, unknowns=unknowns)
    if split is None:
        out.say(
            f"Not tested: fewer than {RUNS_PER_UNKNOWN * unknowns} runs would remain below "
            f"1/{factor:g} of the largest compute. A smaller --hold-out leaves more."
        )
        return None
    small, large = split
    try:
        fit = bs.fit(small, **sampling)
    except BayesScaleError as error:  # all runs together may do
        out.say(f"Not tested: the {len(small)} smaller runs cannot be fitted alone. {error}")
        return None
    test = HoldOut.of(fit, large, ci_prob=CI_PROB)
    if not test.fit.passed:
        out.checks(test.fit, what="fit of the smaller runs")
    test.tell(out)
    asked = ["params", "tokens", *(["loss_se"] if large.loss_se is not None else [])]
    out.ran(
        call("small, large = runs.split_by_compute", factor=factor),
        call("test = bs.fit", Name("small"), **sampling),
        call("bs.extrapolate", Name("test"), **{name: Name(f"large.{name}") for name in asked}),
    )
    return test


def _fit_all(out: Output, runs: "Runs", sampling: dict[str, Any], path: Path) -> "Fit":
    import bayesscale as bs

    fit = bs.fit(runs, **sampling)
    fit.save(path)
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
