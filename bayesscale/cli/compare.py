"""``bayesscale compare``: which law the runs support, and how strongly."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._arguments import number
from bayesscale._format import list_some
from bayesscale._sections import Paragraph
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import quiet_option, sampling_options
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.own_law import get_law
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import reading_options

LAWS = ("kaplan", "chinchilla", "unified")
OPTION = "--laws"


class _SeveralLaws(Grouped):
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


EXAMPLES = """
bayesscale compare runs.csv --laws kaplan chinchilla
"""


@click.command(
    "compare", cls=_SeveralLaws, examples=EXAMPLES, short_help="Weigh laws against each other."
)
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    OPTION, "laws", multiple=True, default=LAWS, show_default=" ".join(LAWS), metavar="NAME ...",
    help="Laws to compare, at least two; one of your own as my_law.py:MyLaw.",
)  # fmt: skip
@click.option(
    "--factor", type=click.FloatRange(1, min_open=True), default=10.0, show_default=True,
    help="Runs within this factor of the largest compute are held out and foreseen.",
)  # fmt: skip
@click.option("--smc", is_flag=True, help="Check each evidence by sequential Monte Carlo.")
@click.option(
    "--prior-grid/--no-prior-grid", default=None,
    help="Whether to repeat the evidence under narrower and wider priors; by default where the "
    "verdict may rest on them.",
)  # fmt: skip
@sampling_options(
    "noise", "discrepancy", "draws", "tune", "chains", "target_accept", "random_seed"
)  # fmt: skip
@output_options
@quiet_option
@reading_options
def compare_command(
    runs: Path, laws: tuple[str, ...], reading: dict[str, Any], sampling: dict[str, Any],
    factor: float, smc: bool, prior_grid: bool | None, **voice: bool,
) -> None:  # fmt: skip
    """Say which law the RUNS of a table support, how strongly, and whether the prior decides.

    Without --discrepancy, every law is compared as it stands and, beside it, with drift.
    """
    laws = tuple(dict.fromkeys(laws))
    if len(laws) < 2:
        told = ", ".join(laws)
        raise click.UsageError(f"--laws takes at least two different laws, but got {told}.")
    with telling(**voice) as out:
        chosen = {"laws": [get_law(law) for law in laws], **sampling}
        if "discrepancy" in chosen:
            chosen["discrepancies"] = [chosen.pop("discrepancy")]
        table = out.read(runs, reading)
        number("factor", factor, above=1)  # before the fits, which take longer
        fits = bs.fit_laws(table, **chosen, progress=out.progress)
        chosen["random_seed"] = next(iter(fits.values())).sampling.random_seed
        asked: dict[str, Any] = {"factor": factor} | ({"smc": True} if smc else {})
        asked |= {} if prior_grid is None else {"prior_grid": prior_grid}
        usable = {name: fit for name, fit in fits.items() if fit.convergence.passed}
        lost = [name for name in fits if name not in usable]
        found = bs.compare(usable, **asked, progress=out.progress)
        converged = "{k: fit for k, fit in fits.items() if fit.convergence.passed}"
        out.ran(
            call("fits = bs.fit_laws", Name("runs"), **chosen),
            call("c = bs.compare", Name(converged if lost else "fits"), **asked),
        )
        if lost:
            out.tell([Paragraph(f"Left out, not having converged: {list_some(lost)}.", "stop")])
        out.tell(found.sections())
        told = {"runs": document.of_runs(table), **document.of_comparison(found)}
        grid = found.sensitivity
        told["sensitivity"] = None if grid is None else document.of_sensitivity(grid)
        out.finish(told, found, *(fits[name] for name in lost))
