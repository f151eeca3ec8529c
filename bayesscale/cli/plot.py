"""``bayesscale plot``: pictures of saved fits."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import MADE_BY, atomic_write, check_output
from bayesscale._sections import Paragraph
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import (
    ci_prob_option,
    force_option,
    given_option,
    losses_in_option,
    own_law_option,
    sizes_option,
)
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, load_saved

KINDS = {
    "loss": "loss against compute, with what is extrapolated",
    "allocation": "best parameters and tokens against compute",
    "isoflops": "loss against parameters at fixed compute",
    "contour": "loss over parameters and tokens, of one fit",
    "residuals": "what the laws miss, by parameters, tokens and compute",
    "predictive-check": "runs beside ladders that the model makes",
    "priors": "from prior to posterior",
    "pairs": "published letters two by two",
    "power-laws": "laws of one variable side by side",
}

SUFFIXES = (".png", ".svg", ".pdf")

EXAMPLES = """
bayesscale plot loss fit.nc
bayesscale plot allocation kaplan.nc chinchilla.nc --label Kaplan --label Chinchilla --quantity params
bayesscale plot isoflops fit.nc --flops 1e21,1e22 --medium slide --theme dark -o iso.png
"""  # noqa: E501


@click.command("plot", cls=Grouped, examples=EXAMPLES, short_help="Draw a picture of saved fits.")
@click.argument("kind", metavar="KIND", type=click.Choice(list(KINDS)))
@click.argument("fits", metavar="FIT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--label", "labels", multiple=True, help="Name of each fit, in order; repeatable.")
@sizes_option("--flops", "Budgets of slices, FLOP.")
@click.option("--flops-max", type=float, help="End of the compute axis, FLOP.")
@click.option(
    "--quantity", type=click.Choice(["both", "params", "tokens", "tokens_per_param"]),
    help="What allocation shows.",
)  # fmt: skip
@click.option("--landmarks", is_flag=True, default=None, help="Show published models, too.")
@losses_in_option
@given_option
@own_law_option
@ci_prob_option
@click.option("--medium", type=click.Choice(["paper", "slide"]), default="paper",
              show_default=True, help="What it is for.")  # fmt: skip
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
              help="Ground.")  # fmt: skip
@click.option("--columns", type=click.IntRange(1, 2), default=1, show_default=True,
              help="Columns of a paper that it spans.")  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), show_default="KIND.png",
    help="Where to write it: .png, .svg or .pdf.",
)  # fmt: skip
@force_option
@output_options
def plot_command(
    kind: str, fits: tuple[Path, ...], labels: tuple[str, ...], output: Path | None, force: bool,
    law: Any, ci_prob: float, medium: Any, theme: Any, columns: Any, as_json: bool, strict: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Draw a picture of one saved FIT, or of several on one picture.

    \b
    loss              loss against compute, with what is extrapolated
    allocation        best parameters and tokens against compute
    isoflops          loss against parameters at fixed compute
    contour           loss over parameters and tokens, of one fit
    residuals         what the laws miss, by parameters, tokens and compute
    predictive-check  runs beside ladders that the model makes
    priors            from prior to posterior
    pairs             published letters two by two
    power-laws        laws of one variable side by side
    """  # noqa: D301
    output = output or Path(f"{kind}.png")
    if output.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"'{output}' must end in {', '.join(SUFFIXES)}.")
    name = f"plot_{kind.replace('-', '_')}"
    draw = getattr(bs, name)
    takes = inspect.signature(draw).parameters
    asked = {k: v for k, v in options.items() if v not in (None, [], (), {})}
    if "ci_prob" in takes and ci_prob != 0.9:
        asked["ci_prob"] = ci_prob
    wrong = [k for k in asked if k not in takes]
    if wrong:
        told = ", ".join(_option(k) for k in wrong)
        raise click.UsageError(f"{told}: not for {kind}.")
    if labels and len(labels) != len(fits):
        raise click.UsageError(f"{len(labels)} labels for {len(fits)} fits: give one for each.")
    if len(set(labels)) < len(labels):
        raise click.UsageError("Two labels are the same.")
    with telling(as_json=as_json, strict=strict) as out:
        check_output(output, inputs=fits, force=force)
        several = len(fits) > 1 or bool(labels) or kind == "power-laws"
        names = labels or _names(fits)
        loaded = {}
        for label, path in zip(names, fits, strict=True):
            loaded[label], python = load_saved(path, law)
            variable = f"fits[{label!r}]" if several else "fit"
            out.ran(*(["fits = {}"] if several and len(loaded) == 1 else []),
                    python.replace("fit = ", f"{variable} = ", 1))  # fmt: skip
        of = loaded if several else next(iter(loaded.values()))
        style = {"medium": medium, "theme": theme, "columns": columns}
        with bs.plot_style(medium, theme=theme, columns=columns):
            drawn = draw(of, **asked)
            figure = getattr(drawn, "figure", None) or drawn
            with atomic_write(output) as temporary:
                figure.savefig(temporary, metadata={"Creator": MADE_BY})
        out.ran(
            call("with bs.plot_style", **style) + ":",
            f"    drawn = {call(f'bs.{name}', Name('fits' if several else 'fit'), **asked)}",
            f"    {call('drawn.figure.savefig', output)}",
        )
        out.tell([Paragraph(f"Written to {output}.")])
        out.finish({"output": output, "kind": kind}, *loaded.values())


def _option(name: str) -> str:
    """Return what the option is called that asks for an argument."""
    return "--losses-in" if name == "unit" else f"--{name.replace('_', '-')}"


def _names(fits: tuple[Path, ...]) -> list[str]:
    """Name fits by their files, by their whole paths where these are the same."""
    stems = [path.stem for path in fits]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in fits]
