"""``bayesscale report``: everything that a fit says, in one HTML file."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import check_output, is_sealed
from bayesscale._python import Name, call, literal
from bayesscale._sections import Paragraph
from bayesscale.cli import options
from bayesscale.cli.output import Output, command, describe

EXAMPLES = """
bayesscale report runs.csv --flops 1e24
bayesscale report fit.nc -o plan.html --title "Next run"
"""


@command("report", examples=EXAMPLES, short_help="Write the whole analysis as one HTML file.")
@click.argument("source", metavar="RUNS|FIT", type=options.PATH)
@options.sizes_option(
    "--flops", "Budget to answer for, FLOP, e.g. 1e24; repeatable.", into="budgets"
)
@options.hold_out_option("10")
@options.terms_options
@options.losses_in_option
@options.machine_option
@click.option("--title", help="Title of the report.")
@click.option("--question", help="The question that it answers.")
@options.output_option("Where to write it.", default="report.html", show_default=True)
@options.sampling_options()
@options.ci_prob_option
@options.force_option
@options.reading_options
def report_command(
    out: Output, source: Path, reading: dict[str, Any], sampling: dict[str, Any],
    budgets: list[float], hold_out: float | None, terms: Any, unit: Any, machine: Any,
    title: str | None, question: str | None, output: Path, ci_prob: float, force: bool,
) -> None:  # fmt: skip
    """Write a report of a table of RUNS, which is fitted and back-tested, or of a saved FIT."""
    saved = source.is_file() and is_sealed(source)
    wrong = [*reading, *(name for name in sampling if name != "law")] if saved else []
    if wrong:
        raise click.UsageError(
            f"'{source}' is a saved fit, to which options for reading a table and for sampling do "
            f"not apply: {', '.join(wrong)}."
        )
    check_output(output, inputs=[source], force=force)
    for_what = options.given({"flops": budgets, "terms": terms})
    level: dict[str, Any] = {} if ci_prob == 0.9 else {"ci_prob": ci_prob}
    asked = options.given({"title": title, "question": question, "unit": unit}) | level
    asked |= options.given({"machine": machine})
    source_of: Any
    if machine is not None:
        out.ran(f"machine = {literal(machine)}")
    if saved:
        source_of = out.load(source, sampling.get("law"))
        asked |= {"fit": source_of, **for_what}
    else:
        table = out.read(source, reading)
        for_plan = {**sampling, **options.given({"hold_out": hold_out}), **for_what, **level}
        source_of = bs.plan(table, **for_plan, progress=out.progress)
        repeatable = for_plan | {"random_seed": source_of.fit.sampling.random_seed}
        out.ran(call("plan = bs.plan", Name("runs"), **repeatable))
        asked["plan"] = source_of
    named = asked | {k: Name(k) for k in ("fit", "plan", "machine") if k in asked}
    again = {"overwrite": True} if force else {}
    written = call("bs.report", output, **named, **again)
    bs.report(output, **asked, commands=[*out.python, written], overwrite=force)
    out.ran(written)
    answer = source_of.sections() if saved else [source_of.verdict, *source_of.advice(unit)]
    out.tell([*answer, Paragraph(f"Written to {output}.")])
    fit = source_of if saved else source_of.fit
    out.finish({**describe(fit), "output": output}, source_of)
