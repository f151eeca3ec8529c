"""What can go wrong, as exceptions and warnings.

Every message says what was wrong, what was seen, what is allowed and what to do. Each leaf is
also the built-in that a caller would expect to catch.
"""

import difflib
import linecache
import traceback
from collections.abc import Iterable
from pathlib import Path

PACKAGE = str(Path(__file__).parent)
"""Warnings are issued at the user's line: the first one that is not in here."""


class BayesScaleError(Exception):
    """Base of every error that bayesscale raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the user's own line and the message, none of our frames.

        IPython asks exceptions for this. ``traceback.print_exception(error)`` shows all.
        """
        statement = ""
        for frame, line in traceback.walk_tb(self.__traceback__):
            file = frame.f_code.co_filename
            if file.startswith(PACKAGE):
                break
            statement = linecache.getline(file, line, frame.f_globals).strip()
        excerpt = [f"----> {statement}", ""] if statement else []
        return [*excerpt, f"{type(self).__name__}: {self}"]


class DomainError(BayesScaleError, ValueError):
    """A value lies outside what the law, the unit or the question allows."""


class RunsError(BayesScaleError, ValueError):
    """The table of training runs cannot be read or trusted as it is."""


class PriorError(BayesScaleError, ValueError):
    """A prior is malformed, or it excludes what was observed."""


class UnknownNameError(BayesScaleError, KeyError):
    """A name (column, law, noise, prior) that does not exist."""

    def __str__(self) -> str:
        # KeyError prints the repr of its argument; people should read the sentence.
        return str(self.args[0])


class SamplerError(BayesScaleError, RuntimeError):
    """The sampler stopped before it returned draws."""


class EvidenceError(BayesScaleError, RuntimeError):
    """An evidence with too large an error."""


class FileError(BayesScaleError, OSError):
    """A file cannot be read or written."""


class BayesScaleWarning(UserWarning):
    """Base of every warning that bayesscale issues on purpose.

    ``told`` is what the result at hand says of it by itself, so that nobody need say it twice.
    """

    def __init__(self, text: str, told: str = "") -> None:
        super().__init__(text)
        self.told = told or text


class RunsWarning(BayesScaleWarning):
    """Something in the table of runs looks wrong, but may be meant."""


class ConvergenceWarning(BayesScaleWarning):
    """The draws are not yet a posterior."""


class PriorWarning(BayesScaleWarning):
    """Data and prior contradict each other, or the prior decides what the data should."""


class LackOfFitWarning(BayesScaleWarning):
    """The law does not describe the runs."""


class ExtrapolationWarning(BayesScaleWarning):
    """A target lies far beyond the fitted runs."""


def unknown_name(
    what: str, name: object, known: Iterable[str], *, hint: str = ""
) -> UnknownNameError:
    """Make the error for an unknown name: the closest known one, all of them, and a hint."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    if not close:  # columns are often misspelt in case alone
        lower = {k.lower(): k for k in known}
        close = difflib.get_close_matches(str(name).lower(), list(lower), n=1, cutoff=0.5)
        close = [lower[c] for c in close]
    suggestion = f" Did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(repr(k) for k in known) if known else "none"
    text = f"No {what} named {name!r}.{suggestion} Known: {listed}."
    return UnknownNameError(f"{text} {hint}".rstrip())
