"""``bayesscale data`` and ``laws``: the ladders that there are, and what can be fitted."""

from pathlib import Path

import click

import bayesscale as bs
from bayesscale._files import check_output
from bayesscale._python import call
from bayesscale._sections import Equation, Heading, Paragraph, Table
from bayesscale.cli.options import force_option, output_option
from bayesscale.cli.output import Output, command

EXAMPLES = """
bayesscale data
bayesscale data chinchilla -o chinchilla.csv
"""


@command("data", examples=EXAMPLES, short_help="List and fetch ladders of runs.")
@click.argument("name", required=False)
@output_option("Write the runs as a table, .csv.")
@force_option
def data_command(out: Output, name: str | None, output: Path | None, force: bool) -> None:
    """List ladders of runs; with a NAME, fetch one, describe it, and write its table if asked."""
    from bayesscale.runs import LADDERS

    if name is None and output is not None:
        raise click.UsageError("Which ladder? Give its NAME.")
    if name is None:
        rows = [["example", "with bayesscale", "Apache-2.0", "trained by this project"]]
        rows += [[k, "to download", v.licence, v.about] for k, v in LADDERS.items()]
        out.show([Heading("Ladders"), Table(["name", "where", "licence", "what"], rows)])
        out.record('runs = bs.fetch_runs("chinchilla")')
        return out.finish({"ladders": {row[0]: row[1:] for row in rows}})
    if output is not None:
        if output.suffix.lower() != ".csv":
            raise click.UsageError(f"'{output}' must end in .csv.")
        check_output(output, force=force)
    if name == "example":
        runs = bs.load_example()
        out.record("runs = bs.load_example()")
    else:
        runs = bs.fetch_runs(name, progress=out.progress)
        out.record(call("runs = bs.fetch_runs", name))
    out.show([Paragraph(repr(runs))])
    if output is not None:
        runs.to_frame().to_csv(output)
        out.record(call("runs.to_frame().to_csv", output))
        out.show([Paragraph(f"Written to {output}.")])
    return out.finish({"n_runs": len(runs), **runs.metadata(), "output": output})


@command("laws", short_help="List the laws with their equations.")
def laws_command(out: Output) -> None:
    """List the laws with their equations and sources."""
    from bayesscale.laws import LAWS

    for name, law in LAWS.items():
        about = f"Of {', '.join(law.quantities)}: {law.question}. {law.citation}"
        out.show([Heading(name), Equation(law.equation), Paragraph(about)])
    out.record("bs.LAWS")
    facts = ("equation", "citation", "question")
    document = {
        name: {fact: getattr(law, fact) for fact in facts} | {"inputs": [*law.quantities]}
        for name, law in LAWS.items()
    }
    out.finish({"laws": document})
