"""Fitted links of tasks: scores of planned runs, and the compute that reaches a threshold."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._arguments import positive_array, probability
from bayesscale._format import list_some, over_interval, percent, write_share
from bayesscale._random import Stream, generator
from bayesscale._sections import Heading, Section, Table, findings, further
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.errors import (
    PACKAGE,
    ConvergenceWarning,
    DomainError,
    ExtrapolationWarning,
    RunsWarning,
    unknown_name,
)  # fmt: skip
from bayesscale.forecast import (
    VALIDATED_REACH,
    Answer,
    allocate,
    described,
    extrapolate,
    summary_columns,
)
from bayesscale.inference import SAMPLE_DIMS
from bayesscale.tasks.emergence import Emergence, emergence
from bayesscale.tasks.explore import Explored
from bayesscale.tasks.link import Model

BEND = 0.5
"""Standard deviation of the log ratio of a link's slope beyond the models to that among them."""

LEAST_LN_BF, LEAST_ESS, SHAPE = 3.0, 200.0, (4, 1000)
"""Nats by which a link must beat a flat one; effective draws; chains and draws."""

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

    def law(self, x: Array, group: str | None, rng: np.random.Generator) -> Array:
        """Return expected scores, logs of them for the link "score", at ``(draw, target)``."""
        task, c = self.model.task, {k: np.resize(v, len(x))[:, None] for k, v in self.c.items()}
        t, drawn = task.scaled(x), rng.standard_normal((2, len(x), 1))
        bend = np.exp(c["ln_slope"]) * np.expm1(BEND * drawn[0]) * np.maximum(t - 1, 0)
        if group in task.groups:
            offset = np.resize(self.offsets[:, task.groups.index(group)], len(x))[:, None]
        else:
            offset = np.exp(c["ln_offset"]) * drawn[1] if "ln_offset" in c else 0.0
        return self.model.mean(c, self.model.eta(c, t) + bend + offset)

    def scores(self, law: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return scores of new runs with all their noise, and those expected of them."""
        task, sd = self.model.task, np.exp(np.resize(self.c["ln_sd"], len(law)))[:, None]
        if self.model.link == "score":
            sign = np.sign(task.score[0])
            return sign * np.exp(law + sd * rng.standard_normal(law.shape)), sign * np.exp(law)
        if task.questions is None:
            noise = 2 * sd * np.sqrt(law * (1 - law)) * rng.standard_normal(law.shape)
            return np.clip(law + noise, 0, 1), law
        phi = 0.25 / np.clip(sd, 1e-3, 0.45) ** 2 - 1
        rate = rng.beta(np.maximum(phi * law, 1e-6), np.maximum(phi * (1 - law), 1e-6))
        return rng.binomial(task.questions, rate) / task.questions, law


@described
@dataclass(frozen=True, repr=False, kw_only=True)
class TaskPrediction(Answer):
    """Scores of planned runs on tasks.

    Parameters
    ----------
    summary
        One row per task and target: its predictor ``x``, median loss in nats/token or FLOP;
        ``score`` as a new run would measure it, and ``law_score`` without noise, medians and
        intervals; and shares of the variance due to ``loss``, ``link`` and ``test``. NaN where
        these models cannot tell.
    draws
        ``score`` and ``law_score``, dims ``(chain, draw, task, target)``.
    """

    def body(self) -> list[Section]:
        """Return the scores, one row per task and target."""
        columns = {
            "task": lambda row: row["task"], "at": lambda row: f"{row['x']:.4g}",
            f"score, {percent(self.ci_prob)}": lambda r: over_interval(r, "score", "{:.3f}".format),
            "width from loss, link, test": lambda row: ", ".join(
                write_share(row[f"share_{part}"]) for part in ("loss", "link", "test")
            ),
        }  # fmt: skip
        return [Table.of(self.summary, columns)]


@described
@dataclass(frozen=True, repr=False, kw_only=True)
class TaskFit(Answer):
    """Links from loss or compute to the scores of tasks.

    Parameters
    ----------
    summary
        One row per task: ``models``, ``link``, ``ln_bf`` over a flat one; medians and intervals of
        the predictor ``half`` way in the link, where its argument is zero, its ``slope`` in half
        ranges of the models, and the over-dispersion ``sd``; ``ess``, effective draws; ``known``,
        whether these models show a change.
    draws
        The coordinates of the links, dims ``(chain, draw, task)``.
    links, seed
        The links, by task, and the seed of predictions.
    """

    links: Mapping[str, TaskLink]
    seed: int = 0

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the links, and of the fit that predicts losses."""
        frame = self.summary
        few, blind = (
            list(frame.index[bad]) for bad in ((frame.ess < LEAST_ESS) & frame.known, ~frame.known)
        )
        least = "Enough effective draws."
        if few:
            least = f"Too few effective draws of {list_some(few)}, as few as {frame.ess.min():.0f}."
        flat = "All scores change with the predictor."
        if blind:
            flat = (
                f"Scores of {list_some(blind)} show no change: a flat line fits equally well "
                f"(within {LEAST_LN_BF:g} nats), at chance, at the ceiling or within the noise. "
                "Train larger models, or use an easier task or a finer metric."
            )
        return (
            *super().checks,
            CheckResult("draws", "stop" if few else "ok", least, frame, ConvergenceWarning),
            CheckResult("ability", "caution" if blind else "ok", flat, frame, RunsWarning),
        )

    def sections(self) -> list[Section]:
        """Return the verdict, the links and what else the checks found."""
        title = Heading("Links from loss to scores")
        return [title, *findings(self.checks, of="link"), *self.body(), *further(self.checks)]

    def body(self) -> list[Section]:
        """Return the links, one row per task."""
        columns = {
            "task": lambda row: row["task"], "models": lambda row: str(row["models"]),
            "link": lambda row: row["link"], "ln BF over flat": lambda row: f"{row['ln_bf']:.1f}",
            "half way": lambda row: over_interval(row, "half", "{:.3g}".format),
            "SD of the rate": lambda row: over_interval(row, "sd", "{:.3f}".format),
        }  # fmt: skip
        return [Table.of(self.summary, columns)]

    def predict(
        self, *, params: ArrayLike | None = None, tokens: ArrayLike | None = None,
        flops: ArrayLike | None = None, loss: ArrayLike | None = None, group: str | None = None,
    ) -> TaskPrediction:  # fmt: skip
        """Predict scores of runs from their sizes through the fitted law of loss, or from losses.

        Parameters
        ----------
        params, tokens
            Sizes of planned runs, as :func:`~bayesscale.extrapolate` of the fit takes them.
        flops
            Compute, FLOP, for links from compute.
        loss
            Losses, nats/token, shape ``(target,)`` or draws ``(chain, draw, target)``.
        group
            The corpus or family; by default a new one.
        """
        task = next(iter(self.links.values())).model.task
        if group is not None and group not in task.groups:
            raise unknown_name("group", group, task.groups)
        if task.predictor == "flops" and flops is not None:
            x = np.log(positive_array("flops", flops, "FLOP"))
        elif task.predictor == "loss" and loss is not None:
            drawn = np.ndim(loss) == 3
            x = np.asarray(loss) if drawn else positive_array("loss", loss, "nats/token")
        elif task.predictor == "loss" and self.of is not None and params is not None:
            x = extrapolate(self.of, params=params, tokens=tokens).draws["loss"].to_numpy()
        else:
            raise DomainError(
                "A link from compute takes flops=, one from loss takes loss= or, where fit_task "
                "was given fit=, params= and tokens=."
            )
        return self._predicted(x, group)

    def _predicted(self, x: Array, group: str | None) -> TaskPrediction:
        """Push draws of the predictor ``(chain, draw, target)`` through every link."""
        x = np.broadcast_to(x, (*(SHAPE if x.ndim < 3 else x.shape[:2]), x.shape[-1]))
        flat = x.reshape(-1, x.shape[-1])
        middle, rows, drawn = np.median(flat, axis=0), [], {"score": [], "law_score": []}
        for i, (name, link) in enumerate(self.links.items()):
            rng, blind = generator(self.seed, Stream.TASKS, i), 0 if link.known else np.nan
            score, law = link.scores(link.law(flat, group, rng), rng)
            _, same = link.scores(link.law(np.broadcast_to(middle, flat.shape), group, rng), rng)
            known, link_only = law.var(axis=0), same.var(axis=0)
            parts = {"loss": np.maximum(known - link_only, 0) if np.ptp(flat, axis=0).any() else 0,
                     "link": link_only, "test": (score - law).var(axis=0)}  # fmt: skip
            columns = {f"share_{k}": v / sum(parts.values()) + blind for k, v in parts.items()}
            for kind, values in (("score", score), ("law_score", law)):
                drawn[kind].append(values.reshape(x.shape) + blind)
                columns |= summary_columns(kind, drawn[kind][-1], self.ci_prob)
            at = middle if link.model.task.predictor == "loss" else np.exp(middle)
            rows.append(pd.DataFrame({"task": name, "x": at, **columns}))
        data = {k: ((*SAMPLE_DIMS, "task", "target"), np.stack(v, 2)) for k, v in drawn.items()}
        draws = xr.Dataset(data, coords={"task": list(self.links)})
        return TaskPrediction(pd.concat(rows, ignore_index=True), draws, self.ci_prob, self.of)

    def required_flops(self, score: float, *, prob: float = 0.5) -> pd.DataFrame:
        """Return by task the compute at which the expected score passes one with a probability.

        Along the best runs of the fitted law, or directly for links from compute; infinite where
        that is beyond ten thousand times the largest model, NaN where these models show no change.
        """
        probability("prob", prob)
        task = next(iter(self.links.values())).model.task
        if task.predictor == "flops":
            flops = np.exp(task.x.max()) * REACH
            x = np.log(flops)
        elif self.of is None:
            raise DomainError("Give fit=bs.fit(...) to fit_task, to predict the loss from compute.")
        else:
            flops = self.of.runs.flops.max() * REACH
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExtrapolationWarning)
                x = allocate(self.of, flops=flops).draws["loss"].to_numpy()
        share = (self._predicted(x, None).draws["law_score"] >= score).mean(SAMPLE_DIMS).to_numpy()
        share = np.maximum.accumulate(share, axis=1)
        at = np.array([np.exp(np.interp(prob, row, np.log(flops), right=np.inf)) for row in share])
        at[[not link.known for link in self.links.values()]] = np.nan
        largest = flops[-1] / REACH[-1]
        if (far := at[np.isfinite(at)] / largest > VALIDATED_REACH).any():
            warnings.warn(
                f"{far.sum()} answers take more than {VALIDATED_REACH:g} times the largest run's "
                "compute: intervals have not been validated that far.",
                ExtrapolationWarning, skip_file_prefixes=(PACKAGE,),
            )  # fmt: skip
        columns: dict[str, Any] = {"score": score, "prob": prob, "flops": at}
        return pd.DataFrame(columns, index=pd.Index(self.links, name="task"))

    def emergence(self) -> Emergence:
        """Compare every smooth link with a change of its slope, and judge by evidence."""
        return emergence({name: link.model for name, link in self.links.items()}, self.seed)
