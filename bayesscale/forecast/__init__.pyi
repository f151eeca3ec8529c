from .allocate import Allocation as Allocation, allocate as allocate
from .answer import (
    Answer as Answer,
    alike as alike,
    stated as stated,
    summary_columns as summary_columns,
    target_frame as target_frame,
)
from .cost import (
    FlopCount as FlopCount,
    OwnCost as OwnCost,
    checked_cost as checked_cost,
    runs_cost as runs_cost,
)
from .extrapolate import (
    Prediction as Prediction,
    check_recipe_shift as check_recipe_shift,
    extrapolate as extrapolate,
    recipe_shifts as recipe_shifts,
)
from .inverse import (
    gain as gain,
    required_flops as required_flops,
    required_tokens as required_tokens,
)
from .landmarks import landmark_models as landmark_models, landmarks as landmarks
from .line import Lines as Lines
from .minimise import derivatives as derivatives
from .mixture import Mixture as Mixture
from .reach import VALIDATED_REACH as VALIDATED_REACH, warn_if_far as warn_if_far
from .regret import Regret as Regret, regret as regret
from .sections import (
    allocation_sections as allocation_sections,
    prediction_sections as prediction_sections,
    regret_sections as regret_sections,
)
from .split import (
    Inputs as Inputs,
    exponents as exponents,
    lowest as lowest,
    optima as optima,
    optimal_split as optimal_split,
    split_at as split_at,
    wanted_beside_split as wanted_beside_split,
)
from .terms import Limits as Limits, Repetition as Repetition, Terms as Terms
