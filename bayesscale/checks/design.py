"""What is degenerate about a design of runs, and which runs would cure it."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from bayesscale._format import list_some
from bayesscale._sections import CheckResult, Severity
from bayesscale._types import Array
from bayesscale.errors import PriorWarning
from bayesscale.laws import SPLIT, Law
from bayesscale.model import LINKS, ModelSpec, Posterior, has_noise_floor, share_sums
from bayesscale.quantities import EPOCHS, UNIQUE_TOKENS
from bayesscale.runs import MOST_EPOCHS, Runs

STEP = 1e-4
"""Step of finite differences on the scale of the links."""

ON_LINE, NEAR_LINE = 0.05, 0.2
"""Scatter of ln D around a line in ln N, up to which runs lie on the line or too near it. Public
ladders of two sizes scatter by .6 and more, sweeps of one size by .24."""

SAME = 0.01
"""Range of logs up to which runs have the same size."""

POINTS = 25
"""Sizes tried along each axis of a law's inputs."""


def check_design(spec: ModelSpec, runs: Runs) -> tuple[CheckResult, ...]:
    """Check runs for what no law can mend, and state the law's own caveats: the findings only."""
    law, flaws = spec.law, list[tuple[str, Severity, str]]()
    flaw = design_flaw(runs, law)
    if flaw:
        line = " line" in flaw
        others = "off this line, and the best split," if line else "for other values"
        text = f"{flaw.strip()} Predictions {others} depend on the priors."
        flaws.append(("runs on one line" if line else "constant input", "caution", text))
    if EPOCHS.name in runs and UNIQUE_TOKENS.name not in law.quantities:
        epochs = runs[EPOCHS.name]
        many = runs.run_ids[epochs > MOST_EPOCHS]
        text = (
            f"Runs repeat their data up to {epochs.max():.3g} times; the law {law.name!r} counts "
            "repeated tokens as new."
        )
        if len(many):
            text += (
                f" Above {MOST_EPOCHS} times ({len(many)} of {len(runs)} runs: {list_some(many)}) "
                "repeated tokens are worth much less, so exponents and forecasts are unreliable: "
                "leave these runs out, or fit a law of unique_tokens, law='data_constrained'."
            )
        flaws.append(("repeated data", "caution" if len(many) else "note", text))
    whole = share_sums(law, runs)
    if np.abs(whole - 1).max() > 1e-6:
        text = (
            f"Shares sum to {whole.min():.4g} to {whole.max():.4g}, probably by rounding: they are "
            "rescaled to sum to 1."
        )
        flaws.append(("rounded shares", "note", text))
    if has_noise_floor(spec, runs) and runs.loss_se is not None:
        text = (
            "The losses match a law to within rounding, so there is no noise to estimate. A "
            f"standard error of {runs.loss_se[0]:.2g} nats/token is assumed. Intervals describe "
            "these numbers; they do not predict training runs."
        )
        flaws.append(("noise-free losses", "note", text))
    for caveat in law.caveats(runs):
        flaws.append(("caveat of the law", "caution", caveat))
    return tuple(CheckResult(*each, pd.DataFrame(), PriorWarning) for each in flaws)


def design_flaw(runs: Runs, law: Law) -> str:
    """Describe what about the design is degenerate, where it is plain to see; else nothing."""
    logs = {name: q.on_scale(runs[name]) for name, q in law.quantities.items()}
    for name, q in law.quantities.items():
        if np.ptp(logs[name]) < (SAME if q.scale == "log" else 1e-6):
            return f" All runs have the same number of {q.noun} ({q.write(runs[name][0])})."
    on_logs = [q for q in law.quantities.values() if q.scale == "log"]
    for one, other in combinations(on_logs, 2):
        x, y = logs[one.name], logs[other.name]
        slope, intercept = np.polyfit(x, y, 1)
        spread = np.std(y - slope * x - intercept)
        line = f"{other.noun} ∝ {one.noun}^{slope:.2f}"
        effects = f"effects of {one.noun} and {other.noun}"
        if spread < ON_LINE:
            return f" All runs lie on one line, {line}: the {effects} cannot be told apart."
        if spread < NEAR_LINE:
            return (
                f" Runs stay within a factor of {np.exp(2 * spread):.1f} of the line {line}: the "
                f"{effects} can hardly be told apart."
            )
    return ""


def curing_runs(posterior: Posterior, runs: Runs, count: int = 2) -> str:
    """Name affordable runs that would narrow the law most, one by one, in normal theory."""
    spec, law = posterior.spec, posterior.spec.law
    u = np.stack([LINKS[k.link].forward(np.ravel(posterior.c[k.name])) for k in law.coordinates])
    covariance = np.atleast_2d(np.cov(u))
    noise2 = float(np.mean(posterior.c["sigma"])) ** 2
    grid = _affordable_grid(runs, law)
    slopes = law_slopes(law, u.mean(axis=1), spec.centred(grid))
    chosen = []
    for _ in range(count):
        gain = np.einsum("ri,ij,rj->r", slopes, covariance, slopes)
        best = int(np.argmax(gain))
        chosen.append({name: values[best].item() for name, values in grid.items()})
        j = covariance @ slopes[best]
        covariance = covariance - np.outer(j, j) / (noise2 + gain[best])
    return " and ".join(f"a run of {size_in_words(run, law)}" for run in chosen)


def _affordable_grid(runs: Runs, law: Law) -> dict[str, Array]:
    """Return candidate runs: a factor 4 beyond the sizes seen, at no more compute than seen."""
    axes = []
    for name, q in law.quantities.items():
        if q.role == "label":
            axes.append(np.array(q.levels))
            continue
        low, high = runs[name].min(), runs[name].max()
        far, origin = q.scale == "log", law.references.get(name)
        least = low / 4 if origin is None or isinstance(origin, str) else min(low, origin)
        axis = np.geomspace(least, high * 4, POINTS) if far else np.linspace(low, high, 5)
        axes.append(np.unique((np.round(axis) if q.whole else axis).clip(q.least, q.most)))
    points = [a.ravel() for a in np.meshgrid(*axes)]
    grid = dict(zip(law.quantities, points, strict=True))
    if set(SPLIT) <= set(grid):
        cost = grid["params"] * grid["tokens"]
        seen = runs.params * runs.tokens
        affordable = (cost <= seen.max()) & (cost >= seen.min())
        grid = {name: values[affordable] for name, values in grid.items()}
    return grid


def size_in_words(run: Mapping[str, float], law: Law) -> str:
    """Write the size of a run, such as ``70B parameters on 1.4T tokens``."""
    parts = [
        f"{q.write(run[name])} {q.unit if q.style == 'flops' else q.noun}"
        for name, q in law.quantities.items()
    ]
    return ", ".join([" on ".join(parts[:2]), *parts[2:]])


def law_slopes(law: Law, u: Array, x: Mapping[str, Array]) -> Array:
    """Return ``d ln L / d u``, ``(..., run, coordinate)``, for u on the scale of the links.

    The first axis of u is that of the coordinates; those of one draw need no other.
    """

    def log_loss(at: Array) -> Array:
        c = {k.name: LINKS[k.link].backward(v) for k, v in zip(law.coordinates, at, strict=True)}
        return law.log_loss(c, x, np)

    steps = STEP * np.eye(len(u)).reshape(len(u), -1, *[1] * (u.ndim - 1))
    return np.stack([(log_loss(u + s) - log_loss(u - s)) / (2 * STEP) for s in steps], axis=-1)
