"""How far a question reaches beyond the runs."""

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import ExtrapolationWarning
from bayesscale.inference.fit import Fit

VALIDATED_REACH = 30.0
"""Largest ratio of compute to the largest run in the public hold-outs that intervals were scored
on; of intervals that take the law for true, the 90 % ones covered about half to two thirds."""


def reach(fit: Fit, inputs: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return each input as a multiple of the largest one among the runs, ``reach_<input>``."""
    return {
        f"reach_{name}": value / getattr(fit.runs, name).max() for name, value in inputs.items()
    }


def warn_if_far(reaches: Mapping[str, NDArray[np.float64]], *, stacklevel: int = 3) -> None:
    """Warn where the compute of a target is past the reach that was ever validated."""
    far = max((float(np.max(r)) for k, r in reaches.items() if k == "reach_flops"), default=0.0)
    if far > VALIDATED_REACH:
        warnings.warn(
            f"The farthest target takes {far:.3g} times the compute of the largest run. Intervals "
            f"were checked on real hold-outs up to {VALIDATED_REACH:.0f} times only, and they take "
            "the law for true: beyond that they are likely too narrow. Train a larger run, or "
            "compare laws at this reach.",
            ExtrapolationWarning,
            stacklevel=stacklevel,
        )
