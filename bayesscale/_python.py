"""Python source that does what was done: calls, and values as they are written."""

import json
import os
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from bayesscale._format import short_exponent

WIDTH = 79

_sources: list[tuple[Any, str]] = []


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


def made_by(value: Any, source: str) -> Any:
    """Return a value that :func:`literal` writes as this source."""
    _sources.append((value, source))
    return value


def literal(value: Any) -> str:
    """Write a value as Python source, large round numbers as ``7e10``."""
    for known, source in _sources:
        if known is value:
            return source
    match value:
        case Name():
            return str(value)
        case str() | Path():
            return json.dumps(os.fspath(value), ensure_ascii=False)
        case None | bool() | int():
            return repr(value)
        case float():
            short = f"{value:g}"
            return short_exponent(short if float(short) == value else repr(value))
        case list() | tuple():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    how = getattr(value, "__dataclass_params__", None)
    if how is not None and how.init:  # its fields are its arguments
        given = {}
        for f in fields(value):
            default = f.default if f.default_factory is MISSING else f.default_factory()
            if getattr(value, f.name) != default:
                given[f.name] = getattr(value, f.name)
        return call(f"bs.{type(value).__name__}", **given)
    return f"bs.{value!r}"
