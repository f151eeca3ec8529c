from .average import average as average
from .bridge import Evidence as Evidence, bridge as bridge, bridge_sampling as bridge_sampling
from .compare import compare as compare
from .comparison import Comparison as Comparison, in_words as in_words
from .evidence import evidence as evidence
from .left_out import (
    importance_sampled as importance_sampled, joint_density as joint_density,
    leave_one_out as leave_one_out,
)
from .savage_dickey import (
    density_ratio as density_ratio, log_density_weights as log_density_weights,
)
from .sensitivity import (
    ALL as ALL, PriorSensitivity as PriorSensitivity, prior_sensitivity as prior_sensitivity,
)
from .stacking import (
    PARETO_K_MAX as PARETO_K_MAX, log_mean_weight as log_mean_weight,
    stacking_errors as stacking_errors, stacking_weights as stacking_weights,
)
