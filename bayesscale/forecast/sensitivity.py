"""Whether the runs or the priors decide an answer that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale._types import Array
from bayesscale.checks import Answers, CheckResult, check_prior_power, prior_power
from bayesscale.errors import DomainError
from bayesscale.forecast.mixture import Mixture
from bayesscale.model import Posterior

type Ask = Callable[[Posterior, NDArray[np.intp]], Mapping[str, Array]]
"""Called with draws, shape ``(draw, 1)``, and the numbers of targets; returns logs of answers by
name, shape ``(draw, target)``."""

TARGETS, DRAWS, PRIOR_DRAWS, SEED = 12, 2000, 400, 0
"""At most so many targets and draws are looked at: evenly chosen, the first and last included."""

MATTERS = 0.25
"""A law of an average is heard from this share of the draws on."""


def check_answers(mixture: Mixture, ask: Ask, labels: Sequence[str], *, what: str) -> CheckResult:
    """Check that priors do not decide answers about targets, which ``labels`` name; of an average,
    for each law that matters.
    """  # noqa: D205
    some = np.unique(np.linspace(0, len(labels) - 1, TARGETS).round().astype(int))
    every = sum(len(voice.places) for voice in mixture.voices)
    heard = [voice for voice in mixture.voices if len(voice.places) >= MATTERS * every]
    found: dict[str, CheckResult] = {}
    for voice in heard or mixture.voices[:1]:
        drawn, answers = _answers(voice.posterior, ask, some, labels)
        found[voice.name] = check_prior_power(
            prior_power(drawn, answers), drawn, mixture.host.runs, what=what
        )
    if list(found) == [""]:
        return found[""]
    worst = max(found.values(), key=lambda check: check.warns)
    text = " ".join(
        f"{name!r}: {check.text}" for name, check in found.items() if check.warns == worst.warns
    )
    tables = pd.concat({name: check.table for name, check in found.items()}, names=["fit"])
    return CheckResult(worst.name, worst.severity, text, tables, worst.warning)


def _answers(
    posterior: Posterior, ask: Ask, some: NDArray[np.intp], labels: Sequence[str]
) -> tuple[Posterior, Answers]:
    """Return draws that have an answer, and the answers of these and of the priors alone."""
    drawn = posterior.thin(min(DRAWS, len(posterior)))
    answered = ask(drawn, some)
    named = [f"{name} {labels[i]}" for name in answered for i in some]
    values, known = _known(answered)
    drawn = Posterior(drawn.spec, {name: c[known] for name, c in drawn.c.items()})
    spec = drawn.spec
    prior = Posterior.of(spec, spec.space.draw(np.random.default_rng(SEED), PRIOR_DRAWS))
    alone = None
    with suppress(DomainError):  # priors of one's own that allow laws without an answer
        alone, _ = _known(ask(prior, some))
    return drawn, Answers(named, values, alone if alone is not None and len(alone) else None)


def _known(answered: Mapping[str, Array]) -> tuple[Array, NDArray[np.bool_]]:
    """Return answers side by side, of the draws that have all, and which these are."""
    values = np.concatenate(list(answered.values()), axis=-1)
    known = np.isfinite(values).all(axis=-1)
    return values[known], known
