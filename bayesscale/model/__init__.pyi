from .build import build_model as build_model, model_from as model_from
from .checked_law import law_values as law_values
from .discrepancy import (
    DISCREPANCIES as DISCREPANCIES, Drift as Drift, LOSS_STEPS as LOSS_STEPS,
    UNDERTRAINING as UNDERTRAINING, excess_slope as excess_slope,
)
from .noise import (
    MATHS as MATHS, NOISES as NOISES, SIGMA as SIGMA, log_mills as log_mills,
    scale_coordinates as scale_coordinates,
)
from .noise_floor import (
    has_noise_floor as has_noise_floor, with_noise_floor as with_noise_floor,
)
from .posterior import Posterior as Posterior, evenly as evenly
from .prior_predictive import (
    check_priors_admit as check_priors_admit, prior_predictive as prior_predictive,
)
from .priors import (
    LINKS as LINKS, NORMAL_ON_LINK as NORMAL_ON_LINK, Prior as Prior,
    central_interval as central_interval, default_prior as default_prior,
    resolve_priors as resolve_priors,
)
from .rows import Residuals as Residuals, Rows as Rows
from .spec import (
    MODEL_MEANINGS as MODEL_MEANINGS, ModelSpec as ModelSpec, centred_name as centred_name,
    dims_of as dims_of, model_data as model_data, share_sums as share_sums, some_rows as some_rows,
    specify as specify, spread_data as spread_data,
)
