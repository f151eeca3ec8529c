"""Rolling back-tests on the user's own ladder, against the state of practice."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
