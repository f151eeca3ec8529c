"""Fit several laws to the same runs, to weigh them against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayesscale import _arguments
from bayesscale._progress import ProgressOption
from bayesscale.errors import DomainError, unknown_name
from bayesscale.inference import Fit, check_sampling, fit
from bayesscale.model import specify
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from bayesscale.laws import Law
    from bayesscale.model import Prior

LAWS = ("kaplan", "chinchilla", "unified")


def fit_laws(
    runs: Runs,
    *,
    laws: Sequence[str | Law] = LAWS,
    discrepancies: Sequence[str | None] = (None, "drift"),
    noise: str = "student_t",
    priors: Mapping[str, Prior] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> dict[str, Fit]:
    """Fit every law with every discrepancy, all with one seed; nothing is fitted if one is wrong.

    Parameters
    ----------
    runs
        The training runs.
    laws
        Names of laws, or instances of your own, at least one, each once.
    discrepancies
        What the laws may get wrong, as for :func:`~bayesscale.fit`; by default nothing, and drift.
    noise
        As for :func:`~bayesscale.fit`, of every law.
    priors
        Priors by name of coordinate, for every law that has it.
    draws, tune, chains, target_accept
        As for :func:`~bayesscale.fit`, of every law.
    random_seed
        Seed of every fit. None takes a new one, which the fits record.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    Returns
    -------
    dict
        The fits by name, ready for :func:`~bayesscale.compare` and :func:`~bayesscale.average`:
        ``"kaplan"`` as it stands, ``"kaplan + drift"`` with a discrepancy.

    Raises
    ------
    RunsError
        If there are fewer runs than a law has unknowns.
    UnknownNameError
        If a law, noise, discrepancy or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from what was observed.
    DomainError
        If two fits would have one name, or an option is outside its domain.
    SamplerError
        If the sampler stops.

    Warns
    -----
    BayesScaleWarning
        As :func:`~bayesscale.fit` does, of each.

    Examples
    --------
    >>> fits = bs.fit_laws(runs, laws=["kaplan", "chinchilla"])   # doctest: +SKIP
    >>> bs.compare(fits).text                                     # doctest: +SKIP
    """
    laws = _arguments.several("laws", laws)
    discrepancies = _arguments.several("discrepancies", discrepancies)
    models: dict[str, dict[str, Any]] = {}
    known: set[str] = set()
    for discrepancy in discrepancies:
        for law in laws:
            model = {"law": law, "noise": noise, "discrepancy": discrepancy}
            spec = specify(runs, **model)
            own = {k: prior for k, prior in (priors or {}).items() if k in spec.space.names}
            specify(runs, **model, priors=own)
            kind = spec.discrepancy.name
            name = spec.law.name if kind == "none" else f"{spec.law.name} + {kind}"
            if name in models:
                raise DomainError(f"Two fits would be called {name!r}. Name each law once.")
            models[name] = model | {"priors": own}
            known |= {*spec.space.names}
    for name in priors or {}:
        if name not in known:
            raise unknown_name("prior", name, sorted(known))
    seed = check_sampling(draws, tune, chains, target_accept, random_seed).random_seed
    sampling: dict[str, Any] = {
        "draws": draws, "tune": tune, "chains": chains, "target_accept": target_accept,
        "random_seed": seed, "progress": progress,
    }  # fmt: skip
    return {name: fit(runs, **model, **sampling) for name, model in models.items()}
