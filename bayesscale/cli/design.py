"""``bayesscale design``: which small runs to train before a large one."""

from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale.cli import document
from bayesscale.cli.groups import Grouped
from bayesscale.cli.options import ci_prob_option, input_option, own_law_option, size_option
from bayesscale.cli.output import output_options, telling
from bayesscale.cli.python import Name, call, literal, load_fit

EXAMPLES = """
bayesscale design fit.nc --target 1e24 --budget 1e22
bayesscale design fit.nc --target 1e24 --budget 1e22 --candidates affordable.csv --most 3
"""


@click.command(
    "design",
    cls=Grouped,
    examples=EXAMPLES,
    short_help="Choose small runs to train before a large one.",
)
@click.argument("fit", type=click.Path(path_type=Path))
@size_option("--target", "Compute of the large run, FLOP, e.g. 1e24.", required=True)
@size_option("--budget", "Compute for the small runs together, FLOP.", required=True)
@click.option(
    "--candidates", type=click.Path(path_type=Path),
    help="CSV file with the columns params and tokens; by default a grid around the runs.",
)  # fmt: skip
@click.option("--most", type=click.IntRange(1), default=6, show_default=True, help="Runs at most.")
@input_option
@own_law_option
@ci_prob_option
@output_options
def design_command(
    fit: Path, target: float, budget: float, candidates: Path | None, most: int,
    inputs: dict[str, Any], law: Any, ci_prob: float, as_json: bool, strict: bool,
) -> None:  # fmt: skip
    """Choose runs that teach most about how to split a large budget, as a saved FIT sees it."""
    with telling(as_json=as_json, strict=strict) as out:
        loaded, python = load_fit(fit, law)
        said: dict[str, Any] = {"target": target, "budget": budget}
        said |= {"most": most, "ci_prob": ci_prob} | {k: v[0] for k, v in inputs.items()}
        options = dict(said)
        if candidates is not None:
            options["candidates"] = _read(candidates)
            said["candidates"] = Name(f"pd.read_csv({literal(candidates)})")
            out.ran("import pandas as pd")
        design = bs.design(loaded, **options)
        out.ran(python, call("design = bs.design", Name("fit"), **said), "design.chosen")
        out.tell(design.sections())
        out.finish({"fit": fit, **document.of_fit(loaded), **document.of_answer(design)}, design)


def _read(path: Path) -> Any:
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path} cannot be read as CSV: {error}") from error
