"""How much memory there is, asked of the system."""

import os
from contextlib import suppress
from pathlib import Path

from bayesscale.errors import DomainError


def available_memory() -> float:
    """Return the bytes that this process may still take; infinity where the system does not say."""
    known = [float("inf")]
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        known.append(1024.0 * next(int(x.split()[1]) for x in lines if "MemAvailable" in x))
    if len(known) == 1:
        with suppress(OSError, ValueError, AttributeError):
            known.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):  # a container's share
        group = Path("/sys/fs/cgroup")
        most, taken = ((group / f"memory.{name}").read_text() for name in ("max", "current"))
        known.append(float(most) - float(taken))
    with suppress(ImportError, OSError, ValueError):
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            known.append(most - float(pages) * resource.getpagesize())
    return max(0.0, min(known))


def check_memory(what: str, needed: float, *, remedy: str) -> None:
    """Fail now if something would not fit into memory later.

    Raises
    ------
    DomainError
        If it takes more bytes than are available.
    """
    available = available_memory()
    if needed > available:
        raise DomainError(
            f"{what} would take about {needed / 2**30:,.1f} GiB of memory, and "
            f"{available / 2**30:,.1f} GiB are available. {remedy}"
        )
