"""``bayesscale plot``: pictures of saved fits."""

import inspect
from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._files import MADE_BY, atomic_write, check_output
from bayesscale._python import Name, call, literal
from bayesscale._sections import Paragraph
from bayesscale.cli import options
from bayesscale.cli.output import Output, command

KINDS = {
    "loss": "loss against compute, with extrapolation",
    "allocation": "best parameters and tokens against compute",
    "isoflops": "loss against parameters at fixed compute",
    "residuals": "residuals by parameters, tokens and compute",
}

SUFFIXES = (".png", ".svg", ".pdf")

EXAMPLES = """
bayesscale plot loss fit.nc
bayesscale plot allocation kaplan.nc chinchilla.nc --label Kaplan --label Chinchilla --quantity params
bayesscale plot isoflops fit.nc --flops 1e21,1e22 --medium slide --theme dark -o iso.png
"""  # noqa: E501


@command("plot", examples=EXAMPLES, short_help="Plot saved fits.")
@click.argument("kind", metavar="KIND", type=click.Choice(list(KINDS)))
@options.fits_argument
@click.option("--label", "labels", multiple=True, help="Name of each fit, in order; repeatable.")
@options.sizes_option("--flops", "Budgets of slices, FLOP.")
@click.option("--flops-max", type=float, help="End of the compute axis, FLOP.")
@click.option(
    "--quantity", type=click.Choice(["both", "params", "tokens", "tokens_per_param"]),
    help="What allocation shows.",
)  # fmt: skip
@click.option("--landmarks", is_flag=True, default=None, help="Show published models, too.")
@options.losses_in_option
@options.terms_options
@options.own_law_option
@options.ci_prob_option
@click.option("--medium", type=click.Choice(["paper", "slide"]), default="paper",
              show_default=True, help="Intended medium.")  # fmt: skip
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
              help="Background.")  # fmt: skip
@click.option("--columns", type=click.IntRange(1, 2), default=1, show_default=True,
              help="Columns of a paper that it spans.")  # fmt: skip
@options.output_option("Where to write it: .png, .svg or .pdf.", show_default="KIND.png")
@options.force_option
def plot_command(
    out: Output, kind: str, fits: tuple[Path, ...], labels: tuple[str, ...], output: Path | None,
    force: bool, law: Any, ci_prob: float, medium: Any, theme: Any, columns: Any, **further: Any,
) -> None:  # fmt: skip
    """Plot one saved FIT, or several in one figure."""
    output = output or Path(f"{kind}.png")
    if output.suffix.lower() not in SUFFIXES:
        raise click.UsageError(f"'{output}' must end in {', '.join(SUFFIXES)}.")
    name = f"plot_{kind}"
    draw = getattr(bs, name)
    takes = inspect.signature(draw).parameters
    choices = options.given(further)
    if "ci_prob" in takes and ci_prob != 0.9:
        choices["ci_prob"] = ci_prob
    wrong = ["losses-in" if k == "unit" else k.replace("_", "-") for k in choices if k not in takes]
    if wrong:
        raise click.UsageError(f"--{', --'.join(wrong)}: not for {kind}.")
    if labels and len(labels) != len(fits):
        raise click.UsageError(f"{len(labels)} labels for {len(fits)} fits: give one for each.")
    if len(set(labels)) < len(labels):
        raise click.UsageError("Two labels are the same.")
    check_output(output, inputs=fits, force=force)
    several = len(fits) > 1 or bool(labels)
    names = labels or [*options.names_of(fits)]
    loaded = {}
    out.record(*(["fits = {}"] if several else []))
    for label, path in zip(names, fits, strict=True):
        variable = f"fits[{literal(label)}]" if several else "fit"
        loaded[label] = out.load(path, law, variable=variable)
    subject = loaded if several else next(iter(loaded.values()))
    style = {"medium": medium, "theme": theme, "columns": columns}
    with bs.plot_style(medium, theme=theme, columns=columns):
        drawn = draw(subject, **choices)
        figure = getattr(drawn, "figure", None) or drawn
        with atomic_write(output) as temporary:
            figure.savefig(temporary, metadata={"Creator": MADE_BY})
    out.record(
        call("with bs.plot_style", **style) + ":",
        f"    drawn = {call(f'bs.{name}', Name('fits' if several else 'fit'), **choices)}",
        f"    {call('drawn.figure.savefig', output)}",
    )
    out.show([Paragraph(f"Written to {output}.")])
    out.finish({"output": output, "kind": kind}, *loaded.values())


plot_command.help = "\n".join(
    [f"{plot_command.help}\n\n\b", *(f"{kind:16}  {what}" for kind, what in KINDS.items())]
)
