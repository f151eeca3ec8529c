"""``bayesscale laws``: what can be fitted."""

import click

from bayesscale._sections import Equation, Heading, Paragraph
from bayesscale.cli.groups import Grouped
from bayesscale.cli.output import output_options, telling


@click.command("laws", cls=Grouped, short_help="List the laws with their equations.")
@output_options
def laws_command(as_json: bool, strict: bool) -> None:
    """List the laws with their equations and sources."""
    with telling(as_json=as_json, strict=strict) as out:
        from bayesscale.laws import LAWS

        for name, law in LAWS.items():
            out.tell([Heading(name), Equation(law.equation), Paragraph(law.citation)])
        out.ran("bs.LAWS")
        told = {
            name: {"equation": law.equation, "citation": law.citation, "inputs": [*law.quantities]}
            for name, law in LAWS.items()
        }
        out.finish({"laws": told})
