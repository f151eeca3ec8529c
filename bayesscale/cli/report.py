"""``bayesscale report``: everything that a fit says, in one HTML file."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import check_output
from bayesscale._sections import Paragraph
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import (
    ci_prob_option,
    force_option,
    given_option,
    losses_in_option,
    machine_option,
    quiet_option,
    sampling_options,
    sizes_option,
)
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, is_saved, load_saved
from bayesscale.cli.reading import reading_options

EXAMPLES = """
bayesscale report runs.csv --flops 1e24
bayesscale report fit.nc -o plan.html --title "Next run"
"""


@click.command(
    "report", cls=Grouped, examples=EXAMPLES, short_help="Write one HTML file that says it all."
)
@click.argument("source", metavar="RUNS|FIT", type=click.Path(path_type=Path))
@sizes_option("--flops", "Budget to answer for, FLOP, e.g. 1e24; repeatable.", into="budgets")
@click.option(
    "--hold-out", type=click.FloatRange(1, min_open=True), default=10.0, show_default=True,
    help="Of a table: test on the runs within this factor of the largest compute.",
)  # fmt: skip
@given_option
@losses_in_option
@machine_option
@click.option("--title", help="Title of the report.")
@click.option("--question", help="The question that it answers.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default="report.html", show_default=True,
    help="Where to write it.",
)  # fmt: skip
@sampling_options()
@ci_prob_option
@force_option
@output_options
@quiet_option
@reading_options
def report_command(
    source: Path, reading: dict[str, Any], sampling: dict[str, Any], budgets: list[float],
    hold_out: float, given: dict[str, float], unit: Any, machine: Any, title: str | None,
    question: str | None, output: Path, ci_prob: float, force: bool, **voice: bool,
) -> None:  # fmt: skip
    """Write a report of a table of RUNS, which is fitted and back-tested, or of a saved FIT."""
    saved = is_saved(source)
    wrong = [*reading, *(name for name in sampling if name != "law")] if saved else []
    if wrong:
        raise click.UsageError(
            f"'{source}' is a saved fit, to which options for reading a table and for sampling do "
            f"not apply: {', '.join(wrong)}."
        )
    with telling(**voice) as out:
        check_output(output, inputs=[source], force=force)
        told = {"title": title, "question": question, "unit": unit}
        for_what = {"flops": budgets, "given": given}
        for_what = {k: v for k, v in for_what.items() if v}
        asked: dict[str, Any] = {k: v for k, v in told.items() if v is not None}
        level = {} if ci_prob == 0.9 else {"ci_prob": ci_prob}
        asked |= level
        of: Any
        if machine is not None:
            out.ran(call("machine = bs.Machine", **document.of_machine(machine)))
            asked["machine"] = machine
        if saved:
            of, python = load_saved(source, sampling.get("law"))
            out.ran(python)
            asked |= {"fit": of, **for_what}
        else:
            table = out.read(source, reading)
            for_plan: dict[str, Any] = {
                **sampling, "hold_out": hold_out, **for_what, **level
            }  # fmt: skip
            of = bs.plan(table, **for_plan, progress=out.progress)
            repeatable = for_plan | {"random_seed": of.fit.sampling.random_seed}
            out.ran(call("plan = bs.plan", Name("runs"), **repeatable))
            asked["plan"] = of
        named = asked | {k: Name(k) for k in ("fit", "plan", "machine") if k in asked}
        again = {"overwrite": True} if force else {}
        written = call("bs.report", output, **named, **again)
        bs.report(output, **asked, commands=[*out.python, written], overwrite=force)
        out.ran(written)
        answer = of.sections() if saved else [of.verdict, *of.advice(unit)]
        out.tell([*answer, Paragraph(f"Written to {output}.")])
        fit = of if saved else of.fit
        out.finish({**document.of_saved(fit), "output": output}, of)
