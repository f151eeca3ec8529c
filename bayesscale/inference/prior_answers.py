"""What published letters and the exponents of the compute-optimal split owe to the priors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bayesscale._types import Array
from bayesscale.checks import Answers, CheckResult, check_prior_power, prior_power
from bayesscale.inference.draws import published_draws
from bayesscale.model import Posterior

if TYPE_CHECKING:
    from bayesscale.inference.result import Fit

EXPONENT = "params_exponent"
"""That of tokens says the same: at C = 6ND the two add up to one."""

PRIOR_DRAWS, SEED = 1000, 0


def check_letters(fit: Fit) -> CheckResult:
    """Check that priors do not decide the exponent of the split; the table tells of letters too."""
    spec = fit.spec
    prior = Posterior.of(spec, spec.space.draw(np.random.default_rng(SEED), PRIOR_DRAWS))
    on_law = {k.name: prior.c[k.name][..., 0] for k in spec.law.coordinates}
    said = {k: v for k, (v, _) in published_draws(spec, on_law).items() if k != "tokens_exponent"}
    drawn = {name: np.ravel(fit.published[name]) for name in said}
    table = prior_power(fit.posterior, _answers(drawn, said))
    asked = table.index == EXPONENT
    told = table[asked] if asked.any() else table.assign(decided=False)
    what = "the exponent of the split" if asked.any() else "the letters"
    found = check_prior_power(told, fit.posterior, fit.runs, what=what)
    return CheckResult(found.name, found.severity, found.text, table, found.warning)


def _answers(posterior: Mapping[str, Array], prior: Mapping[str, Array]) -> Answers:
    """Put quantities of shape ``(draw,)`` side by side, positive ones in logs."""
    columns = [[], []]
    for name in posterior:
        both = posterior[name], prior[name]
        log = all((values > 0).all() for values in both) and name != EXPONENT
        for column, values in zip(columns, both, strict=True):
            column.append(np.log(values) if log else values)
    return Answers(list(posterior), np.stack(columns[0], axis=-1), np.stack(columns[1], axis=-1))
