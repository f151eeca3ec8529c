"""Whether draws can be trusted, and whether the runs say what is asked of them."""

from bayesscale.checks.convergence import check_convergence, diagnostics
from bayesscale.checks.identifiability import check_identifiability
from bayesscale.checks.lack_of_fit import check_lack_of_fit
from bayesscale.checks.prior_conflict import check_prior_conflict
from bayesscale.checks.result import CheckResult, Severity, worst

__all__ = [
    "CheckResult",
    "Severity",
    "check_convergence",
    "check_identifiability",
    "check_lack_of_fit",
    "check_prior_conflict",
    "diagnostics",
    "worst",
]
