"""The outcome of a check, and how much it weighs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bayesscale.errors import BayesScaleWarning

type Severity = Literal["ok", "note", "caution", "stop"]
"""Nothing found; worth knowing; use with this in mind; do not use."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Parameters
    ----------
    name
        What was checked.
    severity
        ``"ok"``; ``"note"``, worth knowing; ``"caution"``, usable with this in mind; ``"stop"``,
        not to be used.
    text
        What was found, in plain words, and what to do about it.
    table
        The figures behind it.
    warning
        Category of the warning that is issued for a caution or a stop.
    """

    name: str
    severity: Severity
    text: str
    table: pd.DataFrame
    warning: type[BayesScaleWarning]

    @property
    def passed(self) -> bool:
        """Whether nothing forbids to use the result."""
        return self.severity != "stop"

    @property
    def warns(self) -> bool:
        """Whether the finding is a caution or a stop."""
        return self.severity in ("caution", "stop")


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the gravest of severities, ``"ok"`` if there are none."""
    found = set(severities)
    graver: tuple[Severity, ...] = ("stop", "caution", "note")
    return next((severity for severity in graver if severity in found), "ok")
