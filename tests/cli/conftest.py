"""A table, saved fits that needed no sampling, and the command line to try on them."""

import json
from dataclasses import dataclass

import numpy as np
import pytest
from click.testing import CliRunner, Result

from bayesscale.cli import main
from bayesscale.inference import warn_of_checks
from bayesscale.runs import Runs
from tests.simulate import SIMULATED_LOSS, TRUTH, fit_at, simulate_runs

FITS = (
    "bayesscale.fit", "bayesscale.planning.plan.fit", "bayesscale.backtesting.rolling.fit",
    "bayesscale.comparison.fit_laws.fit",
)  # fmt: skip
"""Where commands have fits made."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @classmethod
    def of(cls, result: Result) -> "Ended":
        return cls(result.exit_code, result.stdout, result.stderr)

    @property
    def document(self):
        return json.loads(self.stdout)


@pytest.fixture
def run():
    """Run a command line in this process, and words after it that may hold spaces."""

    def run(line, *more) -> Ended:
        return Ended.of(CliRunner().invoke(main, [*line.split(), *more]))

    return run


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


def good_fit(runs, law="chinchilla"):
    # the runs' own sizes, but losses that the law describes, whatever the law
    loss = simulate_runs(law, sizes=(runs.params, runs.tokens)).loss
    described = Runs.from_frame(runs.frame.drop(columns="flops").assign(loss=loss), name=runs.name)
    level = TRUTH["level"] * SIMULATED_LOSS / np.exp(np.log(loss).mean())
    truth = TRUTH | {"sigma": 0.1, "level": level}
    return fit_at(described, law, truth=truth, spread=0.02, draws=400)


def bad_fit(runs, law="chinchilla"):
    return fit_at(runs, law, spread=0.02, draws=20)  # too few draws to trust


@pytest.fixture
def saved(here, runs):
    """A fit that passes its checks."""
    return good_fit(runs).save("good.nc")


@pytest.fixture
def saved_bad(here, runs):
    """A fit that does not."""
    return bad_fit(runs).save("bad.nc")


@pytest.fixture
def asked(monkeypatch):
    """Replace the sampling by draws made up; lists what each fit was asked for."""
    calls = []

    def fit(runs, *, law="unified", progress="auto", random_seed=None, **options):
        calls.append({"runs": runs, "law": law, "progress": progress, **options})
        return good_fit(runs, law)

    for place in FITS:
        monkeypatch.setattr(place, fit)
    return calls


@pytest.fixture
def fit_badly(monkeypatch):
    """Replace the sampling by one that fails its checks."""

    def fit(runs, *, law="unified", **_):
        made = bad_fit(runs, law)
        warn_of_checks(made)
        return made

    for place in FITS:
        monkeypatch.setattr(place, fit)


@pytest.fixture
def no_sampling(monkeypatch):
    """Nothing may be sampled."""

    def fit(*_, **__):
        raise AssertionError("sampled before everything was checked")

    for place in FITS:
        monkeypatch.setattr(place, fit)


@pytest.fixture
def no_figures(monkeypatch):
    """Leave the figures out, which take the most time."""
    monkeypatch.setattr("bayesscale.report", lambda *_, **__: None)
