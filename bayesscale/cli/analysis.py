"""``bayesscale quickstart`` and ``report``: the whole analysis, tested on the way."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import check_output, is_sealed, make_folder
from bayesscale._python import Name, call, literal
from bayesscale._sections import Paragraph, records
from bayesscale.cli import options
from bayesscale.cli.output import Output, command, describe
from bayesscale.tell import files_in

QUICKSTARTS = """
bayesscale quickstart
bayesscale quickstart runs.csv
"""


@command("quickstart", examples=QUICKSTARTS, short_help="Fit, test and plan, from a table of runs.")
@click.argument("runs", type=options.PATH, required=False)
@options.sampling_options()
@options.sizes_option("--flops", "Budget to plan for, FLOP, e.g. 1e24; repeatable.", into="budgets")
@options.terms_options
@options.hold_out_option("10, or as much as the runs allow")
@options.losses_in_option
@options.machine_option
@click.option(
    "-o", "--output-dir", type=options.PATH, default="bayesscale-quickstart",
    show_default=True, help="Folder for the figures and the fit; created if missing.",
)  # fmt: skip
@options.force_option
@click.option("-v", "--verbose", is_flag=True, help="Print the whole report.")
@options.reading_options
def quickstart_command(
    out: Output, runs: Path | None, reading: dict[str, Any], sampling: dict[str, Any],
    budgets: list[float], terms: Any, hold_out: float | None, unit: Any, machine: Any,
    output_dir: Path, force: bool, verbose: bool,
) -> None:  # fmt: skip
    """Fit the RUNS of a table, test the fit on the largest, and plan for ten times the compute.

    Without RUNS, the embedded ones are used: small transformers trained on Python source.

    Writes a report, report.html, its figures (loss.svg, allocation.svg, ...) and the posterior,
    fit.nc.
    """
    if runs is None and reading:
        raise click.UsageError(
            f"There are options for reading a table ({', '.join(reading)}), but RUNS is missing. "
            "Give the table, with one training run per row, or leave them out to see the example."
        )
    # With a seed, what is shown to a colleague is reproducible.
    arguments = {"law": "unified", "random_seed": 0, **sampling}
    arguments |= options.given({"hold_out": hold_out, "flops": budgets, "terms": terms})
    if runs:
        table = out.read(runs, reading, shown=False)
    else:
        table = bs.load_example()
        out.record("runs = bs.load_example()")
    folder = make_folder(output_dir)
    path, posterior = folder / "report.html", folder / "fit.nc"
    for file in (path, posterior, *files_in(folder)):
        check_output(file, inputs=[runs] if runs else [], force=force)

    plan = bs.plan(table, **arguments, progress=out.progress)
    plan.fit.save(posterior, overwrite=force)
    out.record(
        call("plan = bs.plan", Name("runs"), **arguments),
        call("plan.fit.save", posterior),
        "plan.summary",
    )
    answered = plan.in_unit(unit)
    out.show(answered.sections() if verbose else answered.answer())
    out.mark_shown(answered.sections())
    if machine is not None:
        out.record(f"machine = {literal(machine)}")
    shown = options.given({"unit": unit, "machine": machine})
    named = shown | ({"machine": Name("machine")} if machine is not None else {})
    written = call("bs.report", path, plan=Name("plan"), figures=folder, **named)
    bs.report(
        path, plan=plan, figures=folder, commands=[*out.python, written], overwrite=force, **shown
    )
    out.record(written)
    files = [f for f in (path, posterior, *files_in(folder)) if f.exists()]
    out.show([Paragraph(f"\nWritten to {folder}: {', '.join(f.name for f in files)}")])
    test = plan.test
    out.finish(
        {
            **describe(plan.reference),
            "ci_prob": plan.ci_prob,
            "summary": records(plan.reference.summary(ci_prob=plan.ci_prob)),
            "hold_out": test and describe(test),
            "budgets": plan.summary.index.tolist(),
            "allocation": plan.allocation and describe(plan.allocation),
            "extrapolation": describe(plan.prediction),
            "files": files,
        },
        plan,
        last=f"Open {path} in a browser.",
        python=verbose,
    )


REPORTS = """
bayesscale report runs.csv --flops 1e24
bayesscale report fit.nc -o plan.html --title "Next run"
"""


@command("report", examples=REPORTS, short_help="Write the whole analysis as one HTML file.")
@click.argument("source", metavar="RUNS|FIT", type=options.PATH)
@options.sizes_option("--flops", "Budget to plan for, FLOP, e.g. 1e24; repeatable.", into="budgets")
@options.hold_out_option("10")
@options.terms_options
@options.losses_in_option
@options.machine_option
@click.option("--title", help="Title of the report.")
@click.option("--question", help="Question below the title.")
@options.output_option("Where to write it.", default="report.html", show_default=True)
@options.sampling_options()
@options.ci_prob_option
@options.force_option
@options.reading_options
def report_command(
    out: Output, source: Path, reading: dict[str, Any], sampling: dict[str, Any],
    budgets: list[float], hold_out: float | None, terms: Any, output: Path, ci_prob: float,
    force: bool, **about: Any,
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
    arguments = options.given(about) | level
    subject: Any
    if "machine" in arguments:
        out.record(f"machine = {literal(arguments['machine'])}")
    if saved:
        subject = out.load(source, sampling.get("law"))
        arguments |= {"fit": subject, **for_what}
    else:
        table = out.read(source, reading)
        for_plan = {**sampling, **options.given({"hold_out": hold_out}), **for_what, **level}
        subject = bs.plan(table, **for_plan, progress=out.progress)
        repeatable = for_plan | {"random_seed": subject.fit.sampling.random_seed}
        out.record(call("plan = bs.plan", Name("runs"), **repeatable))
        arguments["plan"] = subject
    named = arguments | {k: Name(k) for k in ("fit", "plan", "machine") if k in arguments}
    again = {"overwrite": True} if force else {}
    written = call("bs.report", output, **named, **again)
    bs.report(output, **arguments, commands=[*out.python, written], overwrite=force)
    out.record(written)
    answer = subject.sections() if saved else [subject.verdict, *subject.advice(about["unit"])]
    out.show([*answer, Paragraph(f"Written to {output}.")])
    fit = subject if saved else subject.fit
    out.finish({**describe(fit), "output": output}, subject)
