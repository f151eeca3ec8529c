"""Fit the links from loss to scores of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale._arguments import choice, interval_tails, random_seed as checked_seed, several
from bayesscale._random import Stream, generator
from bayesscale.forecast import summary_columns
from bayesscale.inference import SAMPLE_DIMS, Average, Fit
from bayesscale.runs import Runs, Table
from bayesscale.tasks.ability import SHAPE, TaskFit, TaskLink
from bayesscale.tasks.intake import checked_task, scores_of
from bayesscale.tasks.link import LINKS, PRIORS, Model

DEFAULTS = {"questions": None, "chance": 0.0, "steps": 1, "metric": "accuracy"}


def fit_task(
    runs: Runs | Table, *, task: str | Sequence[str],
    questions: int | Mapping[str, int | None] | None, chance: float | Mapping[str, float] = 0.0,
    steps: int | Mapping[str, int] = 1, metric: str | Mapping[str, str] = "accuracy",
    link: str | None = None, predictor: str = "loss", group: str | None = None,
    fit: Fit | Average | None = None, ci_prob: float = 0.9, random_seed: int = 0,
) -> TaskFit:  # fmt: skip
    """Fit how scores of tasks follow from the loss of models, and from it from their sizes.

    Parameters
    ----------
    runs
        One row per finished model, with losses and a column for each task.
    task
        Column of the scores of a task, or several.
    questions
        How many questions the task has; None for an average over several tasks.
    chance
        Accuracy of guessing, a share in [0, 1). This and the next two also by task.
    steps
        Steps of an answer that must all be right, >= 1: the accuracy is that power of one step's.
    metric
        ``"accuracy"``, a share; ``"log_likelihood"``, below 0; or ``"brier"``, above 0.
    link
        ``"sigmoid"``, ``"exponential"`` or ``"power"``; by default the last where there are several
        steps, else the first.
    predictor
        ``"loss"``, or ``"flops"`` for a link from compute without a law of loss.
    group
        Column of the corpus or family, whose offsets are learned.
    fit
        The law of loss, or an average of several, that planned runs take their losses from.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    random_seed
        Seed of the draws.

    Returns
    -------
    TaskFit
        With the methods ``predict``, ``required_flops`` and ``emergence``.

    Raises
    ------
    RunsError
        If scores are not shares, or not multiples of one question, lie far below chance, fall with
        ability, are of checkpoints of one run or of fewer than four models, or there is no loss.

    Examples
    --------
    >>> found = bs.fit_task(frame, task="arc_easy", questions=2376, fit=fit)  # doctest: +SKIP
    >>> found.predict(params=70e9, tokens=1.4e12).summary         # doctest: +SKIP
    """
    interval_tails(ci_prob)
    names = [task] if isinstance(task, str) else several("task", task)
    seed, scores = checked_seed(random_seed), scores_of(runs, names, predictor, group)
    given = {"questions": questions, "chance": chance, "steps": steps, "metric": metric}
    links: dict[str, TaskLink] = {}
    for i, name in enumerate(names):
        own: dict[str, Any] = {
            k: v.get(name, DEFAULTS[k]) if isinstance(v, Mapping) else v for k, v in given.items()
        }
        one, kind = checked_task(scores, name, predictor, **own), "score"
        if one.metric == "accuracy":
            default = "power" if one.steps > 1 else "sigmoid"
            kind = default if link is None else choice("link", link, LINKS)
        links[name] = _linked(Model(one, kind), generator(seed, Stream.TASKS, i))
    drawn = {(name, k): v.reshape(SHAPE) for name, each in links.items() for k, v in each.c.items()}
    draws = xr.Dataset({
        k: ((*SAMPLE_DIMS, "task"), np.stack(
            [drawn.get((name, k), np.full(SHAPE, np.nan)) for name in names], axis=-1))
        for k in PRIORS
    }, coords={"task": names})  # fmt: skip
    rows = [_row(each, ci_prob) for each in links.values()]
    table = pd.DataFrame(rows, index=pd.Index(names, name="task"))
    return TaskFit(summary=table, draws=draws, ci_prob=ci_prob, of=fit, links=links, seed=seed)


def _linked(model: Model, rng: np.random.Generator) -> TaskLink:
    """Fit one task, and a flat line beside."""
    flat, found = replace(model, flat=True).explore(rng), model.explore(rng)
    c = model.coordinates(found.u, found.place)
    ln_bf = found.log_evidence - flat.log_evidence
    return TaskLink(model, found, ln_bf, c, model.offsets(c, rng))


def _row(link: TaskLink, ci_prob: float) -> dict[str, Any]:
    """Return a row of the summary."""
    task, c = link.model.task, link.c
    slope = np.exp(c["ln_slope"])
    parts = {"half": task.at(-c["level"] / slope), "slope": slope, "sd": np.exp(c["ln_sd"])}
    columns = {"models": len(task.x), "link": link.model.link, "ln_bf": link.ln_bf}
    for part, values in parts.items():
        found = summary_columns(part, values.reshape(*SHAPE, 1), ci_prob)
        columns |= {k: float(v[0]) for k, v in found.items()}
    return columns | {"ess": link.found.ess, "known": link.known}
