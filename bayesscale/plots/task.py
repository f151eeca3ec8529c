"""Scores of tasks against loss or compute, and the links through them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors
from bayesscale.plots.style import ink, points
from bayesscale.tasks import TaskFit

PAST = 0.25
"""Half ranges of the models by which a link is drawn past the best one."""


@dataclass(frozen=True)
class TaskData:
    """What :func:`plot_task` draws.

    ``models``: their ``task``, predictor ``x`` (loss, nats/token, or FLOP) and ``score``; ``curve``
    the link, ``law_score`` with its interval, by ``task`` along ``x``.
    """

    models: pd.DataFrame
    curve: pd.DataFrame


def task_data(result: TaskFit) -> TaskData:
    """Return what :func:`plot_task` draws."""
    _shown.expected(result, TaskFit, "fit_task")
    tasks = [link.model.task for link in result.links.values()]
    shown = {t.name: np.exp(t.x) if t.predictor == "flops" else t.x for t in tasks}
    models = pd.concat(
        [pd.DataFrame({"task": t.name, "x": shown[t.name], "score": t.score}) for t in tasks]
    )
    x, predictor = np.concatenate([t.x for t in tasks]), tasks[0].predictor
    past = PAST * np.ptp(x) / 2
    low, high = (x.min() - past, x.max()) if predictor == "loss" else (x.min(), x.max() + past)
    along = np.linspace(low, high, _axes.POINTS)
    flops, loss = (np.exp(along), None) if predictor == "flops" else (None, along)
    return TaskData(models, result.predict(flops=flops, loss=loss).summary)


@_shown.drawing
def plot_task(result: TaskFit, *, ax: Sequence[Axes] | None = None, color: Colors = None) -> Figure:
    """Draw the scores of every task and its link: the same models under each metric.

    Parameters
    ----------
    result
        What :func:`~bayesscale.fit_task` returned. Tasks whose scores show no change have no line.
    ax
        Axes to draw into, one per task; by default those of a new figure.
    color
        Matplotlib colours of the tasks.

    Examples
    --------
    >>> bs.plot_task(bs.fit_task(frame, task=["exact", "log_likelihood"], ...))  # doctest: +SKIP
    """
    data, tasks = task_data(result), list(result.links.values())
    figure, panels = _axes.panels(len(tasks), ax)
    hues = _shown.colors_for(len(tasks), color)
    for link, axes, hue in zip(tasks, panels, hues, strict=True):
        task = link.model.task
        models, line = (part[part["task"] == task.name] for part in (data.models, data.curve))
        _axes.draw_points(axes, models["x"], models["score"], hue)
        if link.known:
            _axes.draw_band(axes, line, "x", "law_score", color=hue, alpha=0.2)
            axes.plot(line["x"], line["law_score"], color=hue)
        if link.model.link != "score":
            axes.axhline(task.chance, color=ink(0.7), linewidth=points(0.8))
        by_loss = task.predictor == "loss"
        axes.set(xscale="linear" if by_loss else "log", title=_axes.plain(task.name),
                 xlabel="loss (nats/token)" if by_loss else "FLOP",
                 ylabel=task.metric.replace("_", "-"))  # fmt: skip
        if by_loss:
            axes.invert_xaxis()
    return figure
