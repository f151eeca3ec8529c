"""What a command ends with: one JSON document for programs, warnings heard, and a status."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bayesscale._sections import Heading, Paragraph, Section, Severity, Told, words, worst
from bayesscale.cli.reading import read
from bayesscale.errors import (
    BayesScaleWarning,
    ConvergenceWarning,
    LackOfFitWarning,
    PriorWarning,
)
from bayesscale.tell import tell, terminal

if TYPE_CHECKING:
    from rich.console import Console

    from bayesscale.runs import Runs

OF_CHECKS = (ConvergenceWarning, LackOfFitWarning, PriorWarning)
"""Warnings that results tell of themselves."""


class Output:
    """The voice of one command: people are told on standard error where a program reads output."""

    def __init__(self, *, as_json: bool, strict: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.strict = strict
        self.quiet = quiet
        self.python = ["import bayesscale as bs"]
        self._heard: dict[str, str] = {}
        self._waiting: dict[str, str] = {}
        self._told = ""

    @property
    def progress(self) -> Any:
        """The argument ``progress`` of what is called."""
        return False if self.quiet else "auto"

    @cached_property
    def console(self) -> Console:
        """Where people are told."""
        return terminal(stderr=self.as_json, quiet=self.quiet)

    def read(self, path: Path, reading: Mapping[str, Any]) -> Runs:
        """Read a table and tell of it."""
        table, python = read(path, reading)
        self.ran(python)
        self.tell([Paragraph(repr(table))])
        return table

    def tell(self, sections: Iterable[Section]) -> None:
        """Tell people what a result says."""
        sections = list(sections)
        tell(sections, self.console)
        self._told += words(sections) * (not self.quiet)

    def ran(self, *python: str) -> None:
        """Note lines of Python that do what was done."""
        self.python += python

    def hear(self, message: Warning | str, category: type[Warning], *_: object) -> None:
        """Take a warning; what a result may tell of itself waits until the end."""
        text = str(message)
        known, self._heard[text] = text in self._heard, category.__name__
        if not known and issubclass(category, OF_CHECKS):
            self._waiting[text] = getattr(message, "told", text)
        elif not known:
            _warn(text)

    def close(self) -> None:
        """Tell of the warnings that no result has told."""
        for text, told in self._waiting.items():
            if told not in self._told:
                _warn(text)

    def finish(self, document: Mapping[str, Any], *results: Told, last: str = "") -> None:
        """Write the document if it is wanted, then a last line, and end with status 1 if a result
        forbids its use, or with ``--strict`` if it asks for caution.
        """  # noqa: D205
        severity = worst(result.severity for result in results)
        if any("runpy." in line for line in self.python):
            self.python.insert(1, "import runpy")
        self.tell([Heading("The same in Python")])
        # unwrapped, so that it can be copied
        self.console.print("\n".join(self.python), soft_wrap=True, markup=False)
        if last:
            self.tell([Paragraph(f"\n{last}")])
        if self.as_json:
            whole = {
                "command": click.get_current_context().info_name,
                **document,
                "severity": severity,
                "passed": severity != "stop",
                "warnings": [{"kind": kind, "text": text} for text, kind in self._heard.items()],
                "python": self.python,
            }
            click.echo(json.dumps(_plain(whole), ensure_ascii=False))
        if severity == "stop" or (severity == "caution" and self.strict):
            self.tell([Paragraph(f"\n{_advice(severity, results)}", severity)])
            raise click.exceptions.Exit(1)


def _warn(text: str) -> None:
    tell([Paragraph(f"Warning: {text}", "caution")], terminal(stderr=True))


def _advice(severity: Severity, results: Iterable[Told]) -> str:
    if severity == "caution":
        return "Usable with the cautions above; with --strict they end with status 1."
    checks = [check for result in results for check in getattr(result, "checks", ())]
    said = "Do not use this result: see above."
    if any(check.name.startswith("convergence") and not check.passed for check in checks):
        said += "\nOn the command line: bayesscale fit --tune 4000 --target-accept 0.95."
    return said


@contextmanager
def telling(*, as_json: bool, strict: bool, quiet: bool = False) -> Iterator[Output]:
    """Open the voice of a command, which hears every warning of bayesscale while it is open."""
    out = Output(as_json=as_json, strict=strict, quiet=quiet)
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
        try:
            yield out
        finally:
            out.close()


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--json`` and ``--strict``, received as ``as_json`` and ``strict``."""
    for option in (
        click.option(
            "--strict", is_flag=True, help="End with status 1 where a result asks for caution."
        ),
        click.option(
            "--json", "as_json", is_flag=True, help="Write one JSON document to standard output."
        ),
    ):
        command = option(command)
    return command


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
