"""Simulation-based calibration: whether posteriors of simulated runs find what was simulated."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
