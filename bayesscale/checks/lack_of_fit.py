"""Whether the law describes the runs at all.

A posterior is no better than its model. Loss that rises with size, a second descent, a kink, runs
that diverged or a prior that holds an exponent at a wrong value all give intervals, and nothing in
the draws says that they are wrong. What says it is the noise: see :mod:`.implied_noise` for why
what a good model leaves over is known exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc, chdtrc, ndtri, stdtrit

from bayesscale._format import list_some, si_count
from bayesscale.checks.implied_noise import normal_scores, standardised
from bayesscale.checks.neighbours import common_share, local_sums, neighbour_graph
from bayesscale.checks.replicates import Sizes, shared_by_replicates
from bayesscale.checks.result import CheckResult
from bayesscale.errors import LackOfFitWarning
from bayesscale.model.noise import StudentT
from bayesscale.model.posterior import Posterior
from bayesscale.model.priors import resolve_priors
from bayesscale.model.rows import Rows
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

ERROR_RATE = 0.01
"""At most this share of good models is called bad, over all tests together."""

TESTS = 4

MATERIAL_SHARE = 0.25
"""A smaller share of the noise that runs have in common is not held against a law, be it ever so
certain: with thousands of runs the least flaw is. Four neighbours that share .25 make intervals
too narrow by a factor of about sqrt(1 + 4 × .25) = 1.4."""

FAR = 0.006
"""Share of runs, at most, that noise puts far above the law."""

HEAVIEST_NU = 2.0
"""Tails of Student-t noise heavier than with these degrees of freedom are not noise."""

VALUES = 500_000
"""Draws × runs looked at, within 10 and 100 draws."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a test found: a figure, how likely by chance, and what is wrong if something is."""

    figure: float
    p: float
    problem: str = ""

    @classmethod
    def of(cls, figure: float, p: float, problem: str, *, material: bool = True) -> "_Finding":
        return cls(figure, p, problem if material and p < ERROR_RATE / TESTS else "")


def check_lack_of_fit(posterior: Posterior, runs: Runs) -> CheckResult:
    """Check that what the law leaves over is noise; a caution if it is not.

    Four tests, each with a quarter of an error rate of 1 %. ``neighbours``: runs of similar size
    miss the law together. ``replicates``: runs of the same size agree with each other, but not
    with the law. ``far_above``: more runs lie far above the law than noise puts there, such as
    diverged ones. ``discrepancy``: the law had to be bent further than its discrepancy expects.

    The table holds a figure and its p-value by test, NaN where a test does not apply: the share of
    the noise that neighbours and replicates have in common, the number of runs far above the law
    and the root mean square of the discrepancy's coordinates in prior standard deviations. A
    p-value is the posterior median of those of single draws, which is on the cautious side. What
    is certain but small passes: a share below .25, or less than twice as many runs far above as
    noise puts there.
    """
    few = posterior.thin(max(10, min(100, len(posterior), VALUES // len(runs))))
    spec, rows = few.spec, few.spec.rows(runs)
    residual = few.residuals(runs)
    y, together = standardised(residual, rows, few)
    z = normal_scores(y, rows, few)
    missed = np.median(residual, axis=0)
    sizes = Sizes.of(runs.params, runs.tokens)
    far_above, named = _far_above(_is_far_above(together, few), missed, rows, runs)
    findings = {
        "neighbours": _neighbours(z, missed, sizes, runs),
        "replicates": _replicates(z, missed, sizes),
        "far_above": far_above,
        "discrepancy": _discrepancy(few),
    }
    table = pd.DataFrame(
        {"figure": [f.figure for f in findings.values()], "p": [f.p for f in findings.values()]},
        index=pd.Index(findings, name="test"),
    )
    problems = [f.problem for f in findings.values() if f.problem]
    if problems:
        text = (
            f"THIS LAW DOES NOT DESCRIBE THESE RUNS: {'; '.join(problems)}. Its intervals take "
            f"this for noise and are wrong, most of all where they extrapolate. {_cure(spec)}"
        )
        return CheckResult("lack of fit", "caution", text, table, LackOfFitWarning)
    text = "The law describes the runs: what it leaves over looks like noise."
    neighbours = findings["neighbours"]
    if neighbours.p < ERROR_RATE / TESTS:
        text = (
            f"The law describes the runs but for {neighbours.figure:.0%} of the noise, which runs "
            f"of similar size have in common (up to {MATERIAL_SHARE:.0%} is let pass): intervals "
            "are somewhat too narrow."
        )
    if named:
        text += f" Far above it, and forgiven as outliers: {named}."
    return CheckResult("lack of fit", "ok", text, table, LackOfFitWarning)


def _neighbours(z: Array, missed: Array, sizes: Sizes, runs: Runs) -> _Finding:
    graph = neighbour_graph(sizes.params, sizes.tokens)
    if graph is None:
        return _Finding(np.nan, np.nan)
    by_size = sizes.sums(z) / np.sqrt(sizes.count)
    share, p = common_share(by_size, graph)
    places = []
    around = local_sums(np.median(by_size, axis=0), graph)
    for at in sorted({int(np.argmax(around)), int(np.argmin(around))}, key=lambda i: -around[i]):
        place = np.append(graph[[at]].indices, at)
        there = np.isin(sizes.code, place)
        places.append(
            f"by {np.expm1(missed[there].mean()):+.1%} near {si_count(sizes.params[at])} "
            f"parameters on {si_count(sizes.tokens[at])} tokens (runs "
            f"{list_some(runs.run_ids[there])})"
        )
    problem = (
        f"runs of similar size miss it together, {' and '.join(places)}, and have {share:.0%} of "
        "what is taken for noise in common"
    )
    return _Finding.of(share, p, problem, material=share > MATERIAL_SHARE)


def _replicates(z: Array, missed: Array, sizes: Sizes) -> _Finding:
    share, p = shared_by_replicates(z, sizes)
    mean = sizes.sums(missed) / sizes.count
    repeated = (sizes.count > 1)[sizes.code]
    apart = np.sqrt(np.mean((missed - mean[sizes.code])[repeated] ** 2)) if repeated.any() else 0.0
    together = np.sqrt(np.mean(mean[sizes.count > 1] ** 2)) if repeated.any() else 0.0
    problem = (
        f"replicates differ from each other by {apart:.2%}, but miss it together by "
        f"{together:.2%}, which is not seed noise"
    )
    return _Finding.of(share, p, problem, material=share > MATERIAL_SHARE)


def _is_far_above(together: Array, draws: Posterior) -> NDArray[np.bool_]:
    """Return which clusters lie where noise with tails as heavy as may be puts a share FAR."""
    threshold, noise = -ndtri(FAR), draws.spec.noise
    if isinstance(noise, StudentT):
        threshold = -stdtrit(np.maximum(noise.shape(draws.c)["nu"], HEAVIEST_NU), FAR)
    return together > threshold


def _far_above(
    far: NDArray[np.bool_], missed: Array, rows: Rows, runs: Runs
) -> tuple[_Finding, str]:
    """Return the finding, and the runs that lie far above the law for most draws."""
    count, n = int(np.median(far.sum(axis=1))), far.shape[1]
    p = float(bdtrc(count - 1, n, FAR)) if count else 1.0
    where = (np.median(far, axis=0) > 0.5)[rows.codes]
    order = np.flatnonzero(where)[np.argsort(-missed[where], kind="stable")]
    named = list_some([f"run {runs.run_ids[i]} ({np.expm1(missed[i]):+.1%})" for i in order])
    problem = f"{count} runs lie far above it, where noise puts {n * FAR:.1f}: {named}"
    return _Finding.of(count, p, problem, material=count > 2 * n * FAR), named


def _discrepancy(draws: Posterior) -> _Finding:
    scores = draws.spec.space.scores(draws.c)
    coordinates = draws.spec.discrepancy.coordinates(draws.spec.law)
    steps = {k.meaning: scores[k.name] for k in coordinates if k.name in scores}
    if not steps:
        return _Finding(np.nan, np.nan)
    square = float(np.median(np.sum([step**2 for step in steps.values()], axis=0)))
    farthest = max(steps, key=lambda name: abs(np.median(steps[name])))
    problem = (
        f"it had to be bent further than its discrepancy allows for, most in "
        f"{farthest!r}, {abs(np.median(steps[farthest])):.1f} prior standard deviations out"
    )
    p = float(chdtrc(len(steps), square))
    return _Finding.of(np.sqrt(square / len(steps)), p, problem)


def _cure(spec: ModelSpec) -> str:
    default = resolve_priors(spec.coordinates, None)
    own: Sequence[str] = [name for name, prior in spec.priors.items() if prior != default[name]]
    said = []
    if own:
        said.append(f"You set the prior of {list_some(own)}: widen it first")
    said.append("look at the runs named and drop those that diverged or that no law is meant for")
    said.append("name the column of rows that are readings of one run (cluster)")
    said.append(
        "or fit another law" + ' or discrepancy="drift"' * (spec.discrepancy.name == "none")
    )
    words = "; ".join(said)
    return words[0].upper() + words[1:] + "."
