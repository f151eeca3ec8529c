"""How probable a fit of the smaller runs made all larger ones together.

What a fit gets wrong of one large run it gets wrong of the next, so that scores one by one do not
add up to that of all: five runs foreseen by the same luck count for five. The joint density counts
them once. It is what priors learned from other ladders are chosen by.
"""

from __future__ import annotations

import numpy as np

from bayesscale.backtesting.folds import Fold
from bayesscale.backtesting.score import joined
from bayesscale.comparison import JointDensity, evidence
from bayesscale.errors import EvidenceError
from bayesscale.inference import Fit, fit_spec


def joint_density(fit: Fit, fold: Fold) -> JointDensity:
    """Return the log density of the held-out runs together, given the fitted ones.

    It is the difference of two evidences, of all runs of the fold and of the small ones; NaN where
    one of them has too large an error to be of use.
    """
    every = joined(fold.small, fold.large)
    # the same model: centre, spread and priors are those of the small runs
    again = fit_spec(fit.spec, every, fit.sampling, report=lambda *_: None)
    try:
        before, after = (evidence(each, progress=False) for each in (fit, again))
    except EvidenceError:
        return JointDensity(np.nan, np.nan, len(fold.large))
    return JointDensity(
        after.log_evidence - before.log_evidence,
        float(np.hypot(after.mcse, before.mcse)),
        len(fold.large),
    )
