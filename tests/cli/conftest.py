"""A table, saved fits that needed no sampling, and the command line to try on them."""

import json

import pytest
from click.testing import CliRunner, Result

from bayesscale.cli import main
from tests.simulate import bad_fit, good_fit, simulate_runs


class Ended:
    """How a command ended: its streams, and the words in them."""

    def __init__(self, result: Result):
        self.status, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr
        self.words, self.errors = (" ".join(s.split()) for s in (self.stdout, self.stderr))

    @property
    def document(self):
        return json.loads(self.stdout)


@pytest.fixture
def run():
    """Run a command line in this process, and words after it that may hold spaces."""
    return lambda line, *more: Ended(CliRunner().invoke(main, [*line.split(), *more]))


@pytest.fixture(scope="session")
def runs():
    return simulate_runs()


@pytest.fixture
def here(tmp_path, monkeypatch, runs):
    """A folder to work in, with a table of runs."""
    monkeypatch.chdir(tmp_path)
    frame = runs.frame.drop(columns="flops")
    frame.assign(corpus=["c4", "web"] * (len(frame) // 2)).to_csv("runs.csv", index=False)
    return tmp_path


@pytest.fixture
def saved(here, runs):
    """A fit that passes its checks."""
    return good_fit(runs).save("good.nc")


@pytest.fixture
def saved_bad(here, runs):
    """A fit that does not."""
    return bad_fit(runs).save("bad.nc")


@pytest.fixture
def asked(sample_with):
    """Replace the sampling by draws made up; lists the fits that were asked for."""
    return sample_with(lambda setup: good_fit(setup.runs, setup.spec.law))


@pytest.fixture
def fit_badly(sample_with):
    """Replace the sampling by one that fails its checks."""
    sample_with(lambda setup: bad_fit(setup.runs, setup.spec.law))


@pytest.fixture
def no_figures(monkeypatch):
    """Leave the figures out, which take the most time."""
    monkeypatch.setattr("bayesscale.report", lambda *_, **__: None)
