"""``bayesscale fit``, ``show`` and ``evidence``: saved posteriors, and what they hold."""

from pathlib import Path
from typing import Any, cast

import click

import bayesscale as bs
from bayesscale._files import check_output
from bayesscale._python import Name, call, literal
from bayesscale._sections import Heading, Paragraph, Table, records
from bayesscale.cli import options
from bayesscale.cli.output import Output, command, describe

EXAMPLES = """
bayesscale fit runs.csv --law chinchilla
bayesscale fit runs.csv --params-column n --unit params=M
"""


@command("fit", examples=EXAMPLES, short_help="Fit a law to a table of runs.")
@options.runs_argument
@options.sampling_options()
@options.output_option(
    "Where to save the posterior; an older saved fit is replaced.", default="fit.nc",
    show_default=True,
)  # fmt: skip
@options.force_option
@options.ci_prob_option
@options.reading_options
def fit_command(
    out: Output, runs: Path, reading: dict[str, Any], sampling: dict[str, Any], output: Path,
    force: bool, ci_prob: float,
) -> None:  # fmt: skip
    """Fit a law to the RUNS of a table: .csv, .parquet, .xlsx, .json, ..., or - for stdin."""
    check_output(output, inputs=[runs], force=force)
    table = out.read(runs, reading)  # before what samples is imported
    fit = bs.fit(table, **sampling, progress=out.progress)
    fit.save(output, overwrite=force)
    repeatable = {**sampling, "random_seed": fit.sampling.random_seed}
    out.record(
        call("fit = bs.fit", Name("runs"), **repeatable),
        call("fit.save", output, **({"overwrite": True} if force else {})),
        call("fit.summary", ci_prob=ci_prob),
    )
    out.show([*fit.sections(ci_prob=ci_prob), Paragraph(f"Saved as {output}.")])
    summary = records(fit.summary(ci_prob=ci_prob))
    document = {**describe(fit), "ci_prob": ci_prob, "summary": summary, "output": output}
    out.finish(document, fit)


@command("show", examples="bayesscale show fit.nc", short_help="Show a saved fit.")
@options.fit_argument
@options.own_law_option
@options.ci_prob_option
def show_command(out: Output, fit: Path, law: Any, ci_prob: float) -> None:
    """Show what a saved FIT or average holds, and whether it passed its checks."""
    loaded = out.load(fit, law)
    document = {"fit": fit, **describe(loaded)}
    if isinstance(loaded, bs.Average):
        out.show(loaded.sections())
    else:
        out.record(call("fit.summary", ci_prob=ci_prob))
        out.show(loaded.sections(ci_prob=ci_prob))
        document |= {"ci_prob": ci_prob, "summary": records(loaded.summary(ci_prob=ci_prob))}
    out.finish(document, loaded)


@command(
    "score", examples="bayesscale score fit.nc new.csv",
    short_help="Score a saved fit on new runs.",
)  # fmt: skip
@options.fit_argument
@options.runs_argument
@click.option("--no-refit", is_flag=True, help="Do not refit with the new runs.")
@options.own_law_option
@options.reading_options
def score_command(
    out: Output, fit: Path, runs: Path, reading: dict[str, Any], law: Any, no_refit: bool
) -> None:
    """Score a saved FIT on new RUNS of a table, and refit with them."""
    loaded, table = out.load(fit, law), out.read(runs, reading)
    refit = {"refit": False} if no_refit else {}
    score = bs.score(cast("bs.Fit", loaded), table, **refit, progress=out.progress)
    out.record(call("s = bs.score", Name("fit"), Name("runs"), **refit))
    out.show(score.sections())
    out.finish({"fit": fit, **describe(score), **describe(score.backtest)}, score, score.backtest)


@command(
    "average", examples="bayesscale average kaplan.nc chinchilla.nc -o average.nc",
    short_help="Average saved fits by how well they predict.",
)  # fmt: skip
@options.fits_argument
@click.option(
    "--by", type=click.Choice(["loo", "largest", "evidence"]), default="loo", show_default=True,
    help="Criterion of the weights: leave-one-out, the largest runs, or the evidence.",
)  # fmt: skip
@options.output_option("Where to save the average.", default="average.nc", show_default=True)
@options.force_option
@options.own_law_option
def average_command(
    out: Output, fits: tuple[Path, ...], by: str, output: Path, force: bool, law: Any
) -> None:
    """Average saved FITs of the same runs; predictions of losses accept the average."""
    check_output(output, inputs=fits, force=force)
    out.record("fits = {}")
    loaded: dict[str, Any] = {
        name: out.load(path, law, variable=f"fits[{literal(name)}]")
        for name, path in options.names_of(fits).items()
    }
    average = bs.average(loaded, by=by, progress=out.progress)
    average.save(output, overwrite=force)
    out.record(call("average = bs.average", Name("fits"), by=by), call("average.save", output))
    out.show([*average.sections(), Paragraph(f"Saved as {output}.")])
    out.finish({**describe(average), "output": output}, average)


@command(
    "evidence", examples="bayesscale evidence kaplan.nc chinchilla.nc",
    short_help="Compute the log evidence of saved fits.",
)  # fmt: skip
@options.fits_argument
@options.own_law_option
def evidence_command(out: Output, fits: tuple[Path, ...], law: Any) -> None:
    """Compute the log evidence of saved FITs; of the same runs, differences are Bayes factors."""
    loaded, evidences = [], {}
    for path in fits:
        loaded.append(out.load(path, law))
        evidences[str(path)] = bs.evidence(loaded[-1])
        out.record(call("e = bs.evidence", Name("fit")))
    same = len({fit.runs.fingerprint for fit in loaded}) == 1
    best = max(e.log_evidence for e in evidences.values())
    rows = [
        [path, fit.law.name, f"{e.log_evidence:.2f} ± {e.mcse:.2f}"]
        + ([f"{e.log_evidence - best:.2f}"] if same else [])
        for (path, e), fit in zip(evidences.items(), loaded, strict=True)
    ]
    titles = ["fit", "law", "ln evidence, nats", *(["ln BF"] if same else [])]
    note = "± is the Monte Carlo error." + (
        " ln BF: below the best of these fits." if same
        else " The fits are of different runs: do not compare them."
    )  # fmt: skip
    out.show([Heading("Evidence"), Table(titles, rows, note)])
    document = {
        path: {name: getattr(e, name) for name in ("log_evidence", "mcse")}
        for path, e in evidences.items()
    }
    out.finish({"evidence": document, "same_runs": same}, *loaded)
