"""Signatures and docstrings completed from texts that are written once.

Options that many functions take are named in a ``TypedDict``, passed on unopened as ``**options``
and documented in one table. Whoever asks for help, or presses Tab, sees them all the same.
What a function returns is described by the class that it returns, unless it says more itself.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

_HEAD = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.MULTILINE)


def documented[F: Callable](
    texts: Mapping[str, str], *, options: type | None = None,
    defaults: Mapping[str, Any] | None = None, sections: Mapping[str, str] | None = None,
) -> Callable[[F], F]:  # fmt: skip
    """Complete the docstring of a function or class, and its signature where it passes ``options``.

    ``texts`` has what parameters mean that the docstring leaves out, by name; ``options`` is the
    ``TypedDict`` of the function's ``**options``, with ``defaults``; ``sections`` has the bodies of
    sections of the docstring that it leaves out, such as ``Returns``.
    """

    def complete(function: F) -> F:
        if options is not None:
            function.__signature__ = _opened(function, options, defaults or {})
        names = [n for n in inspect.signature(function).parameters if n not in ("self", "cls")]
        bodies = {**_returned(function), **(sections or {})}
        function.__doc__ = _completed(inspect.getdoc(function) or "", names, texts, bodies)
        return function

    return complete


def _opened(function: Callable, options: type, defaults: Mapping[str, Any]) -> inspect.Signature:
    """Return a signature with every option in the place of ``**options``."""
    signature = inspect.signature(function)
    parameters = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation
        )
        for name, annotation in options.__annotations__.items()
        if name in defaults and name not in signature.parameters
    ]
    return signature.replace(parameters=parameters)


def _returned(function: Callable) -> dict[str, str]:
    """Return the section on the class that a function returns, if its annotation names one."""
    kind = inspect.get_annotations(function).get("return")
    kind = getattr(function, "__globals__", {}).get(kind, kind) if isinstance(kind, str) else kind
    about = (inspect.getdoc(kind) or "").partition("\n")[0]
    return {"Returns": f"{kind.__name__}\n    {about}"} if inspect.isclass(kind) else {}


def _completed(
    doc: str, names: list[str], texts: Mapping[str, str], sections: Mapping[str, str]
) -> str:
    """Return a docstring whose parameters are all there, in the order of the signature."""
    first, *rest = _HEAD.split(doc)
    written = {name: body.strip("\n") for name, body in zip(rest[::2], rest[1::2], strict=True)}
    given: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", written.pop("Parameters", "")):
        for name in entry.partition("\n")[0].split(","):
            given[name.strip(" *")] = entry
    entries = [given.get(n) or f"{n}\n    " + texts[n].replace("\n", "\n    ") for n in names]
    bodies = {"Parameters": "\n".join(dict.fromkeys(entries)), **sections, **written}
    order = ("Parameters", "Returns", "Yields", "Raises", "Warns")
    bodies = {name: bodies[name] for name in order if name in bodies} | written
    texts_out = (f"{name}\n{'-' * len(name)}\n{body}" for name, body in bodies.items() if body)
    return "\n\n".join([first.strip(), *texts_out])
