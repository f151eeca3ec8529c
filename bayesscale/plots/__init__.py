"""Pictures of a fit, one per file, each with a companion that returns the numbers it draws."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
