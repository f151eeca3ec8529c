"""A model's log density and its gradient, fused into one loop of machine code.

Formulas are called with nodes of a graph in place of numbers; the graph is differentiated, planned
and compiled by LLVM. What cannot be traced raises :class:`CannotTraceError`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
