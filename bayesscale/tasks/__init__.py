"""Links from loss to scores: predictions for planned runs, and evidence of emergence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
