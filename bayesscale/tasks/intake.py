"""Measured scores of tasks beside losses or compute, and what cannot be meant."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from bayesscale._arguments import choice, number, shown, whole_number
from bayesscale._format import list_some
from bayesscale._types import Array
from bayesscale.errors import DomainError, RunsError, unknown_name
from bayesscale.quantities import FLOPS, LOSS, QUANTITIES
from bayesscale.runs import Runs, Table

METRICS = ("accuracy", "log_likelihood", "brier")
LEAST_MODELS = 4
STEPS = ("step", "steps", "checkpoint", "iteration")
OFF = 0.25
"""Correct answers that a share times the questions may be off a whole number."""


@dataclass(frozen=True, eq=False)
class Task:
    """Scores of models, shape ``(model,)``, sorted by group, and their predictor ``x``.

    ``x`` is the loss, nats/token, or the log of compute; ``weight`` multiplies log likelihoods.
    """

    name: str
    metric: str
    predictor: str
    score: Array
    x: Array
    questions: int | None
    chance: float
    steps: int
    groups: tuple[str, ...] = ()
    member: Array = cast(Array, None)
    weight: float = 1.0

    @property
    def grouped(self) -> bool:
        """Whether offsets of groups are learned."""
        return len(self.groups) > 1

    @cached_property
    def t(self) -> Array:
        """The predictor in half ranges of the models, better to the right."""
        return self.scaled(self.x)

    def scaled(self, x: Array) -> Array:
        """Return losses, or logs of compute, in half ranges of the models."""
        low, high = self.x.min(), self.x.max()
        sign = -1 if self.predictor == LOSS.name else 1
        return sign * (x - (low + high) / 2) / ((high - low) / 2)


def tables(
    runs: Runs | Table, names: list[str], predictor: str, group: str | None
) -> pd.DataFrame:
    """Return the scores by task, the predictor, the group and what looks like a checkpoint.

    Of a table of runs the tasks are further inputs; rows without a score stay out of that task.
    """
    choice("predictor", predictor, (LOSS.name, FLOPS.name))
    frame = runs.to_frame() if isinstance(runs, Runs) else pd.DataFrame(cast(Any, runs))
    columns = [name for name in frame if name not in QUANTITIES]
    for name in (*names, *([group] if group else [])):
        if name not in frame:
            raise unknown_name("column", name, columns)
    if predictor == FLOPS.name and not isinstance(runs, Runs) and FLOPS.name in frame:
        x = pd.to_numeric(frame[FLOPS.name], errors="coerce").to_numpy(float)
    else:
        try:
            table = runs if isinstance(runs, Runs) else Runs.from_frame(frame)
        except RunsError as error:
            hint = "A task is fitted on the models' losses; without any, predictor='flops' takes "
            raise RunsError(f"{error} {hint}the column 'flops', compute in FLOP.") from error
        x = table.loss if predictor == LOSS.name else table.flops
        if isinstance(runs, Runs) and "cluster" in frame:
            frame = frame.rename(columns={"cluster": "_run"})
    scores = pd.DataFrame({name: pd.to_numeric(frame[name], errors="coerce") for name in names})
    for name in names:
        if (unread := scores[name].isna() & frame[name].notna()).any():
            raise RunsError(f"{name!r} holds what is no number: {list_some(frame[name][unread])}.")
    labels = frame[group].astype(str).to_numpy() if group else np.full(len(frame), "")
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.log(x) if predictor == FLOPS.name else x
    scores = scores.assign(_x=known, _group=labels, _again=repeated(frame))
    return scores[np.isfinite(scores["_x"])]


def repeated(frame: pd.DataFrame) -> Array:
    """Return which rows look like checkpoints of one run: one size, at several steps."""
    step = [name for name in frame if str(name).lower() in STEPS]
    fixed = [c for c in frame if str(c) in ("params", "n_params", "N", "run", "_run", "model")]
    if "_run" in frame:
        return frame.duplicated("_run", keep=False).to_numpy()
    if not step or not fixed:
        return np.zeros(len(frame), dtype=bool)
    return (frame.duplicated(fixed, keep=False) & ~frame.duplicated([*fixed, *step])).to_numpy()


def one_task(
    scores: pd.DataFrame, name: str, predictor: str, *, metric: str, questions: int | None,
    chance: float, steps: int,
) -> Task:  # fmt: skip
    """Check the scores of one task."""
    rows = scores[scores[name].notna()].sort_values("_group", kind="stable")
    y, x, n = rows[name].to_numpy(float), rows["_x"].to_numpy(float), len(rows)
    choice("metric", metric, METRICS)
    chance, steps = number("chance", chance), whole_number("steps", steps, least=1)
    if not 0 <= chance < 1:
        raise DomainError(f"chance is a share, from 0 up to 1, not {chance:g}.")
    if n < LEAST_MODELS:
        raise RunsError(
            f"{name!r} is known of {n} models; a link needs at least {LEAST_MODELS}, better 8."
        )
    if rows["_again"].any():
        raise RunsError(
            f"{int(rows['_again'].sum())} of {n} rows of {name!r} are checkpoints of one run: they "
            "err together and are not models of their own. Keep one row a run, the last "
            "(read_runs(reading='last', run_id=...), or frame[frame.step == ...])."
        )
    if np.ptp(x) <= 0:
        raise RunsError(f"All models of {name!r} have the same {predictor}: nothing to link.")
    if metric != "accuracy":
        sign = -1 if metric == "log_likelihood" else 1
        if not (sign * y > 0).all():
            raise RunsError(
                f"A {metric} score is {'below' if sign < 0 else 'above'} 0, but {name!r} holds "
                f"{list_some(y[sign * y <= 0])}."
            )
    else:
        if questions is not None:
            questions = whole_number("questions", questions, least=1)
        _shares(name, y, questions, chance)
    gain = -np.abs(y) if metric != "accuracy" else y
    rank = np.corrcoef(rankdata(x), rankdata(gain))[0, 1] if np.ptp(gain) > 0 else 0.0
    if (rank if predictor == LOSS.name else -rank) > 0.5 + 1 / np.sqrt(n):
        raise RunsError(
            f"{name!r} gets worse as models get better (rank correlation {abs(rank):.2f}): an "
            "error rate? Pass 1 - error, or the metric that it is."
        )
    labels = rows["_group"].to_numpy()
    groups, member = np.unique(labels, return_inverse=True)
    return Task(name, metric, predictor, y, x, questions, chance, steps,
                tuple(map(str, groups)), member)  # fmt: skip


def _shares(name: str, y: Array, questions: int | None, chance: float) -> None:
    """Refuse accuracies that are none, are far below chance, or are no shares of the questions."""
    if (y > 1).any() or (y < 0).any():
        percent = (y >= 0).all() and (y <= 100).all() and y.max() > 1.5
        advice = " They look like per cent: divide by 100." if percent else ""
        raise RunsError(
            f"Accuracies are shares from 0 to 1, but {name!r} holds "
            f"{list_some(y[(y > 1) | (y < 0)])}.{advice}"
        )
    error = np.sqrt(max(chance * (1 - chance), 0.01) / (questions or 100))
    if np.median(y) < chance - 3 * error:
        raise RunsError(
            f"Half of the models of {name!r} lie below {np.median(y):.3f}, and so below chance "
            f"({chance:g}) by more than three standard errors ({error:.3f}). Is chance, or the "
            "number of questions, that of another task?"
        )
    if questions is None:
        return
    digits = next((k for k in range(1, 9) if (np.abs(y - y.round(k)) < 1e-12).all()), 9)
    count = y * questions
    off = np.abs(count - count.round()) > 0.01 + 0.5 * questions * 10.0**-digits
    if 0.5 * questions * 10.0**-digits < OFF and off.mean() > 0.1:
        raise RunsError(
            f"{name!r} is no share of {questions} questions: {shown(float(y[off][0]))} would be "
            f"{count[off][0]:.3f} correct answers. An average over several tasks, as MMLU, has no "
            "count of its own: questions=None. Otherwise give the number of questions."
        )


def by_task[T](given: T | Mapping[str, T], name: str, default: T) -> T:
    """Return what is given for a task, the same for all or by name."""
    return given.get(name, default) if isinstance(given, Mapping) else given


