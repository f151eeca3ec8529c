"""Sizes as people type them: ``70B``, ``1.4T``, ``350M,1e9``."""

import re
from collections.abc import Callable
from typing import Any

import click

_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


class _Sizes(click.ParamType):
    """One size or several, separated by commas."""

    name = "SIZE[,SIZE...]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        if _GROUPED.fullmatch(value):
            self.fail(
                f"{value!r} would be several sizes, for commas separate them. Write one number "
                f"as {value.replace(',', '')}, or several with spaces after the commas.",
                param,
                ctx,
            )
        return tuple(self._size(part.strip(), param, ctx) for part in value.split(","))

    def _size(self, text: str, param: Any, ctx: Any) -> float:
        scale = _SUFFIXES.get(text[-1:].lower(), 1.0)
        try:
            return float(text[:-1] if scale > 1 else text) * scale
        except ValueError:
            self.fail(f"{text!r} is not a size. Write 70e9, 70B, 1.4T or 350M.", param, ctx)


def sizes_option(name: str, text: str, **settings: Any) -> Callable:
    """Make an option for sizes; the command receives a flat list, empty if none was given."""
    return click.option(
        name,
        type=_Sizes(),
        multiple=True,
        callback=lambda ctx, param, groups: [size for group in groups for size in group],
        help=text,
        **settings,
    )
