"""What the runs can tell apart, and which runs would cure what they cannot.

On the scale where every default prior is a standard normal, the posterior's covariance has an
eigenvalue near 0 in a direction that the runs teach and near 1 in one where the prior speaks
alone. A fit on runs along the compute-optimal frontier looks perfect and still knows only 3 of
Chinchilla's 5 unknowns: this check is what notices.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.checks.result import CheckResult
from bayesscale.errors import IdentifiabilityWarning
from bayesscale.laws import Law
from bayesscale.laws.law import SPLIT
from bayesscale.model.links import LINKS
from bayesscale.model.posterior import Posterior
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

UNLEARNED = 0.7
"""A direction that is known no better than to this share of its default prior is not learned."""

LOADING = 0.35
"""A parameter is named with a direction from this loading on."""

STEP = 1e-4

POINTS = 25
"""Sizes tried along each axis of a law's inputs."""


def check_identifiability(posterior: Posterior, runs: Runs) -> CheckResult:
    """Check which of a law's unknowns the design of the runs identifies; a note if not all.

    Two looks at the same question: the posterior's width in its widest directions, and the rank
    of the design, that is the law's slopes at the runs, at the posterior's mean. Where they
    differ, priors that were narrowed on purpose supply what the runs do not. The table holds the
    standard deviation of prior and posterior on the link's scale and the contraction
    1 - (posterior / prior variance), by coordinate of the law.
    """
    spec, c = posterior.spec, posterior.c
    law = spec.law
    m = len(law.coordinates)
    names = [k.name for k in law.coordinates]
    u = np.stack([LINKS[k.link].forward(np.ravel(c[k.name])) for k in law.coordinates], -1)
    prior_sd = np.array([spec.space.normals.get(k.name, (0, k.scale))[1] for k in law.coordinates])
    posterior_sd = u.std(axis=0, ddof=1)
    table = pd.DataFrame(
        {
            "prior_sd": prior_sd,
            "posterior_sd": posterior_sd,
            "contraction": 1 - (posterior_sd / prior_sd) ** 2,
        },
        index=pd.Index(names, name="coordinate"),
    )
    if not np.isfinite(u).all():
        text = f"NOT IDENTIFIED: {int((~np.isfinite(u)).sum())} draws are not finite numbers."
        return CheckResult("identifiability", "note", text, table, IdentifiabilityWarning)

    # the yardstick is the default prior: one that was narrowed on purpose is knowledge, not a flaw
    scale = np.array([c.scale for c in law.coordinates])
    covariance = np.atleast_2d(np.cov(u, rowvar=False)) / np.outer(scale, scale)
    variances, directions = np.linalg.eigh(covariance)
    widths = np.sqrt(np.maximum(variances, 0.0))
    sigma = float(np.mean(c["sigma"]))
    by_design, design_directions = _design_widths(spec, runs, u.mean(axis=0), scale, sigma)
    taught = int((by_design <= UNLEARNED).sum())
    if (widths > UNLEARNED).any():
        unknown, involved = widths > UNLEARNED, directions
    else:
        unknown, involved = by_design > UNLEARNED, design_directions
    named = [n for j, n in enumerate(names) if (np.abs(involved[j, unknown]) > LOADING).any()]
    passed = bool((widths <= UNLEARNED).all())
    if passed and taught == m:
        text = (
            f"Identified: the runs teach all {m} unknowns of the law (the least known combination "
            f"is known to {widths[-1]:.0%} of its default prior's width)."
        )
        return CheckResult("identifiability", "ok", text, table, IdentifiabilityWarning)

    help_ = _curing_runs(spec, runs, u.mean(axis=0), scale, covariance, sigma**2)
    flaw = _design_flaw(runs, law)
    if passed:
        text = (
            f"Identified with the help of your priors: the runs alone teach {taught} of the {m} "
            f"unknowns of the law {law.name!r}; what the priors say decides on the rest, which "
            f"involves {', '.join(named)}.{flaw} What would test them: {help_}."
        )
        return CheckResult("identifiability", "ok", text, table, IdentifiabilityWarning)
    missing = int(unknown.sum())
    text = (
        f"These runs identify {m - missing} of the {m} unknowns of the law {law.name!r}. In "
        f"{missing} direction{'s' * (missing > 1)} the prior decides, not the data; involved: "
        f"{', '.join(named)}.{flaw} Single letters there owe more to the prior than to the "
        f"runs; predictions along the design do less so. What would help most: {help_}."
    )
    return CheckResult("identifiability", "note", text, table, IdentifiabilityWarning)


def _design_widths(
    spec: ModelSpec, runs: Runs, mean: Array, scale: Array, sigma: float
) -> tuple[Array, Array]:
    """Return how well the runs alone would know each direction, as a share of the default prior.

    A direction with singular value s of the law's slopes, in units of noise and default prior, is
    known to 1 / sqrt(1 + s²); s = 0 is a missing rank.
    """
    noise = np.hypot(sigma, spec.rows(runs).log_loss_se)[:, None]
    slopes = law_slopes(spec.law, mean, spec.centred(runs)) * scale / noise
    information, directions = np.linalg.eigh(slopes.T @ slopes)
    return 1 / np.sqrt(1 + np.maximum(information, 0.0)), directions


def _design_flaw(runs: Runs, law: Law) -> str:
    """Say what about the design is degenerate, where it is plain to see."""
    logs = {name: q.on_scale(runs[name]) for name, q in law.quantities.items()}
    for name, q in law.quantities.items():
        if np.ptp(logs[name]) < 1e-6:
            return f" All runs have the same number of {q.noun} ({q.write(runs[name][0])})."
    if {"params", "tokens"} <= set(logs):
        x, y = logs["params"], logs["tokens"]
        slope, intercept = np.polyfit(x, y, 1)
        spread = np.std(y - slope * x - intercept)
        if spread < 0.05:
            return (
                f" All runs lie on one line, tokens ∝ params^{slope:.2f}: the effects of "
                "parameters and tokens cannot be told apart."
            )
        if spread < 0.5:
            return (
                f" Runs stay within a factor {np.exp(2 * spread):.1f} of the line tokens ∝ "
                f"params^{slope:.2f}, too near to it to tell parameters and tokens apart."
            )
    return ""


def _curing_runs(
    spec: ModelSpec, runs: Runs, mean: Array, scale: Array, covariance: Array, sigma2: float,
    count: int = 2,
) -> str:  # fmt: skip
    """Name the affordable runs that would narrow the posterior most, one after the other."""
    law = spec.law
    grid = _affordable_grid(runs, law)
    x = spec.centred(grid)
    slopes = law_slopes(law, mean, x) * scale
    chosen = []
    for _ in range(count):
        gain = np.einsum("ri,ij,rj->r", slopes, covariance, slopes)
        best = int(np.argmax(gain))
        chosen.append({name: float(values[best]) for name, values in grid.items()})
        j = covariance @ slopes[best]
        covariance = covariance - np.outer(j, j) / (sigma2 + gain[best])
    return " and ".join(_describe_run(run, law) for run in chosen)


def _affordable_grid(runs: Runs, law: Law) -> dict[str, Array]:
    """Return candidate runs: a factor 4 beyond the sizes seen, at no more compute than seen."""
    axes = []
    for name, q in law.quantities.items():
        low, high = runs[name].min(), runs[name].max()
        far = q.scale == "log"
        axes.append(np.geomspace(low / 4, high * 4, POINTS) if far else np.linspace(low, high, 5))
    points = [a.ravel() for a in np.meshgrid(*axes)]
    grid = dict(zip(law.quantities, points, strict=True))
    if set(SPLIT) <= set(grid):
        cost = grid["params"] * grid["tokens"]
        seen = runs.params * runs.tokens
        affordable = (cost <= seen.max()) & (cost >= seen.min())
        grid = {name: values[affordable] for name, values in grid.items()}
    return grid


def _describe_run(run: Mapping[str, float], law: Law) -> str:
    parts = []
    for name, q in law.quantities.items():
        parts.append(f"{q.write(run[name])} {q.unit if q.style == 'flops' else q.noun}")
    return "a run of " + " on ".join(parts)


def law_slopes(law: Law, u: Array, x: Mapping[str, Array]) -> Array:
    """Return ``d ln L / d u`` by central differences, shape ``(run, coordinate)``, at coordinates
    on the scale of their links, shape ``(coordinate,)``, and centred inputs of shape ``(run,)``.
    """  # noqa: D205

    def log_loss(at: Array) -> Array:
        c = {k.name: LINKS[k.link].backward(v) for k, v in zip(law.coordinates, at, strict=True)}
        return law.log_loss(c, x, np)

    steps = STEP * np.eye(len(u))
    return np.stack([(log_loss(u + s) - log_loss(u - s)) / (2 * STEP) for s in steps], axis=-1)
