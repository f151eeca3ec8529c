"""What the packages underneath cannot work with, mended or said before they are loaded."""

import atexit
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from bayesscale.errors import BayesScaleError, DomainError


def available_memory() -> float:
    """Return the bytes that this process may still take; infinity where the system does not say."""
    limits = [float("inf")]
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits.append(1024.0 * next(int(x.split()[1]) for x in lines if "MemAvailable" in x))
    if len(limits) == 1:
        with suppress(OSError, ValueError, AttributeError):
            limits.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):  # a container's share
        group = Path("/sys/fs/cgroup")
        most, taken = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        limits.append(float(most) - float(taken))
    with suppress(ImportError, OSError, ValueError):
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            limits.append(most - float(pages) * resource.getpagesize())
    return max(0.0, min(limits))


def check_memory(what: str, needed: float, *, remedy: str) -> None:
    """Fail now if something would not fit into memory later."""
    available = available_memory()
    if needed > available:
        raise DomainError(
            f"{what} would take about {needed / 2**30:,.1f} GiB of memory, and "
            f"{available / 2**30:,.1f} GiB are available. {remedy}"
        )


def check_environment() -> None:
    """Refuse an interpreter that packages fail in, and see that PyTensor has a folder."""
    if sys.flags.optimize > 1:
        raise BayesScaleError(
            "PYTHONOPTIMIZE=2 (python -OO) removes docstrings, and ArviZ cannot be loaded without "
            "them. Unset PYTHONOPTIMIZE, or set it to 1."
        )
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    if "pytensor" not in sys.modules and "compiledir" not in flags and not _home_is_writable():
        folder = tempfile.mkdtemp(prefix="bayesscale-pytensor-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["PYTENSOR_FLAGS"] = ",".join(filter(None, [flags, f"base_compiledir={folder}"]))


def _home_is_writable() -> bool:
    """Return whether PyTensor can keep compiled code where it does by default."""
    try:
        folder = Path.home() / ".pytensor"
        there = next(path for path in (folder, *folder.parents) if path.exists())
        with tempfile.TemporaryFile(dir=there):
            return True
    except (OSError, RuntimeError, StopIteration):
        return False
