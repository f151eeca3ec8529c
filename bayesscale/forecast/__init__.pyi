from .allocate import Allocation as Allocation, allocate as allocate
from .answer import (
    Answer as Answer, VALIDATED_REACH as VALIDATED_REACH, broadcast as broadcast, asks as asks,
    described as described, check_inputs as check_inputs, summary_columns as summary_columns,
    target_frame as target_frame, warn_if_far as warn_if_far,
)
from .data_worth import (
    DataWorth as DataWorth, convergence as convergence,
    tokens_without_overfitting as tokens_without_overfitting, worth_of_epochs as worth_of_epochs,
)
from .extrapolate import (
    Prediction as Prediction, check_recipe_shift as check_recipe_shift, extrapolate as extrapolate,
)
from .frontier import Frontier as Frontier
from .gain import gain as gain
from .mixture import Mixture as Mixture
from .plans import HABIT as HABIT, params_at_ratio as params_at_ratio
from .purchase import Purchase as Purchase, without_split as without_split
from .regret import (
    Regret as Regret, landmark_models as landmark_models, landmarks as landmarks, regret as regret,
)
from .requirement import required_flops as required_flops, required_tokens as required_tokens
from .search import derivatives as derivatives
from .terms import (
    Limits as Limits, OwnCost as OwnCost, Repetition as Repetition, Terms as Terms,
    runs_cost as runs_cost,
)
