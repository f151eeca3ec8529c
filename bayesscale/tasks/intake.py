"""Measured scores of tasks with losses or compute, and the checks of them."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from bayesscale._arguments import choice, number, whole_number
from bayesscale._format import list_some
from bayesscale._types import Array
from bayesscale.errors import DomainError, RunsError, UnknownNameError, unknown_name
from bayesscale.runs import Runs, Table

METRICS = {"accuracy": 1, "log_likelihood": -1, "brier": 1}
"""And the sign of their scores."""

LEAST_MODELS, PREDICTORS = 4, ("loss", "flops")
STEPS, MODEL = {"step", "steps", "checkpoint"}, {"params", "n_params", "model", "run", "run_id"}


@dataclass(frozen=True, eq=False)
class Task:
    """Scores ``(model,)`` by group, and their predictor: loss in nats/token, or ln compute."""

    name: str
    metric: str
    predictor: str
    score: Array
    x: Array
    questions: int | None
    chance: float
    steps: int
    groups: tuple[str, ...]
    member: NDArray[np.intp]
    weight: float = 1.0  # of log likelihoods

    def scaled(self, x: Array) -> Array:
        """Return predictors in half ranges of the models, better to the right."""
        low, high = self.x.min(), self.x.max()
        return (-1 if self.predictor == "loss" else 1) * (2 * x - low - high) / (high - low)

    def at(self, t: Any) -> Array:
        """Return the predictors, as people count them, of scaled ones."""
        low, high = self.x.min(), self.x.max()
        x = (low + high + (-1 if self.predictor == "loss" else 1) * t * (high - low)) / 2
        return x if self.predictor == "loss" else np.exp(x)


def scores_of(
    runs: Runs | Table, names: list[str], predictor: str, group: str | None
) -> pd.DataFrame:
    """Return scores by task, the predictor ``_x``, the group, and suspected checkpoints."""
    choice("predictor", predictor, PREDICTORS)
    frame = runs.to_frame() if isinstance(runs, Runs) else pd.DataFrame(cast(Any, runs))
    for name in (*names, *([group] if group else [])):
        if name not in frame:
            raise unknown_name("column", name, [str(name) for name in frame])
    if predictor == "flops" and "flops" in frame:
        x = pd.to_numeric(frame["flops"]).to_numpy(float)
    else:
        try:
            table = runs if isinstance(runs, Runs) else Runs.from_frame(frame)
        except (RunsError, UnknownNameError) as error:
            raise RunsError(
                f"{error} A task is linked to the models' loss; without losses, "
                "predictor='flops' takes the column 'flops', compute in FLOP."
            ) from error
        x = table.loss if predictor == "loss" else table.flops
    scores = frame[names].apply(pd.to_numeric)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores["_x"] = np.log(x) if predictor == "flops" else x
    scores["_group"] = frame[group].astype(str) if group else ""
    alike = [c for c in frame if c in MODEL or c == group]
    steps = [c for c in frame if str(c).lower() in STEPS]
    scores["_again"] = frame.duplicated(alike, keep=False) if steps and alike else False
    if "cluster" in frame:
        scores["_again"] = frame.duplicated("cluster", keep=False) & frame["cluster"].ne("")
    return scores[np.isfinite(scores["_x"])]


def checked_task(
    scores: pd.DataFrame, name: str, predictor: str, *, metric: str, questions: int | None,
    chance: float, steps: int,
) -> Task:  # fmt: skip
    """Check the scores of one task."""
    rows = scores[scores[name].notna()].sort_values("_group", kind="stable")
    y, x, again = (rows[c].to_numpy() for c in (name, "_x", "_again"))
    sign = METRICS[choice("metric", metric, METRICS)]
    chance, steps = number("chance", chance), whole_number("steps", steps, least=1)
    n = None if questions is None else whole_number("questions", questions, least=1)
    problem = ""
    if not 0 <= chance < 1:
        raise DomainError(f"chance is a share, from 0 up to 1, not {chance:g}.")
    if len(y) < LEAST_MODELS:
        problem = f"has scores of {len(y)} models. A link needs {LEAST_MODELS}, better 8"
    elif again.any():
        problem = (
            f"has {again.sum()} rows that are checkpoints of one run, with correlated errors. Keep "
            "the last row of each run, frame[frame.step == ...]"
        )
    elif np.ptp(x) <= 0:
        problem = f"has models of one {predictor} only, so no link can be fitted"
    elif metric != "accuracy" and not (sign * y > 0).all():
        problem = f"holds {list_some(y[sign * y <= 0])}; {metric} is {'<>'[sign > 0]} 0"
    elif metric == "accuracy":
        problem = _no_share(y, n, chance)
    ability = rankdata(y if metric == "accuracy" else -np.abs(y))
    if not problem and np.ptp(ability) > 0:
        falls = np.corrcoef(rankdata(x), ability)[0, 1] * (1 if predictor == "loss" else -1)
        if falls > 0.5 + 1 / np.sqrt(len(y)):
            problem = (
                f"gets worse as models get better (rank correlation {falls:.2f}). Pass 1 - error "
                "for an error rate"
            )
    if problem:
        raise RunsError(f"The task {name!r} {problem}.")
    groups, member = np.unique(rows["_group"], return_inverse=True)
    return Task(name, metric, predictor, y, x, n, chance, steps, tuple(groups), member)


def _no_share(y: Array, n: int | None, chance: float) -> str:
    """Return why accuracies are no shares of the questions above chance, or nothing."""
    if (y > 1).any() or (y < 0).any():
        return f"holds {list_some(y[(y > 1) | (y < 0)])}; shares are from 0 to 1: divide % by 100"
    error = np.sqrt(max(chance * (1 - chance), 0.01) / (n or 100))
    if np.median(y) < chance - 3 * error:
        return (
            f"has a median of {np.median(y):.3f}, more than three standard errors ({error:.3f}) "
            f"below chance, {chance:g}. Check both, and the number of questions; where small "
            "models are drawn to wrong answers, give the share that they start from as chance"
        )
    if n is not None:
        digits = next((k for k in range(1, 9) if np.allclose(y, y.round(k), 0, 1e-12)), 9)
        rounded, off = 0.5 * n * 10.0**-digits, np.abs(y * n - (y * n).round())
        if rounded < 0.25 and (off > rounded + 0.01).mean() > 0.1:
            return (
                f"holds {y[off.argmax()]:.6g}, which is not a share of {n} questions. An average "
                "over several tasks, such as MMLU, has no count: questions=None"
            )
    return ""
