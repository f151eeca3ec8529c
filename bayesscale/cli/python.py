"""The Python that does what a command did."""

import json
import os
import re
from pathlib import Path
from typing import Any

WIDTH = 79


def call(function: str, *arguments: object, **named: object) -> str:
    """Write a call, one argument a line where it gets long.

    Parameters
    ----------
    function
        What comes before the bracket, e.g. ``"fit = bs.fit"``.
    *arguments, **named
        The arguments.

    Returns
    -------
    str
        Source code.

    Examples
    --------
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
    return f"bs.{value!r}"  # a Prior


def short_exponent(number: str) -> str:
    """Write ``7e+09`` as ``7e9``."""
    return re.sub(r"e\+?(-?)0*", r"e\1", number)
