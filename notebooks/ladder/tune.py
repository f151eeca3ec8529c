"""Learning rates: a sweep by factors of two until the best is bracketed, at two lengths a size."""

import math
from collections.abc import Callable

from design import Cell

TRIED_AT_MOST = 7


def first_guess(cell: Cell) -> float:
    """Return the power of two nearest ``0.8 / width``, what pilots suggested."""
    return 2.0 ** round(math.log2(0.8 / cell.shape.width))


def rate_at(tokens: float, tuned: dict[float, float]) -> float:
    """Return the rate at a length, from those at two lengths: linear in logarithms, beyond too.

    It has the six digits that the table keeps, so that a run can be trained again from its row.
    """
    (short, first), (long, last) = sorted(tuned.items())
    rate = first * (last / first) ** (math.log(tokens / short) / math.log(long / short))
    return float(f"{rate:.6g}")


def best_rate(guess: float, loss_at: Callable[[float], float]) -> tuple[float, dict[float, float]]:
    """Walk by factors of two from ``guess`` until the least loss has a worse one on both sides.

    The rate returned is the vertex of the parabola through these three losses against the logarithm
    of the rate. A run that diverged has an infinite loss.
    """
    tried = {guess: loss_at(guess)}
    while len(tried) < TRIED_AT_MOST:
        best = min(tried, key=lambda rate: tried[rate])
        open_sides = [rate for rate in (best / 2, best * 2) if rate not in tried]
        if not open_sides:
            break
        tried[open_sides[0]] = loss_at(open_sides[0])
    best = min(tried, key=lambda rate: tried[rate])
    if best / 2 not in tried or best * 2 not in tried:
        raise RuntimeError(f"no learning rate is best after {len(tried)}: {tried}")
    below, at, above = tried[best / 2], tried[best], tried[best * 2]
    if not math.isfinite(below + above):
        return best, tried  # no parabola goes through a run that diverged
    shift = (below - above) / (2 * (below - 2 * at + above))
    return best * 2.0**shift, tried
