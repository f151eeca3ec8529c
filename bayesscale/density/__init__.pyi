from .bound import BoundDensity as BoundDensity
from .derivative import gradient as gradient
from .emit import emit as emit
from .evaluate import FUNCTIONS as FUNCTIONS, evaluate as evaluate
from .fused import FusedDensity as FusedDensity, environment as environment
from .graph import Graph as Graph
from .native import compile_text as compile_text
from .node import ROW as ROW, CannotTraceError as CannotTraceError
from .plan import plan as plan
from .trace import Trace as Trace, trace as trace
from .whitened import whitened as whitened
