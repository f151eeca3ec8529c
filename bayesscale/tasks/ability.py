"""Fitted links of tasks: accuracies of planned runs, and the compute that reaches a threshold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._arguments import positive_array, probability
from bayesscale._format import flops as write_flops, list_some, over_interval, percent
from bayesscale._random import Stream, generator
from bayesscale._sections import Heading, Paragraph, Section, Table, Verdict, findings, further
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.errors import BayesScaleWarning, DomainError, unknown_name
from bayesscale.forecast import Answer, allocate, extrapolate, summary_columns
from bayesscale.inference import SAMPLE_DIMS, Average, Fit
from bayesscale.quantities import LOSS
from bayesscale.tasks.emergence import Emergence, emergence
from bayesscale.tasks.explore import Explored
from bayesscale.tasks.link import Model

BEND = 0.5
"""Standard deviation of the log ratio of a link's slope beyond the models to that among them."""

LEAST_LN_BF = 3.0
"""Nats by which a link must beat a flat one for an answer."""

REACH = np.geomspace(1e-2, 1e4, 49)
"""Budgets at which a threshold is looked for, times the largest model's compute."""


@dataclass(frozen=True)
class TaskLink:
    """The posterior of a task's link: coordinates ``(draw,)``, offsets ``(draw, group)``."""

    model: Model
    found: Explored
    ln_bf: float
    c: Mapping[str, Array]
    offsets: Array

    @property
    def known(self) -> bool:
        """Whether the models show an ability that changes."""
        return self.ln_bf >= LEAST_LN_BF

    def mean(self, x: Array, group: str | None, rng: np.random.Generator) -> Array:
        """Return expected scores at predictors ``(draw, target)``."""
        task, n = self.model.task, len(x)
        pick = rng.permutation(np.resize(np.arange(len(self.c["level"])), n))
        c, t = {name: value[pick, None] for name, value in self.c.items()}, task.scaled(x)
        eta = self.model.eta(c, t)
        bend = np.expm1(BEND * rng.standard_normal((n, 1)))
        eta = eta + np.exp(c["ln_slope"]) * bend * np.maximum(t - 1, 0)
        if task.grouped:
            new = np.exp(c["ln_offset"][:, 0]) * rng.standard_normal(n)
            known = group in task.groups
            eta = eta + (self.offsets[pick, task.groups.index(group)] if known else new)[:, None]
        return self.model.mean(c, eta)

    def measured(self, mean: Array, rng: np.random.Generator) -> Array:
        """Return scores of new runs, over-dispersion and the draw of questions included."""
        task = self.model.task
        sd = np.exp(np.resize(self.c["ln_sd"], len(mean)))[:, None]
        if self.model.link == "score":
            return np.sign(task.score[0]) * np.exp(mean + sd * rng.standard_normal(mean.shape))
        if task.questions is None:
            noise = 2 * sd * np.sqrt(mean * (1 - mean)) * rng.standard_normal(mean.shape)
            return np.clip(mean + noise, 0, 1)
        phi = 0.25 / np.minimum(sd, 0.45) ** 2 - 1
        rate = rng.beta(np.maximum(phi * mean, 1e-6), np.maximum(phi * (1 - mean), 1e-6))
        return rng.binomial(task.questions, rate) / task.questions

    def shown(self, mean: Array) -> Array:
        """Return expected scores in the metric's own unit."""
        return np.sign(self.model.task.score[0]) * np.exp(mean) if self.model.link == "score" else mean


@dataclass(frozen=True, repr=False, kw_only=True)
class TaskPrediction(Answer):
    """Scores of planned runs on tasks.

    Parameters
    ----------
    summary
        One row a task and target: its ``x`` (median loss, nats/token, or compute), ``score``
        (median and interval) as a new run would measure it, ``law_score``, without its noise, and
        what shares of the variance come from the ``loss``, the ``link`` and the ``test``; NaN for
        tasks that these models cannot predict.
    draws
        ``score`` and ``law_score``, dims ``(chain, draw, task, target)``.
    """

    links: Mapping[str, TaskLink] = field(default_factory=dict)

    def body(self) -> list[Section]:
        """Return the scores, one row a task and target."""
        columns = {
            "task": lambda row: str(row["task"]), "at": lambda row: f"{row['x']:.4g}",
            f"score, {percent(self.ci_prob)}": lambda row: over_interval(
                row, "score", "{:.3f}".format
            ),
            "loss, link, test": lambda row: ", ".join(
                f"{row[f'share_{part}']:.0%}" for part in ("loss", "link", "test")
            ),
        }  # fmt: skip
        return [Table.of(self.summary, columns, "Last: shares of the variance.")]


@dataclass(frozen=True, repr=False, kw_only=True)
class TaskFit(Answer):
    """Links from loss or compute to the scores of tasks.

    Parameters
    ----------
    summary
        One row a task: ``models``, ``link``, ``ln_bf`` over a flat one, and the medians and
        intervals of the predictor ``half`` way between chance and ceiling, of the ``slope`` there
        (link's argument per nat, or per factor e of compute), and of the over-dispersion ``sd``;
        ``known``, whether the models show an ability that changes.
    draws
        The link's coordinates, dims ``(chain, draw, task)``.
    """

    links: Mapping[str, TaskLink]
    seed: int = 0

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the links, and of the fit that predicts losses."""
        frame = self.summary[["ess", "mcse"]]
        stuck = list(frame.index[frame["ess"] < 200])
        blind = [name for name, link in self.links.items() if not link.known]
        text = f"Importance sampling found too few effective draws for {list_some(stuck)}."
        few = CheckResult("draws", "stop" if stuck else "ok", text if stuck else
                          f"At least {frame['ess'].min():.0f} effective draws a task.",
                          frame, BayesScaleWarning)  # fmt: skip
        none = CheckResult("ability", "caution" if blind else "ok", (
            f"These models cannot tell on {list_some(blind)}: their scores fit a flat line as well "
            f"(less than {LEAST_LN_BF:g} nats apart). Train larger models, or take an easier task "
            "or a finer metric." if blind else "Every task changes with the models."
        ), frame, BayesScaleWarning)  # fmt: skip
        return (*super().checks, few, none)

    @property
    def verdict(self) -> Verdict:
        """Of how many tasks these models can predict scores."""
        known = sum(link.known for link in self.links.values())
        return Verdict(f"{known} of {len(self.links)} tasks can be predicted.", self.severity)

    def sections(self) -> list[Section]:
        """Return the verdict, the links and what the checks found."""
        return [Heading("From loss to ability"), *findings(self.checks, of="link"), *self.body(),
                *further(self.checks)]  # fmt: skip

    def body(self) -> list[Section]:
        """Return the links, one row a task."""
        columns = {
            "task": lambda row: str(row["task"]), "models": lambda row: str(row["models"]),
            "link": lambda row: str(row["link"]),
            "ln BF over flat": lambda row: f"{row['ln_bf']:.1f}",
            "half way": lambda row: over_interval(row, "half", "{:.3g}".format),
            "slope": lambda row: over_interval(row, "slope", "{:.3g}".format),
            "SD of the rate": lambda row: over_interval(row, "sd", "{:.3f}".format),
        }  # fmt: skip
        return [Paragraph(self.verdict.text), Table.of(self.summary, columns)]

    def predict(
        self, *, params: ArrayLike | None = None, tokens: ArrayLike | None = None,
        flops: ArrayLike | None = None, loss: ArrayLike | None = None, group: str | None = None,
    ) -> TaskPrediction:  # fmt: skip
        """Predict scores of runs from their sizes through the fitted law of loss, or from losses.

        Parameters
        ----------
        params, tokens
            Sizes of planned runs, as in :func:`~bayesscale.extrapolate` of the fit.
        flops
            Compute, FLOP, for links from compute.
        loss
            Losses, nats/token, shape ``(target,)`` or draws ``(chain, draw, target)``.
        group
            The corpus or family; one of its own by default.
        """
        first = next(iter(self.links.values())).model.task
        if first.predictor != LOSS.name:
            x = np.log(positive_array("flops", flops if flops is not None else 6.0 * np.asarray(params) * np.asarray(tokens), "FLOP"))
        elif loss is not None:
            x = np.asarray(loss, dtype=float)
        elif self.of is None:
            raise DomainError("Give losses, or fit=bs.fit(...) to fit_task for those of sizes.")
        else:
            x = extrapolate(self.of, params=params, tokens=tokens).draws["loss"].to_numpy()
        if group is not None and group not in first.groups:
            raise unknown_name("group", group, first.groups)
        return self._predicted(x if x.ndim == 3 else np.broadcast_to(x, (4, 1000, x.size)), group)

    def _predicted(self, x: Array, group: str | None) -> TaskPrediction:
        """Push draws of the predictor ``(chain, draw, target)`` through every link."""
        flat, tables, drawn = x.reshape(-1, x.shape[-1]), [], {"score": [], "law_score": []}
        middle = np.broadcast_to(np.median(flat, axis=0), flat.shape)
        for i, (name, link) in enumerate(self.links.items()):
            rng = generator(self.seed, Stream.TASKS, i)
            law, same = link.mean(flat, group, rng), link.mean(middle, group, rng)
            noisy = link.measured(law, rng)
            law, same = link.shown(law), link.shown(same)
            parts = {"link": same.var(axis=0), "test": (noisy - law).var(axis=0)}
            parts = {"loss": np.maximum(law.var(axis=0) - parts["link"], 0), **parts}
            shares = {f"share_{k}": v / sum(parts.values()) for k, v in parts.items()}
            columns = {"x": middle[0], **shares}
            for kind, values in (("score", noisy), ("law_score", law)):
                values = values.reshape(x.shape) if link.known else np.full(x.shape, np.nan)
                drawn[kind].append(values)
                columns |= summary_columns(kind, values, self.ci_prob)
            tables.append(pd.DataFrame({"task": name, **columns}))
        data = {k: ((*SAMPLE_DIMS, "task", "target"), np.stack(v, 2)) for k, v in drawn.items()}
        draws = xr.Dataset(data, coords={"task": list(self.links)})
        return TaskPrediction(summary=pd.concat(tables, ignore_index=True), draws=draws,
                              ci_prob=self.ci_prob, of=self.of, links=self.links)  # fmt: skip

    def required_flops(self, score: float, *, prob: float = 0.5) -> pd.DataFrame:
        """Return by task the compute at which the expected score passes one with a probability.

        Along the best runs of the fitted law, or directly for links from compute; infinite where
        that is beyond ten thousand times the largest model.
        """
        probability("prob", prob)
        task = next(iter(self.links.values())).model.task
        if task.predictor != LOSS.name:
            flops = np.exp(task.x.max()) * REACH
            x = np.broadcast_to(np.log(flops), (4, 1000, flops.size))
        elif self.of is None:
            raise DomainError("Give fit=bs.fit(...) to fit_task for the loss of a budget.")
        else:
            flops = self.of.runs.flops.max() * REACH
            x = allocate(self.of, flops=flops).draws["loss"].to_numpy()
        law = self._predicted(x, None).draws["law_score"]
        passed = (law >= score).mean(SAMPLE_DIMS).to_numpy() >= prob
        at = [flops[row.argmax()] if row.any() else np.inf for row in passed]
        at = np.where([link.known for link in self.links.values()], at, np.nan)
        return pd.DataFrame({"score": score, "prob": prob, "flops": at},
                            index=pd.Index(self.links, name="task"))  # fmt: skip

    def emergence(self) -> Emergence:
        """Compare every smooth link with a change of its slope, and judge by evidence."""
        return emergence({name: link.model for name, link in self.links.items()}, self.seed)
