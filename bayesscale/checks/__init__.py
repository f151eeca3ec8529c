"""Whether draws can be trusted, whether the law describes the runs, and who decides an answer."""

from bayesscale.checks.convergence import check_convergence, diagnostics
from bayesscale.checks.design import size_in_words
from bayesscale.checks.lack_of_fit import check_lack_of_fit
from bayesscale.checks.prior_conflict import check_prior_conflict
from bayesscale.checks.prior_power import Answers, check_prior_power, prior_power
from bayesscale.checks.result import CheckResult, Severity, worst
from bayesscale.checks.weakly_known import check_weakly_known

__all__ = [
    "Answers",
    "CheckResult",
    "Severity",
    "check_convergence",
    "check_lack_of_fit",
    "check_prior_conflict",
    "check_prior_power",
    "check_weakly_known",
    "diagnostics",
    "prior_power",
    "size_in_words",
    "worst",
]
