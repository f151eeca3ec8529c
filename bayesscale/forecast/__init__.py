"""Questions to a fit: extrapolated losses, compute-optimal allocations, and their inverses."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
