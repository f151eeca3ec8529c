"""Whether draws can be trusted, whether the law describes the runs, and who decides an answer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
