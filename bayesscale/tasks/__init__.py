"""From loss to ability: accuracies of planned runs, and whether an ability breaks out of its curve."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
