"""Fit the links from loss to scores of tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale._arguments import choice, interval_tails, random_seed as checked_seed
from bayesscale._random import Stream, generator
from bayesscale.forecast import summary_columns
from bayesscale.inference import SAMPLE_DIMS, Average, Fit
from bayesscale.quantities import LOSS
from bayesscale.runs import Runs, Table
from bayesscale.tasks.ability import TaskFit, TaskLink
from bayesscale.tasks.intake import Task, by_task, one_task, tables
from bayesscale.tasks.link import LINKS, Model

CHAINS, DRAWS = 4, 1000


def fit_task(
    runs: Runs | Table, *, task: str | Sequence[str],
    questions: int | None | Mapping[str, int | None], chance: float | Mapping[str, float] = 0.0,
    steps: int | Mapping[str, int] = 1, metric: str | Mapping[str, str] = "accuracy",
    link: str | None = None, predictor: str = "loss", group: str | None = None,
    fit: Fit | Average | None = None, ci_prob: float = 0.9, random_seed: int = 0,
) -> TaskFit:  # fmt: skip
    """Fit how scores of tasks follow from the loss of models, and from it from their sizes.

    Parameters
    ----------
    runs
        One finished model a row, with losses and a column for each task.
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

    Returns
    -------
    TaskFit
        Its ``predict``, ``required_flops`` and ``emergence`` answer questions.

    Raises
    ------
    RunsError
        If scores are no shares, or not of so many questions, lie far below chance, fall with
        ability, are of checkpoints of one run or of fewer than four models, or there is no loss.

    Examples
    --------
    >>> found = bs.fit_task(frame, task="arc_easy", questions=2376, chance=0.25, fit=fit)
    ... # doctest: +SKIP
    >>> found.predict(params=70e9, tokens=1.4e12).summary         # doctest: +SKIP
    """
    interval_tails(ci_prob)
    names = [task] if isinstance(task, str) else list(task)
    seed, scores = checked_seed(random_seed), tables(runs, names, predictor, group)
    links = {}
    for i, name in enumerate(names):
        one = one_task(
            scores, name, predictor, questions=by_task(questions, name, None),
            metric=by_task(metric, name, "accuracy"), chance=by_task(chance, name, 0.0),
            steps=by_task(steps, name, 1),
        )  # fmt: skip
        kind = "score" if one.metric != "accuracy" else "power" if one.steps > 1 else "sigmoid"
        if link is not None and one.metric == "accuracy":
            kind = choice("link", link, LINKS[:3])
        links[name] = _linked(one, kind, generator(seed, Stream.TASKS, i))
    coordinates = {
        name: ((*SAMPLE_DIMS, "task"), np.stack([
            each.c.get(name, np.full(CHAINS * DRAWS, np.nan)).reshape(CHAINS, DRAWS)
            for each in links.values()], axis=-1))
        for name in ("level", "ln_slope", "ceiling", "ln_sd", "ln_offset")
    }  # fmt: skip
    draws = xr.Dataset(coordinates, coords={"task": names})
    table = pd.concat([_row(name, each, ci_prob) for name, each in links.items()])
    return TaskFit(summary=table, draws=draws, ci_prob=ci_prob, of=fit, links=links, seed=seed)


def _linked(task: Task, link: str, rng: np.random.Generator) -> TaskLink:
    """Fit one task, and a flat line beside."""
    model = Model(task, link)
    flat = replace(model, flat=True).explore(CHAINS * DRAWS, rng)
    found = model.explore(CHAINS * DRAWS, rng)
    c = model.coordinates(found.u, found.place)
    offsets = model.offsets(c, rng) if task.grouped else np.empty((len(found.u), 0))
    return TaskLink(model, found, found.log_evidence - flat.log_evidence, c, offsets)


def _row(name: str, link: TaskLink, ci_prob: float) -> pd.DataFrame:
    """Return a row of the summary."""
    task, c = link.model.task, link.c
    half = np.ptp(task.x) / 2
    at = (task.x.min() + task.x.max()) / 2 + (
        half * c["level"] / np.exp(c["ln_slope"]) * (1 if task.predictor == LOSS.name else -1)
    )
    parts = {"half": at, "slope": np.exp(c["ln_slope"]) / half, "sd": np.exp(c["ln_sd"])}
    columns = {"models": len(task.t), "link": link.model.link, "ln_bf": link.ln_bf}
    for part, values in parts.items():
        columns |= summary_columns(part, values[None, :, None], ci_prob)
    ess, mcse = link.found.ess, link.found.mcse
    return pd.DataFrame({**columns, "known": link.known, "ess": ess, "mcse": mcse},
                        index=pd.Index([name], name="task"))  # fmt: skip
