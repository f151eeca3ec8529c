"""A model's log density and its gradient, fused into one loop of machine code.

Formulas are written once, for any namespace of functions. Here they are called with nodes of a
graph in place of numbers; the graph is differentiated, planned and compiled by LLVM. What cannot
be traced so raises :class:`CannotTraceError`, and is left to PyMC.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
