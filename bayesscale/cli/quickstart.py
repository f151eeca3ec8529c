"""``bayesscale quickstart``: from a table of runs to a plan and figures, tested on the way."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import check_output, make_folder
from bayesscale._python import Name, call, literal
from bayesscale._sections import Paragraph, records, words
from bayesscale.cli.document import describe
from bayesscale.cli.options import (
    PATH,
    force_option,
    hold_out_option,
    losses_in_option,
    machine_option,
    sampling_options,
    sizes_option,
    terms_options,
)
from bayesscale.cli.output import Output, command
from bayesscale.cli.reading import reading_options
from bayesscale.tell import files_in

HOLD_OUT_OF_EXAMPLE = 4.0
"""The embedded ladder's levels above 1e14 FLOP, which were trained for this."""


EXAMPLES = """
bayesscale quickstart
bayesscale quickstart runs.csv
"""


@command("quickstart", examples=EXAMPLES, short_help="Fit, test and plan, from a table of runs.")
@click.argument("runs", type=PATH, required=False)
@sampling_options()
@sizes_option("--flops", "Budget to plan for, FLOP, e.g. 1e24; repeatable.", into="budgets")
@terms_options
@hold_out_option(f"10; {HOLD_OUT_OF_EXAMPLE:g} on the example, its top levels")
@losses_in_option
@machine_option
@click.option(
    "-o", "--output-dir", type=PATH, default="bayesscale-quickstart",
    show_default=True, help="Folder for the figures and the fit; made if need be.",
)  # fmt: skip
@force_option
@reading_options
def quickstart_command(
    out: Output, runs: Path | None, reading: dict[str, Any], sampling: dict[str, Any],
    budgets: list[float], terms: Any, hold_out: float | None, unit: Any, machine: Any,
    output_dir: Path, force: bool,
) -> None:  # fmt: skip
    """Fit the RUNS of a table, test the fit on the largest, and plan ten and a hundred times more.

    Without RUNS, those that come with bayesscale: small transformers trained on Python source.

    Writes a report, report.html, its figures (loss.svg, allocation.svg, ...) and the posterior,
    fit.nc.
    """
    if runs is None and reading:
        raise click.UsageError(
            f"There are options for reading a table ({', '.join(reading)}), but RUNS is missing. "
            "Give the table, with one training run a row, or leave them out to see the example."
        )
    # With a seed, what is shown to a colleague can be had again.
    asked = {"law": "unified", "random_seed": 0, **sampling}
    test = hold_out if runs or hold_out else HOLD_OUT_OF_EXAMPLE
    asked |= {k: v for k, v in {"hold_out": test, "flops": budgets, "terms": terms}.items() if v}
    if runs:
        table = out.read(runs, reading, shown=False)
    else:
        table = bs.load_example()
        out.ran("runs = bs.load_example()")
    folder = make_folder(output_dir)
    path, posterior = folder / "report.html", folder / "fit.nc"
    for file in (path, posterior, *files_in(folder)):
        check_output(file, inputs=[runs] if runs else [], force=force)

    plan = bs.plan(table, **asked, progress=out.progress)
    plan.fit.save(posterior, overwrite=force)
    out.ran(
        call("plan = bs.plan", Name("runs"), **asked),
        call("plan.fit.save", posterior),
        "plan.summary",
    )
    out.tell(plan.sections())
    if machine is not None:
        out.ran(f"machine = {literal(machine)}")
    shown = {k: v for k, v in {"unit": unit, "machine": machine}.items() if v is not None}
    named = shown | ({"machine": Name("machine")} if machine is not None else {})
    written = call("bs.report", path, plan=Name("plan"), figures=folder, **named)
    bs.report(
        path, plan=plan, figures=folder, commands=[*out.python, written], overwrite=force, **shown
    )
    out.ran(written)
    files = [f for f in (path, posterior, *files_in(folder)) if f.exists()]
    out.tell([Paragraph(f"\nWritten to {folder}: {', '.join(f.name for f in files)}")])
    test = plan.test
    out.finish(
        {
            **describe(plan.host),
            "ci_prob": plan.ci_prob,
            "summary": records(plan.host.summary(ci_prob=plan.ci_prob)),
            "hold_out": test and describe(test),
            "budgets": plan.summary.index.tolist(),
            "allocation": plan.allocation and describe(plan.allocation),
            "extrapolation": describe(plan.prediction),
            "files": files,
        },
        plan,
        # again, for in a terminal the last screen is the first that is read
        last=f"{words(plan.advice(unit))}\nOpen {path} in a browser.",
    )
