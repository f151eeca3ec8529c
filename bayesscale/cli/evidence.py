"""``bayesscale evidence``: the log evidence of saved fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._sections import Heading, Table
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import own_law_option
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_fit


@click.command(
    "evidence", cls=Grouped, examples="bayesscale evidence kaplan.nc chinchilla.nc",
    short_help="Compute the log evidence of saved fits.",
)  # fmt: skip
@click.argument("fits", metavar="FIT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@own_law_option
@output_options
def evidence_command(fits: tuple[Path, ...], law: Any, as_json: bool, strict: bool) -> None:
    """Compute the log evidence of saved FITs; of the same runs, differences are Bayes factors."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, found = [], {}
        for path in fits:
            fit, python = load_fit(path, law)
            out.ran(python, call("e = bs.evidence", Name("fit")))
            loaded.append(fit)
            found[str(path)] = bs.evidence(fit)
        same = len({fit.runs.fingerprint for fit in loaded}) == 1
        best = max(e.log_evidence for e in found.values())
        rows = [
            [path, fit.law.name, f"{e.log_evidence:.2f} ± {e.mcse:.2f}"]
            + ([f"{e.log_evidence - best:.2f}"] if same else [])
            for (path, e), fit in zip(found.items(), loaded, strict=True)
        ]
        titles = ["fit", "law", "ln evidence, nats", *(["ln BF"] if same else [])]
        note = "± is the Monte Carlo error." + (
            " ln BF: below the best of these fits." if same
            else " The fits are of different runs: do not compare them."
        )  # fmt: skip
        out.tell([Heading("Evidence"), Table(titles, rows, note)])
        told = {
            path: {"log_evidence": e.log_evidence, "mcse": e.mcse, "method": e.method}
            for path, e in found.items()
        }
        out.finish({"evidence": told, "same_runs": same}, *loaded)
