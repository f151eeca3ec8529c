"""How the compute-optimal size grows with compute over the runs.

The exponent is the slope of ln N* regressed on ln C at C = 6ND over the runs, draw by draw.
"""

import numpy as np

from bayesscale._types import Array
from bayesscale.accounting import PowerCost
from bayesscale.model import Posterior
from bayesscale.runs import Runs

LEVELS = 5
"""Budgets between the least and the largest compute of the runs, evenly spaced in logs."""

STEP, LONGEST = 0.05, 1.0
"""Step of the differences in ln N, and the longest step of Newton's method."""

ITERATIONS, CLOSE = 40, 1e-4


def exponent_over_runs(posterior: Posterior, runs: Runs) -> Array | None:
    """Return the exponent of N*, shape of the draws; None where the law states no optimum.

    Newton's method along each budget, from the optimum of the draw's law without drift.
    """
    spec = posterior.spec
    if not spec.law.splits_compute or spec.law.given:
        return None
    flat, cost = posterior.flat(), PowerCost()
    spent = np.log(runs.params / spec.reference["params"])
    spent += np.log(runs.tokens / spec.reference["tokens"])
    budgets = np.linspace(spent.min(), spent.max(), LEVELS)
    closed = spec.law.optimum(flat.c, budgets, cost)
    if closed is None:
        return None
    if not spec.discrepancy.moves_optimum or spent.min() == spent.max():
        return np.broadcast_to(closed.params_exponent, (len(flat), LEVELS))[:, 0].reshape(
            posterior.shape
        )
    x = np.array(np.broadcast_to(closed.x_params, (len(flat), LEVELS)))
    todo = np.arange(len(flat))
    for _ in range(ITERATIONS):
        unsettled = Posterior(spec, {name: values[todo] for name, values in flat.c.items()})
        at = x[todo]
        below, here, above = (
            unsettled.relative_log_loss({"params": at + h, "tokens": budgets - at - h})
            for h in (-STEP, 0.0, STEP)
        )
        slope, bend = (above - below) / (2 * STEP), (above - 2 * here + below) / STEP**2
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = np.where(bend > 0, -slope / bend, -np.sign(slope) * LONGEST)
        move = np.clip(np.nan_to_num(newton), -LONGEST, LONGEST)
        x[todo] += move
        todo = todo[(np.abs(move) > CLOSE).any(axis=1)]
        if not len(todo):
            break
    away = budgets - budgets.mean()
    return (x @ away / (away @ away)).reshape(posterior.shape)
