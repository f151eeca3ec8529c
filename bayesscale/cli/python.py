"""The Python that does what a command did."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bayesscale as bs
from bayesscale._format import short_exponent
from bayesscale._seal import is_sealed
from bayesscale.cli.own_law import source_of
from bayesscale.errors import FileError

if TYPE_CHECKING:
    from bayesscale.inference import Average, Fit
    from bayesscale.laws import Law

WIDTH = 79


def call(function: str, *arguments: object, **named: object) -> str:
    """Write a call, what comes before its bracket first, one argument a line where it gets long.

    >>> call("fit = bs.fit", law="kaplan", draws=500)
    'fit = bs.fit(law="kaplan", draws=500)'
    """
    written = [
        *(literal(argument) for argument in arguments),
        *(f"{name}={literal(value)}" for name, value in named.items()),
    ]
    line = f"{function}({', '.join(written)})"
    if len(line) <= WIDTH:
        return line
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in written) + ")"


class Name(str):
    """A variable, which is written without quotes."""


def literal(value: Any) -> str:
    """Write a value as Python source, large round numbers as ``7e10``."""
    match value:
        case Name():
            return str(value)
        case str() | Path():
            return json.dumps(os.fspath(value), ensure_ascii=False)
        case bool() | int():
            return repr(value)
        case float():
            short = f"{value:g}"
            return short_exponent(short if float(short) == value else repr(value))
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    return source_of(value) or f"bs.{value!r}"  # a law of one's own, a Prior


def told_in(unit: str | None, answer: str) -> str:
    """Write what shows an answer: its numbers, or itself in the unit that is asked for."""
    return f"{answer}.summary" if unit is None else call(f"{answer}.in_unit", unit)


def is_saved(path: Path) -> bool:
    """Tell a saved fit or average from a table, by its end."""
    return path.is_file() and is_sealed(path)


def load_saved(path: Path, law: str | Law | None = None) -> tuple[Fit | Average, str]:
    """Load a saved fit or average; return it and the Python for it."""
    try:
        return load_fit(path, law)
    except FileError as error:
        if "bs.load_average" not in str(error):
            raise
    return bs.load_average(path), call("fit = bs.load_average", path)


def load_fit(path: Path, law: str | Law | None) -> tuple[Fit, str]:
    """Load a saved fit, of a law of one's own if it is given; return it and the Python for it."""
    own = {} if law is None else {"law": law}
    return bs.load_fit(path, **own), call("fit = bs.load_fit", path, **own)
