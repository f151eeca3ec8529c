"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ladders() -> Path:
    """Folder of the public ladders, which are not the project's to redistribute."""
    folder = os.environ.get("BAYESSCALE_TEST_DATA")
    if not folder:
        pytest.skip("public ladders not at hand: set BAYESSCALE_TEST_DATA to their folder")
    return Path(folder)
