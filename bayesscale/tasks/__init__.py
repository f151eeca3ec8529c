"""From loss to ability: scores of planned runs, and emergence judged by evidence."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
