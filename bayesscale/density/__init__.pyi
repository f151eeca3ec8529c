from .derivative import gradient as gradient
from .emit import emit as emit
from .fused import (
    FusedDensity as FusedDensity, Surface as Surface, environment as environment,
)
from .graph import (
    CannotTraceError as CannotTraceError, FUNCTIONS as FUNCTIONS, Graph as Graph, ROW as ROW,
    evaluate as evaluate,
)
from .native import (
    BoundDensity as BoundDensity, compile_text as compile_text, once as once, whitened as whitened,
)
from .plan import plan as plan
from .trace import Trace as Trace, trace as trace
