"""Whether draws can be trusted, and whether the runs say what is asked of them."""

from bayesscale.checks.convergence import check_convergence, diagnostics
from bayesscale.checks.identifiability import check_identifiability
from bayesscale.checks.prior_conflict import check_prior_conflict
from bayesscale.checks.result import CheckResult

__all__ = [
    "CheckResult",
    "check_convergence",
    "check_identifiability",
    "check_prior_conflict",
    "diagnostics",
]
