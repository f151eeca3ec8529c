"""Fixtures that every room's tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ladders() -> Path:
    """Folder of the public ladders, which are not the project's to redistribute."""
    folder = os.environ.get("BAYESSCALE_TEST_DATA")
    if not folder:
        pytest.skip("public ladders not at hand: set BAYESSCALE_TEST_DATA to their folder")
    return Path(folder)


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """Leave no figure behind for the next test, where pyplot was used at all."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
