from .average import Average as Average, check_refits as check_refits
from .compiled import (
    CompiledModel as CompiledModel,
    compile_model as compile_model,
    is_compiled as is_compiled,
)
from .draws import (
    LOG_LIKELIHOOD_MAX_BYTES as LOG_LIKELIHOOD_MAX_BYTES,
    SAMPLE_DIMS as SAMPLE_DIMS,
    parameter_groups as parameter_groups,
)
from .fit import (
    check_sampling as check_sampling,
    fit as fit,
    fit_spec as fit_spec,
    warn_of_checks as warn_of_checks,
)
from .fit_many import ManyFits as ManyFits, fit_many as fit_many
from .noiseless import check_noise as check_noise
from .nutpie_chains import Chains as Chains
from .pilot import Pilot as Pilot
from .pytensor_density import density_graph as density_graph
from .result import Fit as Fit, SamplingSpec as SamplingSpec, interval_tails as interval_tails
from .run_chains import run_chains as run_chains
from .sampler import available_cores as available_cores, sample_nuts as sample_nuts
from .saved import load_average as load_average, load_fit as load_fit
from .sections import in_words as in_words
