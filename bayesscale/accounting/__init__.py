"""How parameters and compute are counted, in one place: every rule, and the way between counts."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
