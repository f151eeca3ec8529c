"""What the packages underneath cannot work with, mended or said before they are loaded."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from bayesscale.errors import BayesScaleError


def check_environment() -> None:
    """Refuse an interpreter that packages fail in, and see that PyTensor has a folder.

    Raises
    ------
    BayesScaleError
        If Python runs without docstrings.
    """
    if sys.flags.optimize > 1:
        raise BayesScaleError(
            "PYTHONOPTIMIZE=2 (python -OO) takes docstrings away, and ArviZ cannot be loaded "
            "without them. Unset PYTHONOPTIMIZE, or set it to 1."
        )
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "pytensor" not in sys.modules and "compiledir" not in flags and not _home_is_writable():
        folder = tempfile.mkdtemp(prefix="bayesscale-pytensor-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, [flags, f"base_compiledir={folder}"]))


def _home_is_writable() -> bool:
    """Tell whether PyTensor can keep compiled code where it does by default."""
    try:
        folder = Path.home() / ".pytensor"
        while not folder.exists():
            if folder == folder.parent:
                return False
            folder = folder.parent
        if not (folder.is_dir() and os.access(folder, os.W_OK)):
            return False
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, RuntimeError):
        return False
