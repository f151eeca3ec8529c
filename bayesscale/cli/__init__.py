"""The command line: thin commands with the names of the functions that they call.

Only click and the standard library are imported up here, so that help is there at once; a command
imports what it needs when it runs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
