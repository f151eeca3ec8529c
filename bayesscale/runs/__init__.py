"""The table of training runs: reading it, checking it, its units, and ladders that come with it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
