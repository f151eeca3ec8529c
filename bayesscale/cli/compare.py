"""``bayesscale compare``: which law the runs support, and how strongly."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale.cli import document
from bayesscale.cli.output import Output, json_option, telling
from bayesscale.cli.python import Name, call
from bayesscale.cli.reading import read, reading_options
from bayesscale.cli.sampling import sampling_options

if TYPE_CHECKING:
    from bayesscale.comparison.comparison import Comparison
    from bayesscale.comparison.sensitivity import PriorSensitivity

LAWS = ("kaplan", "chinchilla", "unified")
OPTION = "--laws"


class _SeveralLaws(click.Command):
    """A command whose ``--laws`` takes all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread, naming = [], False
        for word in args:
            if word.startswith(f"{OPTION}="):
                naming, word = True, word.removeprefix(f"{OPTION}=")
            elif word.startswith("-"):
                naming = word == OPTION
                spread += [] if naming else [word]
                continue
            names = [name for name in word.split(",") if name]
            spread += [item for name in names for item in (OPTION, name)] if naming else [word]
        return super().parse_args(ctx, spread)


@click.command("compare", cls=_SeveralLaws, short_help="Weigh laws against each other.")
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    OPTION, "laws", multiple=True, default=LAWS, show_default=" ".join(LAWS), metavar="NAME ...",
    help="Laws to compare, at least two.",
)  # fmt: skip
@click.option(
    "--factor", type=click.FloatRange(1, min_open=True), default=10.0, show_default=True,
    help="Runs within this factor of the largest compute are held out and foreseen.",
)  # fmt: skip
@click.option("--smc", is_flag=True, help="Check each evidence by sequential Monte Carlo.")
@click.option(
    "--sensitivity/--no-sensitivity", default=True, show_default=True,
    help="Whether to ask if the verdict holds under narrower and wider priors.",
)  # fmt: skip
@sampling_options(
    "noise", "discrepancy", "draws", "tune", "chains", "target_accept", "random_seed"
)  # fmt: skip
@json_option
@click.option("-q", "--quiet", is_flag=True, help="Tell of warnings and errors only.")
@reading_options
def compare_command(
    runs: Path,
    laws: tuple[str, ...],
    reading: dict[str, Any],
    sampling: dict[str, Any],
    factor: float,
    smc: bool,
    sensitivity: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say which law the RUNS of a table support, how strongly, and whether the prior decides.

    Without --discrepancy, every law is compared as it stands and, beside it, with drift.
    """
    laws = tuple(dict.fromkeys(laws))
    if len(laws) < 2:
        told = ", ".join(laws)
        raise click.UsageError(f"--laws takes at least two different laws, but got {told}.")
    with telling(as_json=as_json, quiet=quiet) as out:
        import bayesscale as bs
        from bayesscale.model.spec import specify

        table, python = read(runs, reading)
        out.ran(python)
        out.say(repr(table))
        progress = False if quiet else "auto"
        kinds = [sampling.pop("discrepancy")] if "discrepancy" in sampling else ["none", "drift"]
        models = {
            law if kind == "none" else f"{law} + {kind}": {"law": law, "discrepancy": kind}
            for kind in kinds
            for law in laws
        }
        for model in models.values():  # a name that is wrong shall not cost the fits before it
            specify(table, **model, **{k: v for k, v in sampling.items() if k == "noise"})
        fits = {}
        out.ran("fits = {}")
        for name, model in models.items():
            fits[name] = bs.fit(table, **model, **sampling, progress=progress)
            sampling["random_seed"] = fits[name].sampling.random_seed
            out.ran(call(f'fits["{name}"] = bs.fit', Name("runs"), **model, **sampling))
        asked: dict[str, Any] = {"factor": factor} | ({"smc": True} if smc else {})
        found = bs.compare(fits, **asked, progress=progress)
        out.ran(call("c = bs.compare", Name("fits"), **asked))
        out.head(f"Which law do the {len(table)} runs support?")
        tell_comparison(out, found)
        told = {
            "runs": document.of_runs(table),
            **document.of_comparison(found),
            "sensitivity": None,
        }
        if sensitivity:
            alike = list(models)[: len(laws)]  # as they stand, unless asked otherwise
            asked_priors = bs.prior_sensitivity({k: fits[k] for k in alike}, progress=progress)
            out.ran(f"s = bs.prior_sensitivity({{k: fits[k] for k in {alike}}})")
            out.head("Does it hold under other priors?")
            tell_sensitivity(out, asked_priors)
            told["sensitivity"] = document.of_sensitivity(asked_priors)
        out.finish(told, found)


def tell_comparison(out: Output, found: "Comparison") -> None:
    """Tell the criteria as a table, and what follows from them."""
    columns = [
        ("ln evidence", "log_evidence", lambda row: f"{row['log_evidence']:.2f}"),
        ("ln BF", "ln_bf", lambda row: f"{row['ln_bf']:.2f}"),
        ("probability", "probability", lambda row: f"{row['probability']:.3f}"),
        ("leave-one-out", "elpd", lambda row: _difference(row, "elpd")),
        ("largest compute", "largest", lambda row: _difference(row, "largest")),
    ]
    shown = [(title, write) for title, name, write in columns if name in found.summary]
    out.table(
        ["fit", *(title for title, _ in shown)],
        [
            [row["fit"], *(write(row) for _, write in shown)]
            for row in document.records(found.summary)
        ],
    )
    out.say("")
    out.say("In nats; the last two relative to the best, with their standard errors.\n")
    out.say(found.text)


def tell_sensitivity(out: Output, found: "PriorSensitivity") -> None:
    """Tell how the log Bayes factor moves with the priors, where it moves most."""
    grid = found.summary["ln_bf"].groupby("prior", sort=False)
    out.table(
        ["prior", f"ln BF of {found.pair[0]!r} over {found.pair[1]!r}, least", "most"],
        [[str(name), f"{values.min():.2f}", f"{values.max():.2f}"] for name, values in grid],
    )
    out.say("")
    out.say(found.text, style="bold")


def _difference(row: dict[str, Any], score: str) -> str:
    return f"{row[f'{score}_diff']:.1f} ± {row[f'{score}_diff_se']:.1f}"
