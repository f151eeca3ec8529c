"""A law of the user's own, named on the command line as ``path/to/file.py:Name``."""

from __future__ import annotations

import io
import runpy
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale._python import literal, made_by
from bayesscale.errors import DomainError, FileError, unknown_name

if TYPE_CHECKING:
    from bayesscale.laws import Law


class Aside(io.TextIOBase):
    """Where user code prints to: standard error, which it cannot close."""

    def write(self, text: str) -> int:
        """Write to standard error."""
        return 0 if sys.stderr is None else sys.stderr.write(text)

    def close(self) -> None:
        """Do nothing."""


def get_law(name: str) -> str | Law:
    """Return the law that a file defines, or the name of a law that ships as it is."""
    path, colon, wanted = name.rpartition(":")
    if not (colon and path.endswith(".py")):
        if name.endswith(".py"):
            raise DomainError(f"Which law of {name!r}? Append its name: {name}:MyLaw.")
        return name
    from bayesscale.laws import Law

    defined = _run(Path(path))
    laws = [
        key for key, value in defined.items()
        if isinstance(value, Law)
        or (isinstance(value, type) and issubclass(value, Law)
            and value.__module__ == _module_name(Path(path)))
    ]  # fmt: skip
    if wanted not in defined:
        raise unknown_name(f"law in {path!r}", wanted, laws)
    law = defined[wanted]
    source = f"runpy.run_path({literal(path)})[{literal(wanted)}]"
    if isinstance(law, type) and issubclass(law, Law):
        source += "()"
        try:
            law = law()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise DomainError(
                f"The law {wanted!r} in {path!r} cannot be made without arguments ({error!r}). "
                f"Make it there, mine = {wanted}(...), and write {path}:mine."
            ) from error
    if not isinstance(law, Law):
        raise DomainError(
            f"{wanted!r} in {path!r} is not a law but {type(law).__name__}. A law is an instance "
            "or a subclass of bayesscale.Law."
        )
    return made_by(law, source)


def _run(path: Path) -> dict[str, Any]:
    """Run a file as a module, which is not kept, so that other processes are sent its classes."""
    if not path.is_file():
        raise FileError(f"There is no file {str(path)!r} with a law.")
    try:
        with redirect_stdout(Aside()):
            defined = runpy.run_path(str(path), run_name=_module_name(path))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit, too
        raise FileError(f"{str(path)!r} cannot be run: {type(error).__name__}: {error}") from error
    return {k: v for k, v in defined.items() if not k.startswith("_")}


def _module_name(path: Path) -> str:
    return f"law_of_{path.stem}"
