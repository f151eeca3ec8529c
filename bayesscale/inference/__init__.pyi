from .average import Average as Average, check_refits as check_refits, load_average as load_average
from .compiled import (
    CompiledModel as CompiledModel, compile_model as compile_model,
    compile_surface as compile_surface, is_compiled as is_compiled, log_loss_of as log_loss_of,
)
from .draws import (
    LOG_LIKELIHOOD_MAX_BYTES as LOG_LIKELIHOOD_MAX_BYTES, SAMPLE_DIMS as SAMPLE_DIMS,
    parameter_groups as parameter_groups,
)
from .fit import fit as fit
from .fit_many import (
    ManyFits as ManyFits, fit_laws as fit_laws, fit_many as fit_many, seeded as seeded,
)
from .nutpie_chains import Chains as Chains
from .pytensor_density import density_graph as density_graph
from .result import (
    Fit as Fit, SamplingSpec as SamplingSpec, in_words as in_words, load_fit as load_fit,
    unsound as unsound, warn_of as warn_of,
)
from .sampler import (
    MOST_DRAWS as MOST_DRAWS, Pilot as Pilot,
    sample_nuts as sample_nuts,
)
from .setup import FitOptions as FitOptions, Setup as Setup, takes_fit_options as takes_fit_options
