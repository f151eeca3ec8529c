"""Which of a law's unknowns the runs say little about."""

import numpy as np
import pandas as pd

from bayesscale.checks.design import curing_runs
from bayesscale.checks.prior_power import prior_scores
from bayesscale.checks.result import CheckResult
from bayesscale.errors import PriorWarning
from bayesscale.model import Posterior
from bayesscale.runs import Runs

LEARNED = 0.5
"""The runs have taught an unknown if its posterior has less than half the variance of its prior."""


def check_weakly_known(posterior: Posterior, runs: Runs, *, cure: bool = True) -> CheckResult:
    """Name in a note the coordinates of the law of which the runs taught little.

    With ``cure`` it says which runs would help. The table holds ``posterior_sd``, in prior standard
    deviations on the scale where the prior is normal, and the contraction 1 - posterior_sd², by
    coordinate. A coordinate may be known weakly and every answer well: what an answer owes to
    priors is another check's matter.
    """
    law = posterior.spec.law
    sd = prior_scores(posterior)["law"].std(axis=0)
    table = pd.DataFrame(
        {"posterior_sd": sd, "contraction": 1 - sd**2},
        index=pd.Index([k.name for k in law.coordinates], name="coordinate"),
    )
    weak = [k for k, known in zip(law.coordinates, table["contraction"], strict=True)
            if not known >= LEARNED]  # fmt: skip
    if not weak:
        least = str(table["contraction"].idxmin())
        text = (
            f"Every unknown of the law {law.name!r} is learned from runs; least of all {least}, to "
            f"{np.sqrt(1 - table['contraction'].min()):.0%} of the width of its prior."
        )
        return CheckResult("weakly known", "ok", text, table, PriorWarning)
    named = "; ".join(
        f"{k.name} ({k.meaning}) to {table.loc[k.name, 'posterior_sd']:.0%}" for k in weak
    )
    text = (
        f"Of {len(weak)} of the {len(law.coordinates)} unknowns of the law {law.name!r} the runs "
        f"say little more than their priors: {named} of the prior's width. That need not matter to "
        "an answer."
    )
    if cure:
        text += f" What would tell most: {curing_runs(posterior, runs)}."
    return CheckResult("weakly known", "note", text, table, PriorWarning)
