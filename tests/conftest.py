"""Fixtures that every room's tests share."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from bayesscale.backtesting import predict_by_bootstrap
from bayesscale.inference import Fit, Setup


@pytest.fixture(scope="session")
def ladders() -> Path:
    """Folder of the public ladders, which are not the project's to redistribute."""
    folder = os.environ.get("BAYESSCALE_TEST_DATA")
    if not folder:
        pytest.skip("public ladders not at hand: set BAYESSCALE_TEST_DATA to their folder")
    return Path(folder)


@pytest.fixture
def short_bootstrap(monkeypatch) -> None:
    """Give back-tests a bootstrap of few refits."""
    scoring = importlib.import_module("bayesscale.backtesting.score_fold")  # not the function
    monkeypatch.setattr(scoring, "predict_by_bootstrap", partial(predict_by_bootstrap, refits=5))


@pytest.fixture
def short_explorer(monkeypatch) -> None:
    """Let reports search little of what serving moves, which takes the most time."""
    monkeypatch.setattr("bayesscale.tell.explorer.SERVED", 3)
    monkeypatch.setattr("bayesscale.tell.explorer.THINNED", 8)


@pytest.fixture
def sample_with(monkeypatch, short_bootstrap) -> Callable:
    """Replace the sampling of every fit: by a function of its setup; lists the setups asked for."""

    def replace(make: Callable[[Setup], Fit]) -> list[Setup]:
        asked = []

        def sample(setup: Setup, **_: object) -> Fit:
            asked.append(setup)
            return make(setup)

        monkeypatch.setattr(Setup, "sample", sample)
        return asked

    return replace


@pytest.fixture
def no_sampling(sample_with) -> None:
    """Fail where anything is sampled."""
    sample_with(lambda _: pytest.fail("went on to sample"))


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    """Leave no figure behind for the next test, where pyplot was used at all."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
