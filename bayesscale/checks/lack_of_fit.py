"""Whether the law describes the runs at all, and what these runs could have shown of it.

The residuals are compared with their exact distribution under a correct model, which
:mod:`.implied_noise` derives. A pass states how large a kink, a curvature or a share of outliers
would have been detected.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtrc, chdtrc

from bayesscale._format import list_some, write_share
from bayesscale._sections import CheckResult
from bayesscale._types import Array
from bayesscale.checks import neighbours
from bayesscale.checks.design import size_in_words
from bayesscale.checks.detectable import Detectable
from bayesscale.checks.implied_noise import standardised
from bayesscale.checks.patterns import Family, Scores, beyond_all, families, noise_by_size
from bayesscale.errors import LackOfFitWarning
from bayesscale.laws import SPLIT, Law
from bayesscale.model import ModelSpec, Posterior, Rows, resolve_priors
from bayesscale.quantities import FLOPS, Quantity
from bayesscale.runs import Runs

ERROR_RATE = 0.01
"""At most this share of good models is called bad, over all tests together."""

TESTS = 6

LEVEL = ERROR_RATE / TESTS
"""Share of good models that one test calls bad."""

MATERIAL_SHARE = 0.25
"""A smaller share of the noise that runs have in common is tolerated, however significant: with
thousands of runs every flaw is. Four neighbours that share .25 make intervals too narrow by a
factor of about sqrt(1 + 4 × .25) = 1.4."""

TOO_NARROW = 1.2
"""Nor what replicates have in common, unless it makes intervals too narrow by this factor: 90 %
intervals that are hold the truth 83 % of the time."""

FAR = 0.012
"""Share of runs, at most, that noise puts far off the law, half of it on either side."""

MATERIAL_RATIO = 2.0
"""Noise that changes by a smaller factor over the runs is tolerated."""

LOUDER = 1.4
"""Nor is noise held against a law that is not louder by this factor at the largest run than it is
on average: the intervals of large runs are wide enough then."""

MOVED = 1e-3
"""Log loss that a shape is moved by to see how it shows in the scores of noise."""

DECADE = np.log(10)

TAUGHT = 0.3
"""What the runs say of the discrepancy is looked at in directions in which they have taken away
this share of the variance of its prior."""

VALUES = 500_000
"""Draws × runs looked at, within 10 and 400 draws."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a test found: a figure, how likely by chance, and what is wrong if something is."""

    figure: float
    p: float
    problem: str = ""

    @classmethod
    def of(cls, figure: float, p: float, problem: str, *, material: bool = True) -> "_Finding":
        return cls(figure, p, problem if material and p < LEVEL else "")


def check_lack_of_fit(posterior: Posterior, runs: Runs) -> CheckResult:
    """Check that residuals are noise; a caution if they are not.

    Six tests, each with a sixth of an error rate of 1 %. ``bends``: the residuals have a kink or a
    curvature in compute, parameters or tokens. ``noise_by_size``: noise changes with them.
    ``neighbours``: residuals of runs of similar size are correlated. ``replicates``: runs of the
    same size agree with each other, but not with the law. ``far_off``: more outliers than the noise
    model expects. ``discrepancy``: the discrepancy is larger than its prior expects. Significant
    but immaterial findings pass, within the limits of this module.

    The table holds a figure and its p-value by test, NaN where a test does not apply.
    ``detectable`` is the least kink, in log loss per decade of compute, and the least share of
    outliers that are found in 80 % of ladders like this one.
    """
    few = posterior.thin(max(10, min(400, len(posterior), VALUES // len(runs))))
    spec, rows = few.spec, few.spec.rows(runs)
    residual = few.residuals(runs)
    y, together = standardised(residual, runs, rows, few)
    z = spec.noise.scores(y, rows, few.c)
    far = np.abs(together) > spec.noise.threshold(FAR, few.c)
    missed = np.median(residual, axis=0)
    sizes = neighbours.Sizes.of(runs, spec.law)
    far_off, named, grave = _far_off(far, missed, rows, runs)
    shapes = _shapes(few, runs, Scores.of(z))
    noise, remark = _noise_by_size(z, runs, spec)
    replicates, on_replicates = _replicates(z, missed, sizes)
    remark += on_replicates
    could = Detectable.of(
        shapes, n=len(rows.size), far=FAR, level=LEVEL,
        least_kink=sd_a_decade_on(few, runs, shapes[0].size) if shapes else np.nan,
    )  # fmt: skip
    findings = {
        "bends": _bends(shapes, few, runs),
        "noise_by_size": noise,
        "neighbours": _neighbours(z, missed, sizes, runs, spec.law),
        "replicates": replicates,
        "far_off": far_off,
        "discrepancy": _discrepancy(few),
    }
    least = {"bends": could.kink, "far_off": could.outliers}
    rows_of = {k: (f.figure, f.p, least.get(k, np.nan)) for k, f in findings.items()}
    columns = ["figure", "p", "detectable"]
    table = pd.DataFrame.from_dict(rows_of, orient="index", columns=columns).rename_axis("test")
    problems = [f.problem for f in findings.values() if f.problem]
    if problems:
        text = (
            f"Lack of fit: {'; '.join(problems)}. The model treats this as noise, so its intervals "
            f"are unreliable, especially in extrapolation. {_cure(spec)}"
        )
        return CheckResult("lack of fit", "caution", text, table, LackOfFitWarning)
    text = f"No pattern {'with size ' if on_replicates else ''}in the residuals."
    near = findings["neighbours"]
    if near.p < LEVEL:
        text = (
            "Residuals of runs of similar size are weakly correlated: they share "
            f"{write_share(near.figure)} of the noise (up to {write_share(MATERIAL_SHARE)} is "
            "tolerated), so intervals are somewhat too narrow."
        )
    text += remark
    if named:
        text += f" Down-weighted as outliers: {named}."
    if grave:
        text += (
            f" One of them is {grave}: check that row for an error, and refit without it to see "
            "whether results depend on it."
        )
    text += f" {could.in_words(len(runs), float(np.median(few.c['sigma'])))}"
    severity = "caution" if grave else "note" if remark or near.p < LEVEL else "ok"
    return CheckResult("lack of fit", severity, text, table, LackOfFitWarning)


def _shapes(draws: Posterior, runs: Runs, scores: Scores) -> list[Family]:
    """Return the kinks and curvatures to look for."""
    few = draws.thin(min(20, len(draws)))
    rows, residual = few.spec.rows(runs), few.residuals(runs)

    def scores_of(residual: Array) -> Array:
        return few.spec.noise.scores(standardised(residual, runs, rows, few)[0], rows, few.c)

    before = scores_of(residual)
    return families(
        draws.spec.law, runs, scores,
        lambda shape: (scores_of(residual + MOVED * shape) - before).mean(axis=0) / MOVED,
    )  # fmt: skip


def _bends(shapes: Sequence[Family], draws: Posterior, runs: Runs) -> _Finding:
    if not shapes:
        return _Finding(np.nan, np.nan)
    largest = max(float(np.nanmax(np.abs(family.scores))) for family in shapes)
    family = max(shapes, key=lambda family: np.nanmax(np.abs(family.scores[:-1])))
    knot = int(np.nanargmax(np.abs(family.scores[:-1])))
    kink = family.scores[knot] / family.lengths[knot] * DECADE
    size = family.size
    at = f"{size.write(family.knots[knot])} {size.unit if size.style == 'flops' else size.noun}"
    problem = (
        f"above {at} the residuals have a trend of {100 * np.expm1(kink):+.2f} % per decade of "
        f"{size.noun}, more curvature than the law has"
    )
    material = abs(kink) > sd_a_decade_on(draws, runs, size)
    return _Finding.of(
        largest, float(beyond_all(shapes, np.array(largest))), problem, material=material
    )


def sd_a_decade_on(draws: Posterior, runs: Runs, size: Quantity) -> float:
    """Return the posterior SD of log loss at ten times the size of the largest run."""
    law = draws.spec.law
    grown = SPLIT if size.name == FLOPS.name and FLOPS.name not in law.quantities else (size.name,)
    largest = int(np.argmax(runs.size))
    at = {name: runs[name][[largest]] for name in law.quantities}
    at |= {name: at[name] * 10 ** (1 / len(grown)) for name in grown}
    return float(np.std(draws.log_loss(at)))


def _noise_by_size(z: Array, runs: Runs, spec: ModelSpec) -> tuple[_Finding, str]:
    """Return the finding where noise is loud among large runs, and a remark where it is not."""
    ratio, p, log_scale = noise_by_size(spec.law, runs, z)
    places = " as at ".join(
        size_in_words({name: runs[name][at] for name in spec.law.quantities}, spec.law)
        for at in (int(np.argmax(log_scale)), int(np.argmin(log_scale)))
    )
    problem = f"noise depends on size, about {ratio:.2g} times as large at {places}"
    louder = float(np.exp(log_scale[np.argmax(runs.size)]))
    finding = _Finding.of(
        ratio, p, f"the {problem}, so intervals of large runs are too narrow",
        material=ratio > MATERIAL_RATIO and louder > LOUDER,
    )  # fmt: skip
    quiet = p < LEVEL and ratio > MATERIAL_RATIO and not finding.problem
    return finding, f" The {problem}; intervals of large runs are wide enough." if quiet else ""


def _neighbours(z: Array, missed: Array, sizes: neighbours.Sizes, runs: Runs, law: Law) -> _Finding:
    graph = neighbours.neighbour_graph(sizes.at)
    if graph is None:
        return _Finding(np.nan, np.nan)
    by_size = sizes.sums(z) / np.sqrt(sizes.count)
    share, p = neighbours.common_share(Scores.of(by_size), graph)
    places = []
    # the sum over a size and its neighbours, in standard deviations
    joined, middle = (graph > 0).astype(float), np.median(by_size, axis=0)
    around = (middle + joined @ middle) / np.sqrt(1 + joined.sum(axis=1))
    for at in sorted({int(np.argmax(around)), int(np.argmin(around))}, key=lambda i: -around[i]):
        there = np.isin(sizes.code, np.append(graph[[at]].indices, at))
        run: Any = {k: runs[k][sizes.first[at]] for k in law.quantities}  # labels are text
        places.append(
            f"{100 * np.expm1(missed[there].mean()):+.1f} % near {size_in_words(run, law)} (runs "
            f"{list_some(runs.run_ids[there])})"
        )
    problem = (
        f"residuals of runs of similar size are correlated (mean {' and '.join(places)}): they "
        f"share {write_share(share)} of the noise"
    )
    return _Finding.of(share, p, problem, material=share > MATERIAL_SHARE)


def _replicates(z: Array, missed: Array, sizes: neighbours.Sizes) -> tuple[_Finding, str]:
    """Return the finding where intervals suffer from it, and a remark where they do not."""
    share, p = neighbours.shared_by_replicates(z, sizes)
    if np.isnan(share):
        return _Finding(share, p), ""
    mean = sizes.sums(missed) / sizes.count
    repeated = sizes.count > 1
    off = float(np.sqrt(np.mean(mean[repeated] ** 2)))
    problem = (
        f"replicates differ from each other by {write_share(sizes.seed_noise(missed))}, but their "
        f"means differ from the law by {write_share(off)}, more than seed noise explains"
    )
    factor = neighbours.narrowed(max(share, 0.0), sizes.count)
    finding = _Finding.of(share, p, problem, material=factor > TOO_NARROW)
    if p >= LEVEL or finding.problem:
        return finding, ""
    return finding, (
        f" {problem[0].upper()}{problem[1:]}; few sizes have several runs, so intervals are too "
        f"narrow by a factor of {factor:.2f} at most."
    )


OFF_MAX = 2.0
"""A loss that differs from the law by a larger factor is an error, not an outlier of training."""

MANY_TIMES = 7.0
"""The largest run is an outlier beyond so many median residuals: 5 standard deviations of a normal
noise, which is not chance."""


def _far_off(
    far: NDArray[np.bool_], missed: Array, rows: Rows, runs: Runs
) -> tuple[_Finding, str, str]:
    """Return the finding, the runs far off the law for most draws, and why one is a caution."""
    count, n = int(np.median(far.sum(axis=1))), far.shape[1]
    p = float(bdtrc(count - 1, n, FAR)) if count else 1.0
    where = (np.median(far, axis=0) > 0.5)[rows.codes]
    order = np.flatnonzero(where)[np.argsort(-np.abs(missed[where]), kind="stable")]
    by = 100 * np.expm1(missed)
    named = list_some([f"run {runs.run_ids[i]} ({by[i]:+.1f} %)" for i in order])
    problem = f"{count} runs are outliers, where the noise model expects {n * FAR:.1f}: {named}"
    far_from = np.abs(missed[order]).max(initial=0.0) > np.log(OFF_MAX)
    grave = "more than a factor of 2 off the law" if far_from else ""
    largest, usual = np.argmax(runs.size), np.median(np.abs(missed))
    if where[largest] and np.abs(missed[largest]) > MANY_TIMES * usual:
        grave = "the run with the largest compute"
    return _Finding.of(count, p, problem, material=count > 2 * n * FAR), named, grave


def _discrepancy(draws: Posterior) -> _Finding:
    """Compare means of the discrepancy's coordinates with their covariance under the model."""
    by_name = draws.spec.space.scores(draws.c)
    coordinates = draws.spec.discrepancy.coordinates(draws.spec.law)
    steps = {k.meaning: by_name[k.name][:, 0] for k in coordinates if k.name in by_name}
    if not steps:
        return _Finding(np.nan, np.nan)
    z = np.stack(list(steps.values()))
    mean, learned = z.mean(axis=1), np.eye(len(z)) - np.atleast_2d(np.cov(z))
    share, along = np.linalg.eigh(learned)
    informed = share > TAUGHT
    squares = (mean @ along[:, informed]) ** 2 / share[informed]
    farthest = int(np.argmax(np.abs(mean)))
    problem = (
        f"the discrepancy is larger than its prior allows, most of all {list(steps)[farthest]!r}, "
        f"{abs(mean[farthest]):.1f} prior standard deviations from its prior mean"
    )
    if not informed.any():
        return _Finding(np.nan, 1.0)
    return _Finding.of(
        float(np.sqrt(squares.mean())), float(chdtrc(informed.sum(), squares.sum())), problem
    )


def _cure(spec: ModelSpec) -> str:
    default = resolve_priors(spec.coordinates, None)
    custom: Sequence[str] = [name for name, prior in spec.priors.items() if prior != default[name]]
    cures = [
        *([f"You set the prior of {list_some(custom)}: widen it first"] if custom else []),
        "inspect the runs named and drop those that diverged or are outside the scope of the law",
        "where rows are checkpoints of one run, name the column of the run (cluster)",
        "or fit another law" + ' or discrepancy="drift"' * (spec.discrepancy.name == "none"),
    ]
    words = "; ".join(cures)
    return words[0].upper() + words[1:] + "."
