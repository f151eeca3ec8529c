"""``bayesscale compare``: which law the runs support, and how strongly."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._arguments import number
from bayesscale._python import Name, call
from bayesscale.cli.options import FACTOR, given, reading_options, runs_argument, sampling_options
from bayesscale.cli.output import Command, Output, command, describe, describe_runs
from bayesscale.cli.own_law import get_law

OPTION = "--laws"


class _SeveralLaws(Command):
    """A command whose ``--laws`` takes all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread, naming = [], False
        named = any(word == OPTION or word.startswith(f"{OPTION}=") for word in args)
        for word in args:
            if word.startswith(f"{OPTION}="):
                naming, word = True, word.removeprefix(f"{OPTION}=")
            elif word.startswith("-"):
                naming = word == OPTION
                spread += [] if naming else [word]
                continue
            names = [name for name in word.split(",") if name]
            spread += [item for name in names for item in (OPTION, name)] if naming else [word]
        if named and OPTION not in spread:
            raise click.UsageError(f"{OPTION} names no law: write {OPTION} kaplan chinchilla.", ctx)
        return super().parse_args(ctx, spread)


@command(
    "compare", cls=_SeveralLaws, examples="bayesscale compare runs.csv --laws kaplan chinchilla",
    short_help="Weigh laws against each other.",
)  # fmt: skip
@runs_argument
@click.option(
    OPTION, "laws", multiple=True, show_default="kaplan chinchilla unified", metavar="NAME ...",
    help="Laws to compare, at least two; one of your own as my_law.py:MyLaw.",
)  # fmt: skip
@click.option(
    "--factor", type=FACTOR, default=10.0, show_default=True,
    help="Runs within this factor of the largest compute are held out and predicted.",
)  # fmt: skip
@click.option(
    "--prior-grid/--no-prior-grid", default=None,
    help="Whether to repeat the evidence under narrower and wider priors; by default where the "
    "verdict may rest on them.",
)  # fmt: skip
@sampling_options(
    "noise", "discrepancy", "draws", "tune", "chains", "target_accept", "random_seed"
)  # fmt: skip
@reading_options
def compare_command(
    out: Output, runs: Path, laws: tuple[str, ...], reading: dict[str, Any],
    sampling: dict[str, Any], factor: float, prior_grid: bool | None,
) -> None:  # fmt: skip
    """Say which law the RUNS of a table support, how strongly, and whether the prior decides.

    Laws are compared with drift and, beside it, assumed exact; with --discrepancy none, only so.
    """
    laws = tuple(dict.fromkeys(laws))
    if len(laws) == 1:
        raise click.UsageError(f"--laws takes at least two different laws, but got {laws[0]}.")
    chosen = {**({"laws": [get_law(law) for law in laws]} if laws else {}), **sampling}
    chosen["discrepancies"] = [chosen.pop("discrepancy", "drift")]
    table = out.read(runs, reading)
    number("factor", factor, above=1)  # before the fits, which take longer
    fits = bs.fit_laws(table, **chosen, progress=out.progress)
    chosen["random_seed"] = next(iter(fits.values())).sampling.random_seed
    asked = given({"factor": factor, "prior_grid": prior_grid})
    comparison = bs.compare(fits, **asked, progress=out.progress)
    out.ran(
        call("fits = bs.fit_laws", Name("runs"), **chosen),
        call("c = bs.compare", Name("fits"), **asked),
    )
    out.tell(comparison.sections())
    document = {"runs": describe_runs(table), **describe(comparison)}
    document["sensitivity"] = comparison.sensitivity and describe(comparison.sensitivity)
    out.finish(document, comparison)
