"""Where to cut a ladder: successive cutoffs in compute, from the largest run down."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale._format import flops as write_flops
from bayesscale.errors import RunsError
from bayesscale.laws import Law
from bayesscale.runs import Runs

RUNS_PER_UNKNOWN = 2
"""With fewer runs left than this for each parameter of the law, the prior would be tested."""


@dataclass(frozen=True)
class Fold:
    """One cut of a ladder, judged on the ``large`` runs up to ``upto``, FLOP, the cut before."""

    number: int
    small: Runs
    large: Runs
    upto: float = np.inf

    @property
    def next_runs(self) -> NDArray[np.bool_]:
        """Which of the large runs the fold is judged on."""
        return self.large.flops <= self.upto


def rolling_folds(runs: Runs, law: Law, *, factor: float, at_most: int | None = None) -> list[Fold]:
    """Cut below the largest compute over ``factor``, over its square, ... while runs suffice."""
    needed = RUNS_PER_UNKNOWN * len(law.coordinates)
    runs.split_by_compute(factor=factor)  # complains of a wrong factor
    folds: list[Fold] = []
    cutoff = factor
    while at_most is None or len(folds) < at_most:
        try:
            small, large = runs.split_by_compute(factor=cutoff)
        except RunsError:  # nothing is that small
            break
        if len(small) < needed:
            break
        if not folds or len(small) < len(folds[-1].small):
            upto = float(folds[-1].small.flops.max()) if folds else np.inf
            folds.append(Fold(len(folds) + 1, small, large, upto))
        cutoff *= factor
    if not folds:
        raise _too_few(runs, law, factor=factor, needed=needed)
    return folds


def widest_factor(runs: Runs, law: Law) -> float | None:
    """Return the largest factor, rounded down to one decimal, that leaves enough runs to fit."""
    needed, sizes = RUNS_PER_UNKNOWN * len(law.coordinates), np.sort(runs.flops)
    if needed >= len(sizes):
        return None
    factor = float(np.floor(10 * sizes[-1] / sizes[needed]) / 10)
    enough = factor > 1 and len(runs.split_by_compute(factor=factor)[0]) >= needed
    return factor if enough else None


def _too_few(runs: Runs, law: Law, *, factor: float, needed: int) -> RunsError:
    sizes = np.sort(runs.size)
    left = int((sizes < sizes[-1] / factor).sum())
    advice = "Train more runs"
    smaller = widest_factor(runs, law)
    if smaller is not None:
        advice = f"Use factor={smaller:g} or less"
    return RunsError(
        f"A back-test of the law {law.name!r} needs {needed} runs to fit, {RUNS_PER_UNKNOWN} for "
        f"each of its {len(law.coordinates)} parameters, or it would test the prior. Of "
        f"{len(runs)} runs, {left} lie more than {factor:g}x below the largest compute, "
        f"{write_flops(sizes[-1])}. {advice}, or choose a law with fewer parameters."
    )
