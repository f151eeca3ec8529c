"""The outcome of a check."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Parameters
    ----------
    name
        What was checked.
    passed
        Whether the result may be used as it is.
    text
        What was found, in plain words, and what to do where it did not pass.
    table
        The figures behind it.
    """

    name: str
    passed: bool
    text: str
    table: pd.DataFrame
