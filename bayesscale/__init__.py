"""Bayesian inference for neural scaling laws.

Every public name is loaded when it is first used, so that ``import bayesscale`` and the command
line's help do not wait for PyMC. The names stand in the stub beside this file; each room has one.
"""

from typing import Any

import lazy_loader

from bayesscale._interrupts import interrupts_held

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("bayesscale")
    if name not in __all__:
        raise AttributeError(f"module 'bayesscale' has no attribute {name!r}")
    with interrupts_held():
        from bayesscale._environment import check_environment

        check_environment()
        return _load(name)
