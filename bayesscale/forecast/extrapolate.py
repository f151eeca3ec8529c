"""The loss of runs that have not been trained."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale.errors import DomainError
from bayesscale.forecast.cost import runs_cost
from bayesscale.forecast.reach import reach, warn_if_far
from bayesscale.forecast.surface import (
    Surface,
    draws_dataset,
    positive_1d,
    summary_columns,
    target_frame,
)
from bayesscale.inference.fit import Fit, interval_tails

UNITS = {"params": "parameters", "tokens": "tokens", "flops": "FLOP"}


@dataclass(frozen=True)
class Prediction:
    """Predicted losses.

    Parameters
    ----------
    summary
        One row a target: its size; ``loss`` (median) with ``loss_lower`` and ``loss_upper`` for a
        new run, ``law_loss…`` for the law without run noise, nats/token; ``reach_…``, the size as
        a multiple of the largest among the fitted runs.
    draws
        ``loss`` and ``law_loss``, dims ``(chain, draw, target)``, nats/token.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    summary: pd.DataFrame
    draws: xr.Dataset
    ci_prob: float

    def _repr_html_(self) -> str:
        return f"<p>Intervals hold {self.ci_prob:.0%}.</p>{self.summary.to_html()}"


def extrapolate(
    fit: Fit,
    *,
    params: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    flops: ArrayLike | None = None,
    ci_prob: float = 0.9,
    random_seed: int | None = None,
) -> Prediction:
    """Predict the loss of runs outside the fitted range.

    Pushes every posterior draw through the fitted law, then adds the noise of a new run.

    Parameters
    ----------
    fit
        A fitted law.
    params
        Parameters N in the count of the fitted runs, > 0, shape ``(target,)`` or a scalar.
    tokens
        Training tokens D, > 0, shape ``(target,)`` or a scalar.
    flops
        Training compute C in FLOP, > 0, for laws of compute alone.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    random_seed
        Seed of the run noise; by default derived from the fit's.

    Returns
    -------
    Prediction
        ``summary``, one row a target, and ``draws``, dims ``(chain, draw, target)``.

    Raises
    ------
    DomainError
        If an input of the law is missing, is not one of its inputs, is not positive and finite,
        or the lengths differ.

    Warns
    -----
    ExtrapolationWarning
        If a target's compute is more than 30 times that of the largest fitted run.

    Notes
    -----
    The law is taken for true; its own error is not in these intervals.

    Examples
    --------
    >>> bs.extrapolate(fit, params=70e9, tokens=1.4e12).summary   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    surface = Surface.of(fit)
    given = {"params": params, "tokens": tokens, "flops": flops}
    inputs = {
        name: positive_1d(name, values, UNITS[name])
        for name, values in given.items()
        if values is not None
    }
    if set(inputs) != set(fit.law.inputs):
        raise DomainError(
            f"The law {fit.law.name!r} predicts from {' and '.join(fit.law.inputs)}, but got "
            f"{' and '.join(inputs) or 'nothing'}."
        )
    try:
        inputs = dict(zip(inputs, np.broadcast_arrays(*inputs.values()), strict=True))
    except ValueError:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in inputs.items())
        raise DomainError(f"Targets must be equally many, but got: {lengths}.") from None

    log_loss = surface.log_loss(inputs)
    law_loss, loss = np.exp(log_loss), surface.new_run(log_loss, random_seed)
    sizes = dict(inputs)
    if {"params", "tokens"} <= set(inputs):
        sizes["flops"] = runs_cost(fit.runs).flops(inputs["params"], inputs["tokens"])
    reaches = reach(fit, sizes)
    warn_if_far(reaches)
    return Prediction(
        summary=target_frame(
            "target",
            sizes
            | summary_columns("loss", loss, ci_prob)
            | summary_columns("law_loss", law_loss, ci_prob)
            | reaches,
        ),
        draws=draws_dataset(
            fit,
            {"loss": (loss, "nats/token"), "law_loss": (law_loss, "nats/token")},
            "target",
            {name: (values, UNITS[name]) for name, values in sizes.items()},
        ),
        ci_prob=ci_prob,
    )
