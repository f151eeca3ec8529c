"""What a command tells, and to whom: tables for people, one JSON document for programs."""

import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from bayesscale._format import interval
from bayesscale.cli.python import short_exponent
from bayesscale.errors import (
    BayesScaleWarning,
    ConvergenceWarning,
    IdentifiabilityWarning,
    LackOfFitWarning,
    PriorWarning,
)

TOLD_BY_CHECKS = (ConvergenceWarning, IdentifiabilityWarning, LackOfFitWarning, PriorWarning)

if TYPE_CHECKING:
    from rich.console import Console

    from bayesscale.backtesting.result import Backtest
    from bayesscale.comparison.comparison import Comparison
    from bayesscale.inference.result import Fit

WIDEST = 100
"""Sentences are hard to follow over wider lines than this."""


class Output:
    """The voice of one command.

    Parameters
    ----------
    as_json
        Whether standard output is for programs, and people are told on standard error.
    quiet
        Whether people are told of warnings only.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.warnings: dict[str, str] = {}
        self.python = ["import bayesscale as bs"]

    @cached_property
    def console(self) -> "Console":
        """Where people are told."""
        return _console(stderr=self.as_json, quiet=self.quiet)

    def say(self, text: str, *, style: str = "") -> None:
        """Tell a paragraph; line breaks in it are kept."""
        from rich.text import Text

        self.console.print(Text(text, style=style))

    def head(self, text: str) -> None:
        """Begin a section."""
        self.say(f"\n{text}", style="bold")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Tell a table."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for column in columns:
            table.add_column(Text(column))
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table)

    def fit(self, fit: "Fit") -> None:
        """Begin the section of a fit: what it is, and whether it may be used."""
        self.head(f"{fit.spec.in_words()}, fitted to {len(fit.runs)} runs")
        self.checks(fit)
        self.say("")

    def checks(self, fit: "Fit", *, what: str = "posterior") -> None:
        """Tell what the checks of a fit found, loudly if it is bad."""
        if fit.passed:
            for check in fit.checks:
                self.say(check.text)
            return
        from rich.panel import Panel
        from rich.text import Text

        told = Text("\n\n".join(check.text for check in fit.checks))
        title = f"The {what} DID NOT PASS its checks"
        self.console.print(Panel(told, title=title, border_style="bold red"))

    def ran(self, *python: str) -> None:
        """Note lines of Python that do what was done."""
        self.python += python

    def hear(self, message: Warning | str, category: type[Warning], *_: object) -> None:
        """Take a warning, and tell it unless it has been told or the checks tell it."""
        text = str(message)
        told = text in self.warnings
        self.warnings[text] = category.__name__
        if not told and (self.quiet or not issubclass(category, TOLD_BY_CHECKS)):
            from rich.text import Text

            _console(stderr=True).print(Text(f"Warning: {text}", style="yellow"))

    def finish(self, document: Mapping[str, Any], *fits: "Fit | Backtest | Comparison") -> None:
        """Write the document if it is wanted, and end with status 1 if a fit did not pass."""
        passed = all(fit.passed for fit in fits)
        self.head("The same in Python")
        # unwrapped, so that it can be copied
        self.console.print("\n".join(self.python), soft_wrap=True, markup=False)
        if self.as_json:
            whole = {
                "command": click.get_current_context().info_name,
                **document,
                "passed": passed,
                "warnings": [{"kind": kind, "text": text} for text, kind in self.warnings.items()],
                "python": self.python,
            }
            click.echo(json.dumps(_plain(whole), ensure_ascii=False))
        if not passed:
            self.say("\nA posterior did not pass its checks: see above.", style="bold red")
            checks = [check for fit in fits for check in fit.checks]
            if any(check.name == "convergence" and not check.passed for check in checks):
                self.say("On the command line: bayesscale fit --tune 4000 --target-accept 0.95.")
            raise click.exceptions.Exit(1)


@contextmanager
def telling(*, as_json: bool, quiet: bool = False) -> Iterator[Output]:
    """Open the voice of a command, which hears every warning of bayesscale while it is open."""
    out = Output(as_json=as_json, quiet=quiet)
    debug = click.get_current_context().find_root().params.get("debug")
    with warnings.catch_warnings():
        show = warnings.showwarning

        def hear(message: Any, category: type[Warning], *where: Any) -> None:
            (out.hear if issubclass(category, BayesScaleWarning) else show)(
                message, category, *where
            )

        if not debug:
            warnings.simplefilter("ignore")  # what other packages say is not the user's to act on
        warnings.simplefilter("always", BayesScaleWarning)
        warnings.showwarning = hear
        yield out


def _console(*, stderr: bool, quiet: bool = False) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr, quiet=quiet, highlight=False, emoji=False)
    console.width = min(console.width, WIDEST)
    return console


def value_over_interval(row: Mapping[str, Any], name: str, write: Callable[[float], str]) -> str:
    """Write a quantity of a summary as a cell of two lines: the median, and its interval."""
    ends = interval(row[f"{name}_lower"], row[f"{name}_upper"], write)
    return f"{write(row[name])}\n{ends}"


def number(x: float) -> str:
    """Write a parameter with four significant digits."""
    return short_exponent(f"{x:.4g}")


def loss(x: float) -> str:
    """Write a loss in nats/token."""
    return f"{x:.3f}"


def percent(share: float) -> str:
    """Write a share as ``"90 %"``."""
    return f"{100 * share:.4g} %"


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--json``, which the command receives as ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Write one JSON document to standard output."
    )(command)


def force_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--force``."""
    return click.option(
        "--force", is_flag=True, help="Write over a file that is there, whatever it is."
    )(command)


def ci_prob_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--ci-prob``."""
    return click.option(
        "--ci-prob",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.9,
        show_default=True,
        help="Probability of the intervals.",
    )(command)


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
