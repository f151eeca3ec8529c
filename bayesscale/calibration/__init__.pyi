from .calibrate import calibrate as calibrate
from .result import Calibration as Calibration
from .simulation import (
    LOG_LIKELIHOOD as LOG_LIKELIHOOD, Ladder as Ladder, RANKED_AMONG as RANKED_AMONG,
    Ranked as Ranked, ranks_of_truth as ranks_of_truth, thinned as thinned,
)
from .uniform import counts_below as counts_below, p_value as p_value
