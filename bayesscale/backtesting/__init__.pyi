from .baselines import (
    DELTA as DELTA, RESIDUALS_PER_REFIT as RESIDUALS_PER_REFIT, fit_power_laws as fit_power_laws,
    log_power_laws as log_power_laws, predict_by_bootstrap as predict_by_bootstrap,
    predict_by_conformal as predict_by_conformal,
)
from .folds import Fold as Fold, rolling_folds as rolling_folds, widest_factor as widest_factor
from .joint import combine as combine, judge_errors as judge_errors, together as together
from .result import Backtest as Backtest, NAMES as NAMES
from .rolling import backtest as backtest
from .score import Score as Score, joined as joined, score as score
from .score_fold import (
    METHODS as METHODS, POSTERIOR as POSTERIOR, exact_log_score as exact_log_score,
    score_fold as score_fold,
)
from .smallest_scale import SmallestScale as SmallestScale, smallest_scale as smallest_scale
from .scores import (
    LEVELS as LEVELS, covered as covered, crps as crps, normal_log_score as normal_log_score,
    score_draws as score_draws, summarise as summarise,
)
