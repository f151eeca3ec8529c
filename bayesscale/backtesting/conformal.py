r"""Split conformal prediction on rolling folds: intervals from what least squares got wrong before.

Inside the fitted runs, the smaller ones are fitted by the state of practice (:mod:`.approach3`) and
the larger ones predicted, at the reach that is asked for or, where too few runs would be left, at
the farthest that leaves enough; then once more a factor lower, and so on. The predictions missed
by :math:`|e_1|, \dots, |e_n|` of log loss, and an interval of probability p around the prediction
of a new run ends at

.. math:: \hat y \pm |e|_{(\lceil p (n + 1) \rceil)}

or at the largest of them, where there is none of that rank. Were the new errors exchangeable with
the old ones, the interval would hold at least so often. They are not quite, as reach grows.

References
----------
.. [1] Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), JASA 113(523), 1094-1111.
"""

import numpy as np

from bayesscale._types import Array
from bayesscale.backtesting.approach3 import fit_power_laws, log_power_laws

RUNS_PER_COEFFICIENT = 2
"""With fewer runs than that, least squares is not asked, nor of less than half of the runs: what it
misses by then says little of a fit to all."""

DRAWS = 1000

ROUNDING = 1e-9


def predict_by_conformal(
    x: Array, flops: Array, log_loss: Array, x_new: Array, flops_new: Array
) -> Array:
    """Give the log loss of new runs as quantiles, shape ``(quantile, new run)``, to serve as draws.

    ``x`` and ``x_new`` are logs of inputs, shape ``(input, run)``; each new run has more compute
    than the fitted ones.
    """
    errors = np.sort(np.abs(_errors(x, flops, log_loss, float(flops_new.max() / flops.max()))))
    n = len(errors)
    p = (np.arange(DRAWS // 2) + 0.5) / (DRAWS // 2)
    half = errors[np.minimum(np.ceil(p * (n + 1)).astype(int), n) - 1]
    middle = _predicted(x, log_loss, x_new)
    return middle + np.concatenate([-half[::-1], half])[:, None]


def _errors(x: Array, flops: Array, log_loss: Array, reach: float) -> Array:
    """Return observed minus predicted log loss over folds inside the fitted runs."""
    least = max(RUNS_PER_COEFFICIENT * (2 * len(x) + 1), len(flops) / 2)
    cuts = np.array([cut for cut in np.unique(flops) if (flops < cut).sum() >= least])
    errors, left = [], len(flops)
    if len(cuts):
        factor = min(reach, flops.max() / cuts[0])
        steps = np.log(flops.max() / cuts[0]) / np.log(factor) if factor > 1 else 0.0
        for fold in range(1, int(steps + ROUNDING) + 1):
            small = flops < flops.max() / factor**fold * (1 - ROUNDING)
            if small.sum() < left:
                left = int(small.sum())
                predicted = _predicted(x[:, small], log_loss[small], x[:, ~small])
                errors.append(log_loss[~small] - predicted)
    if not errors:  # what the fit itself leaves over is all that there is
        return log_loss - _predicted(x, log_loss, x)
    return np.concatenate(errors)


def _predicted(x: Array, log_loss: Array, x_new: Array) -> Array:
    centre = x.mean(axis=1, keepdims=True)
    return log_power_laws(fit_power_laws(x - centre, log_loss), x_new - centre)
