"""Roots of many equations at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from bayesscale.errors import DomainError

type Array = NDArray[np.float64]

DOUBLINGS = 8
"""How often the bracket, which starts one unit wide, may double."""

WIDEST = 0.5 * 2**DOUBLINGS
"""How far from the centre a root may lie, in logs."""


def find_roots(
    f: Callable[..., Array], args: tuple[Array, ...], what: str, *, missing: float | None = None
) -> Array:
    """Find a root of ``f(x, *args)`` around 0, elementwise.

    Parameters
    ----------
    f
        Called with arrays of some of the elements.
    args
        Arrays that broadcast to the elements.
    what
        What is looked for, for the message.
    missing
        What to return for an element without a root; None refuses.

    Raises
    ------
    DomainError
        If some element has none, and ``missing`` does not say what to return within ±100 or so.
    """
    # far from the centre a law overflows or is flat: no sign change there, and no harm
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        start = np.zeros(np.broadcast_shapes(*(np.shape(a) for a in args)))
        bracket = elementwise.bracket_root(
            f, start - 0.5, start + 0.5, maxiter=DOUBLINGS, args=args
        )
        if missing is None and not np.all(bracket.success):
            raise DomainError(
                f"No {what} was found within a factor e^{WIDEST:.0f} of the runs' centre for "
                f"{int(np.sum(~bracket.success))} of {start.size} draws and budgets. The law may "
                "have no interior optimum, or the budget is out of all proportion to the runs."
            )
        roots = np.asarray(elementwise.find_root(f, bracket.bracket, args=args).x)
    return roots if missing is None else np.where(bracket.success, roots, missing)
