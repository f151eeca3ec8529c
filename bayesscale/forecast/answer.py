"""What every question returns: a table for people, draws for maths."""

from dataclasses import dataclass

import pandas as pd
import xarray as xr


@dataclass(frozen=True)
class Answer:
    """The posterior of what was asked.

    Parameters
    ----------
    summary
        One row a target, unrounded.
    draws
        The same quantities by draw, with units.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    summary: pd.DataFrame
    draws: xr.Dataset
    ci_prob: float

    def _repr_html_(self) -> str:
        table = self.summary.to_html(float_format="{:.4g}".format)
        return f"<p>Intervals hold {100 * self.ci_prob:g}%.</p>{table}"
