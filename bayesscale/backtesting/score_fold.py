"""One fold: what each method predicts of the larger runs, and how that scores."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from bayesscale import errors
from bayesscale._random import Stream, generator
from bayesscale._types import Array
from bayesscale.backtesting.baselines import predict_by_bootstrap, predict_by_conformal
from bayesscale.backtesting.folds import Fold
from bayesscale.backtesting.joint import judge_errors
from bayesscale.backtesting.scores import normal_log_score, score_draws
from bayesscale.checks import CheckResult
from bayesscale.forecast import extrapolate
from bayesscale.inference import Fit
from bayesscale.laws import Law
from bayesscale.model import MATHS, Residuals
from bayesscale.runs import Runs

METHODS = POSTERIOR, APPROACH3, CONFORMAL = "bayesscale", "approach3", "conformal"


@dataclass(frozen=True)
class FoldScore:
    """Points of one fold, its row of ``Backtest.folds``, checks, and replicates of errors."""

    points: pd.DataFrame
    fold: Mapping[str, float]
    checks: tuple[CheckResult, ...]
    replicates: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types, every number exact."""
        checks = [
            vars(c) | {"table": c.table.to_dict("tight"), "warning": c.warning.__name__}
            for c in self.checks
        ]
        tables = {name: getattr(self, name).to_dict("tight") for name in ("points", "replicates")}
        return {**tables, "fold": dict(self.fold), "checks": checks}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> FoldScore:
        """Rebuild it from :meth:`as_dict`."""
        checks = [
            CheckResult(
                **c | {"table": _table(c["table"]), "warning": getattr(errors, c["warning"])}
            )
            for c in stored["checks"]
        ]
        points, replicates = (_table(stored[name]) for name in ("points", "replicates"))
        return cls(points, stored["fold"], tuple(checks), replicates)


def score_fold(fit: Fit, fold: Fold) -> FoldScore:
    """Predict the larger runs of a fold by every method, and score the predictions."""
    small, large = fold.small, fold.large
    x, x_new = _log_sizes(fit.law, small), _log_sizes(fit.law, large)
    y, observed = np.log(small.loss), np.log(large.loss)
    rng = generator(fit.sampling.random_seed, Stream.BASELINES)
    draws = {
        POSTERIOR: np.log(_predictive(fit, large)),
        APPROACH3: predict_by_bootstrap(x, y, x_new, rng),
        CONFORMAL: predict_by_conformal(x, small.flops, y, x_new, large.flops),
    }
    tables = []
    for method, values in draws.items():
        table = score_draws(values, observed)
        table["log_score"] = (
            exact_log_score(fit, large)
            if method == POSTERIOR
            else normal_log_score(values, observed)
        )
        labels = {
            "fold": fold.number, "run": large.run_ids, "method": method, "flops": large.flops,
            "reach": large.flops / small.flops.max(), "next": fold.next_runs,
            "observed": large.loss,
        }  # fmt: skip
        tables.append(pd.concat([pd.DataFrame(labels), table], axis=1))
    ahead, ends = fold.next_runs, np.log(tables[0][["lower90", "upper90"]].to_numpy())
    errors, replicates = judge_errors(
        draws[POSTERIOR][:, ahead], observed[ahead], ends[ahead, 0], ends[ahead, 1]
    )
    return FoldScore(
        points=pd.concat(tables, ignore_index=True),
        fold={
            "fold": fold.number, "n_train": len(small), "n_test": len(large),
            "flops_train": float(small.flops.max()),
            "reach": float(large.flops.max() / small.flops.max()),
            "n_next": int(ahead.sum()),
            "reach_next": float(large.flops[ahead].max() / small.flops.max()),
            **errors,
        },
        checks=tuple(
            replace(check, text=f"Fold {fold.number}, {len(small)} runs: {check.text}")
            for check in fit.checks
        ),
        replicates=replicates,
    )  # fmt: skip


def _predictive(fit: Fit, large: Runs) -> Array:
    """Return draws of the runs' loss, shape ``(draw, run)``."""
    inputs: Any = {name: large[name] for name in fit.law.quantities}
    with warnings.catch_warnings():
        # how far to trust it is what is tested
        warnings.simplefilter("ignore", errors.ExtrapolationWarning)
        answer = extrapolate(fit, **inputs, loss_se=large.loss_se)
    return answer.draws["loss"].to_numpy().reshape(-1, len(large))


def exact_log_score(fit: Fit, large: Runs) -> Array:
    """Return the log density of each run, ``(run,)``: noise around the law, mixed over draws."""
    posterior, noise = fit.posterior.flat(), fit.spec.noise
    log_loss = posterior.log_loss(large)
    se = 0.0 if large.loss_se is None else large.loss_se
    c = posterior.noise_at(large)
    scale = np.hypot(c["sigma"], se / np.exp(log_loss))
    residuals = Residuals.alone(np.log(large.loss) - log_loss, scale, MATHS)
    density = noise.density(residuals, c, MATHS)
    return logsumexp(density, axis=0) - np.log(len(density))


def _log_sizes(law: Law, runs: Runs) -> Array:
    """Return what the baselines predict from, shape ``(input, run)``: inputs that grow."""
    growing = law.split or [name for name, q in law.quantities.items() if q.scale == "log"]
    return np.log(np.stack([runs[name] for name in growing or ["flops"]]))


def _table(stored: Any) -> pd.DataFrame:
    return pd.DataFrame.from_dict(stored, orient="tight")
