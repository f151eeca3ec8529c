"""A model's log density and its gradient, fused into one loop of machine code.

Formulas are written once, for any namespace of functions. Here they are called with nodes of a
graph in place of numbers; the graph is differentiated, planned and compiled by LLVM. What cannot
be traced so raises :class:`CannotTraceError`, and is left to PyMC.
"""

from bayesscale.density.bound import BoundDensity
from bayesscale.density.fused import FusedDensity
from bayesscale.density.node import CannotTraceError
from bayesscale.density.trace import Trace, trace
from bayesscale.density.whitened import whitened

__all__ = ["BoundDensity", "CannotTraceError", "FusedDensity", "Trace", "trace", "whitened"]
