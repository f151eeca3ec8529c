"""The outcome of a check, and how much it weighs."""

from dataclasses import dataclass

import pandas as pd

from bayesscale._sections import Severity, worst
from bayesscale.errors import BayesScaleWarning

__all__ = ["CheckResult", "Severity", "worst"]


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
