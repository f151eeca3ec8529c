"""Roots of many equations at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from bayesscale.errors import DomainError

type Array = NDArray[np.float64]

WIDEST = 200.0
"""Roots are looked for within a factor e^200 of the centre."""


def find_roots(f: Callable[..., Array], args: tuple[Array, ...], what: str) -> Array:
    """Find a root of ``f(x, *args)`` around 0, elementwise.

    Parameters
    ----------
    f
        Called with arrays of some of the elements.
    args
        Arrays that broadcast to the elements.
    what
        What is looked for, for the message.

    Raises
    ------
    DomainError
        If some element has none within ±200.
    """
    # far from the centre a law overflows or is flat: no sign change there, and no harm
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        start = np.zeros(np.broadcast_shapes(*(np.shape(a) for a in args)))
        bracket = elementwise.bracket_root(
            f, start - 0.5, start + 0.5, xmin=-WIDEST, xmax=WIDEST, args=args
        )
        if not np.all(bracket.success):
            raise DomainError(
                f"No {what} lies within a factor e^{WIDEST:.0f} of the runs' centre for "
                f"{int(np.sum(~bracket.success))} of {start.size} draws and budgets. The law may "
                "have no interior optimum, or the budget is out of all proportion to the runs."
            )
        return np.asarray(elementwise.find_root(f, bracket.bracket, args=args).x)
