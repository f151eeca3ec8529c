from .convergence import (
    CheckResult as CheckResult, chains_state as chains_state,
    check_convergence as check_convergence, diagnostics as diagnostics, effective as effective,
    lowest_bfmi as lowest_bfmi, r_hat as r_hat,
)
from .design import (
    check_design as check_design, law_slopes as law_slopes, size_in_words as size_in_words,
)
from .detectable import (
    Detectable as Detectable, outliers_needed as outliers_needed, smallest_share as smallest_share,
)
from .implied_noise import standardised as standardised
from .lack_of_fit import check_lack_of_fit as check_lack_of_fit
from .neighbours import (
    Sizes as Sizes, common_share as common_share, narrowed as narrowed,
    neighbour_graph as neighbour_graph, shared_by_replicates as shared_by_replicates,
)
from .patterns import (
    KNOTS as KNOTS, SCALE_SLOPE as SCALE_SLOPE, Scores as Scores, beyond_all as beyond_all,
    critical_score as critical_score, families as families, noise_by_size as noise_by_size,
)
from .priors import (
    Answers as Answers, GROUPS as GROUPS, check_prior_conflict as check_prior_conflict,
    check_prior_power as check_prior_power, check_weakly_known as check_weakly_known,
    prior_power as prior_power, prior_scores as prior_scores,
)
