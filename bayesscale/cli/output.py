"""Commands and their output: help in groups, JSON documents, warnings, an exit status."""

from __future__ import annotations

import io
import json
import math
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import bayesscale as bs
from bayesscale import _sections as page, errors
from bayesscale._files import check_output, check_saved
from bayesscale._python import call
from bayesscale.cli.options import READING, TERMS
from bayesscale.cli.own_law import Aside
from bayesscale.errors import BayesScaleWarning, FileError
from bayesscale.tell import tell, terminal

if TYPE_CHECKING:
    from rich.console import Console

    from bayesscale.inference import Average, Fit
    from bayesscale.laws import Law
    from bayesscale.runs import Runs

GROUPS = {
    "Reading the table": tuple(READING),
    "Cost and limits": tuple(TERMS),
    "Small runs to choose from": ("candidates", "most"),
    "Display": ("unit", "machine", "ci_prob", "medium", "theme", "columns"),
    "Model": ("law", "laws", "noise", "discrepancy", "priors"),
    "Sampling": ("draws", "tune", "chains", "target_accept", "random_seed"),
    "Output": ("output", "output_dir", "force", "csv", "as_json", "strict", "quiet", "--help"),
}  # fmt: skip
"""Titles, and the names of what stands below each; all else comes first, as what is asked."""

OF_CHECKS = (errors.ConvergenceWarning, errors.LackOfFitWarning, errors.PriorWarning)
"""Warnings that results state in their own text."""

IMPORTS = {"pd.": "import pandas as pd", "runpy.": "import runpy"}
"""What Python needs besides bayesscale, by what it then holds."""


class Command(click.Command):
    """A command with its options in groups and examples, whose function receives ``out``."""

    def __init__(self, *args: object, examples: str = "", **settings: object) -> None:
        super().__init__(*args, **settings)  # pyright: ignore[reportArgumentType]
        self.examples = examples
        has_output = any("-o" in param.opts for param in self.params)
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True,
                         help="Write one JSON document to standard output."),
            click.Option([*(["-o"] * (not has_output)), "--csv"], metavar="FILE",
                         help="Write the table of results as CSV; - is standard output."),
            click.Option(["--strict"], is_flag=True,
                         help="Exit with status 1 if a result needs caution."),
            click.Option(["-q", "--quiet"], is_flag=True, help="Show warnings and errors only."),
        ]  # fmt: skip

    def invoke(self, ctx: click.Context) -> Any:
        """Call the function with its output."""
        settings = {k: ctx.params.pop(k) for k in ("as_json", "csv", "strict", "quiet")}
        if settings["as_json"] and settings["csv"] == "-":
            raise click.UsageError("--json and --csv - both write to standard output: choose one.")
        if settings["csv"] not in (None, "-"):
            check_output(settings["csv"], force=settings["csv"].endswith(".csv"))
        with _telling(**settings) as out:
            ctx.params["out"] = out
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a group after the other."""
        grouped: dict[str, list[tuple[str, str]]] = {"Options": []} | {k: [] for k in GROUPS}
        reads = "where" in {param.name for param in self.get_params(ctx)}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                grouped[self._title(param, reads=reads)].append(record)
        for title, rows in grouped.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples that can be copied."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"  {line.strip()}\n")
        super().format_epilog(ctx, formatter)

    @staticmethod
    def _title(param: click.Parameter, *, reads: bool) -> str:
        for title, names in GROUPS.items():
            # only where there is a table to read are these names columns
            members = {param.name, *param.opts} & {*names}  # click has a name of its own for --help
            if members and (reads or title != "Reading the table"):
                return title
        return "Options"


command = partial(click.command, cls=Command)


@dataclass(eq=False)
class Output:
    """Output of one command: text goes to standard error where standard output is for a program."""

    as_json: bool
    csv: str | None
    strict: bool
    quiet: bool

    def __post_init__(self) -> None:
        self.python = ["import bayesscale as bs"]
        self._collected: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._shown = ""
        self._stdout = sys.stdout or io.StringIO()  # None where it is closed

    @property
    def progress(self) -> Any:
        """The argument ``progress`` of what is called."""
        return False if self.quiet else "auto"

    @cached_property
    def console(self) -> Console:
        """Where text for people goes."""
        if self.as_json or self.csv == "-":
            return terminal(sys.stderr, quiet=self.quiet)
        return terminal(self._stdout, quiet=self.quiet)

    def read(self, path: Path, reading: Mapping[str, Any], *, shown: bool = True) -> Runs:
        """Read a table as options say, arguments of ``read_runs``, and show it."""
        table = bs.read_runs(path, **reading)
        self.record(call("runs = bs.read_runs", path, **reading))
        self.show([page.Paragraph(repr(table))] if shown else [])
        return table

    def load(
        self, path: Path, law: str | Law | None = None, *, variable: str = "fit"
    ) -> Fit | Average:
        """Load a saved fit, of a custom law if it is given, or an average."""
        options = {} if law is None else {"law": law}
        check_saved(path)
        try:
            loaded, load = bs.load_fit(path, **options), "load_fit"
        except FileError as error:
            if "bs.load_average" not in str(error):
                raise
            loaded, load, options = bs.load_average(path), "load_average", {}
        self.record(call(f"{variable} = bs.{load}", path, **options))
        return loaded

    def show(self, sections: Iterable[page.Section]) -> None:
        """Tell people what a result says."""
        sections = list(sections)
        tell(sections, self.console)
        self._shown += page.words(sections) * (not self.quiet)

    def record(self, *python: str) -> None:
        """Note lines of Python that do what was done."""
        self.python += python

    def collect(self, message: Warning | str, category: type[Warning], *_: object) -> None:
        """Take a warning; one that a result may repeat in its text waits until the end."""
        text = str(message)
        repeated, self._collected[text] = text in self._collected, category.__name__
        if not repeated and issubclass(category, OF_CHECKS):
            self._waiting[text] = getattr(message, "told", text)
        elif not repeated:
            _warn(text)

    def close(self) -> None:
        """Show the warnings that no result has shown."""
        for text, stated in self._waiting.items():
            if stated not in self._shown:
                _warn(text)

    def mark_shown(self, sections: Iterable[page.Section]) -> None:
        """Note what a file that is written tells people, so that no warning repeats it."""
        self._shown += page.words(sections) * (not self.quiet)

    def finish(
        self, document: Mapping[str, Any], *results: page.Result, last: str = "",
        python: bool = True,
    ) -> None:  # fmt: skip
        """Write document, Python and a last line; end with the status of the gravest severity."""
        severity = page.worst(result.severity for result in results)
        self.python[1:1] = [v for k, v in IMPORTS.items() if k in "\n".join(self.python)]
        if python:
            self.show([page.Heading("The same in Python")])
            # unwrapped, so that it can be copied
            self.console.print("\n".join(self.python), soft_wrap=True, markup=False)
        if last:
            self.show([page.Paragraph(f"\n{last}")])
        if self.csv:
            self._write_table(self.csv, results)
        if self.as_json:
            whole = {
                "command": click.get_current_context().info_name,
                **document,
                "severity": severity,
                "passed": severity != "stop",
                "warnings": [{"kind": k, "text": text} for text, k in self._collected.items()],
                "python": self.python,
            }
            click.echo(json.dumps(_plain(whole), ensure_ascii=False), file=self._stdout)
        if severity == "stop" or (severity == "caution" and self.strict):
            self.show([page.Paragraph(f"\n{_advice(severity, results)}", severity)])
            raise click.exceptions.Exit(1)

    def _write_table(self, path: str, results: Iterable[page.Result]) -> None:
        """Write the first table that results have."""
        tables = (getattr(result, "summary", None) for result in results)
        table: Any = next((t() if callable(t) else t for t in tables if t is not None), None)
        if table is None:
            raise click.UsageError("There is no table to write: leave --csv out.")
        if path == "-":
            click.echo(table.to_csv(), file=self._stdout, nl=False)
        else:
            Path(path).write_text(table.to_csv(), encoding="utf-8")


def _warn(text: str) -> None:
    tell([page.Paragraph(f"Warning: {text}", "caution")], terminal(stderr=True))


def _advice(severity: page.Severity, results: Iterable[page.Result]) -> str:
    if severity == "caution":
        return "Usable with the cautions above; --strict turns them into exit status 1."
    checks = [check for result in results for check in getattr(result, "checks", ())]
    advice = "Do not use this result: see above."
    if any(check.name.startswith("convergence") and not check.passed for check in checks):
        advice += "\nOn the command line: bayesscale fit --tune 4000 --target-accept 0.95."
    return advice


@contextmanager
def _telling(**settings: Any) -> Iterator[Output]:
    """Open the output of a command, which receives the warnings of bayesscale meanwhile."""
    out = Output(**settings)
    debug = click.get_current_context().find_root().params.get("debug")
    with warnings.catch_warnings():
        show = warnings.showwarning

        def collect(message: Any, category: type[Warning], *where: Any) -> None:
            (out.collect if issubclass(category, BayesScaleWarning) else show)(
                message, category, *where
            )

        if not debug:
            warnings.simplefilter("ignore")  # what other packages say is not the user's to act on
        warnings.simplefilter("always", BayesScaleWarning)
        warnings.showwarning = collect
        try:
            with redirect_stdout(Aside()):  # the result alone stands on standard output
                yield out
        finally:
            out.close()


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; JSON has no infinity and no NaN."""
    match value:
        case dict():
            return {str(k): _plain(v) for k, v in value.items()}
        case list() | tuple():
            return [_plain(v) for v in value]
        case None | str() | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
    return _plain(value.item()) if hasattr(value, "item") else str(value)


FACTS = ("law", "random_seed", "ci_prob", "pair")
TABLES = ("summary", "folds", "points")


def describe(result: page.Result) -> dict[str, Any]:
    """Describe a result: whether it may be used, what it says, its settings, tables and checks."""
    import pandas as pd

    from bayesscale.forecast import Answer

    content = {name: getattr(result, name) for name in ("severity", "passed", "text")}
    facts = {name: getattr(result, name, None) for name in FACTS}
    content |= {name: v for name, v in facts.items() if isinstance(v, str | int | float | tuple)}
    tables = {name: getattr(result, name, None) for name in TABLES}
    content |= {name: page.records(v) for name, v in tables.items() if isinstance(v, pd.DataFrame)}
    if hasattr(result, "checks"):
        content["checks"] = _checks(result)
    if isinstance(result, bs.Fit):
        content["settings"] = {**result.spec.as_dict(), **asdict(result.sampling)}
        content["runs"] = describe_runs(result.runs)
    if isinstance(result, bs.Comparison):
        pairs = result.ln_bayes_factors
        content["ln_bayes_factors"] = None if pairs is None else pairs.to_dict("index")
        content["fits"] = {name: _checks(fit) for name, fit in result.fits.items()}
    if isinstance(result, Answer):
        variables = {**result.draws.data_vars, **result.draws.coords}
        units = {str(name): values.attrs.get("units") for name, values in variables.items()}
        content["units"] = {name: unit for name, unit in units.items() if unit is not None}
    return content


def describe_runs(runs: Runs) -> dict[str, Any]:
    """Describe a table of runs."""
    return {"n_runs": len(runs), **runs.metadata(), "fingerprint": runs.fingerprint}


def _checks(result: Any) -> list[dict[str, Any]]:
    """Return what checks found."""
    names = ("name", "severity", "passed", "text")
    return [{name: getattr(check, name) for name in names} for check in result.checks]
