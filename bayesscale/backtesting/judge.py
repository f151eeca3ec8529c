"""One fold: what each method says of the larger runs, and how that scores."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesscale.backtesting.approach3 import predict_by_bootstrap
from bayesscale.backtesting.folds import Fold
from bayesscale.backtesting.persistence import predict_by_persistence
from bayesscale.backtesting.scores import normal_log_score, score_draws
from bayesscale.checks import CheckResult
from bayesscale.errors import ExtrapolationWarning
from bayesscale.forecast.extrapolate import extrapolate
from bayesscale.forecast.surface import SAMPLE_DIMS
from bayesscale.inference.result import Fit
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

POSTERIOR, APPROACH3, PERSISTENCE = "bayesscale", "approach3", "persistence"
METHODS = (POSTERIOR, APPROACH3, PERSISTENCE)


@dataclass(frozen=True)
class Judged:
    """What a fold showed.

    Parameters
    ----------
    points
        One row a method and held-out run.
    fold
        ``n_train`` and ``n_test`` runs, the largest compute fitted and the farthest reach.
    checks
        Those of the fold's posterior; each text says which fold.
    """

    points: pd.DataFrame
    fold: dict[str, float]
    checks: tuple[CheckResult, ...]


def judge(fit: Fit, fold: Fold) -> Judged:
    """Predict the larger runs of a fold by every method, and score the predictions.

    Parameters
    ----------
    fit
        A fit of the fold's smaller runs.
    fold
        The fold.

    Returns
    -------
    Judged
        Predictions, scores, and what the checks of the fit found.
    """
    small, large = fold.small, fold.large
    x, x_new, y = _log_inputs(fit, small), _log_inputs(fit, large), np.log(small.loss)
    observed = np.log(large.loss)
    rng = np.random.default_rng([fit.sampling.random_seed, 4])  # apart from those of the fit
    posterior, log_score = _predict_by_posterior(fit, large)
    draws = {
        POSTERIOR: posterior,
        APPROACH3: predict_by_bootstrap(x, y, x_new, rng),
        PERSISTENCE: predict_by_persistence(x, small.flops, y, x_new, large.flops),
    }
    tables = []
    for method, values in draws.items():
        table = score_draws(values, observed)
        exact = method == POSTERIOR
        table["log_score"] = log_score if exact else normal_log_score(values, observed)
        known = {
            "fold": fold.number, "run": large.run_ids, "method": method, "flops": large.flops,
            "reach": large.flops / small.flops.max(), "observed": large.loss,
        }  # fmt: skip
        tables.append(pd.concat([pd.DataFrame(known), table], axis=1))
    return Judged(
        points=pd.concat(tables, ignore_index=True),
        fold={
            "fold": fold.number, "n_train": len(small), "n_test": len(large),
            "flops_train": small.flops.max(), "reach": large.flops.max() / small.flops.max(),
        },
        checks=tuple(
            replace(check, text=f"Fold {fold.number}, {len(small)} runs: {check.text}")
            for check in fit.checks
        ),
    )  # fmt: skip


def _predict_by_posterior(fit: Fit, large: Runs) -> tuple[Array, Array]:
    """Return draws of the runs' log loss (draw, run), and the exact log score of each run.

    The predictive density is a mixture of the noise around the law over the posterior's draws.
    """
    inputs = {name: getattr(large, name) for name in fit.law.inputs}
    loss_se = np.zeros(len(large)) if large.loss_se is None else large.loss_se
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)  # how far to trust is what is tested
        answer = extrapolate(fit, **inputs, loss_se=loss_se).draws
    loss, law_loss = (
        answer[name].stack(sample=SAMPLE_DIMS).transpose("sample", "target").to_numpy()
        for name in ("loss", "law_loss")
    )
    posterior = fit.draws["posterior"].dataset.stack(sample=SAMPLE_DIMS)
    noise = {k.name: posterior[k.name].to_numpy()[:, None] for k in fit.spec.noise.coordinates}
    density = fit.spec.noise.log_density(
        np.log(large.loss / law_loss), np.hypot(noise["sigma"], loss_se / law_loss), noise
    )
    return np.log(loss), logsumexp(density, axis=0) - np.log(len(density))


def _log_inputs(fit: Fit, runs: Runs) -> Array:
    return np.log(np.stack([getattr(runs, name) for name in fit.law.inputs]))
