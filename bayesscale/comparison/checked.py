"""What must hold of fits before they are weighed against each other."""

from collections.abc import Mapping

import numpy as np

from bayesscale.errors import DomainError, EvidenceError
from bayesscale.inference.result import Fit


def check_fits(fits: object, *, what: str) -> None:
    """Refuse what cannot be weighed: too few fits, other runs, draws that did not converge.

    Parameters
    ----------
    fits
        Fits by name.
    what
        What they are for, such as ``"An average"``.

    Raises
    ------
    DomainError
        If they are not at least two fits by name, of the same runs.
    EvidenceError
        If the draws of one did not converge.
    """
    if not isinstance(fits, Mapping) or not all(isinstance(f, Fit) for f in fits.values()):
        raise DomainError(
            'Expected fits by name, such as {"kaplan": fit_k, "chinchilla": fit_c}, each as '
            f"bs.fit or bs.load_fit returns, not {_described(fits)}."
        )
    if len(fits) < 2:
        raise DomainError(f"{what} takes at least two fits, but got {len(fits)}.")
    first, *others = fits.items()
    for name, fit in others:
        if fit.runs.fingerprint != first[1].runs.fingerprint:
            raise DomainError(
                f"The fits {first[0]!r} and {name!r} are of different runs ({len(first[1].runs)} "
                f"and {len(fit.runs)}; sizes, losses, labels or counts differ), and only "
                "predictions of the same losses can be weighed. Fit both to the same Runs."
            )
    for name, fit in fits.items():
        if not fit.convergence.passed:
            raise EvidenceError(
                f"Draws of {name!r} that did not converge cannot be weighed. {fit.convergence.text}"
            )


def check_seed(random_seed: int | None, fits: Mapping[str, Fit]) -> int:
    """Return the seed, by default the first fit's.

    Raises
    ------
    DomainError
        If it is no whole number from 0.
    """
    seed = next(iter(fits.values())).sampling.random_seed if random_seed is None else random_seed
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise DomainError(f"random_seed must be a whole number from 0, not {seed!r}.")
    return int(seed)


def _described(fits: object) -> str:
    if not isinstance(fits, Mapping):
        return type(fits).__name__
    return "{" + ", ".join(f"{k!r}: {type(f).__name__}" for k, f in fits.items()) + "}"
