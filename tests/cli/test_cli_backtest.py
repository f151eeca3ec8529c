"""The back-test on the command line."""

import pytest

from tests.backtest.conftest import shorten_bootstrap
from tests.cli.conftest import bad_fit, good_fit


@pytest.fixture
def asked(monkeypatch):
    """Replace the sampling by draws made up; lists what each fit was asked for."""
    calls = []

    def fit(runs, **options):
        calls.append(options)
        return good_fit(runs, options["law"])

    monkeypatch.setattr("bayesscale.backtesting.rolling.fit", fit)
    shorten_bootstrap(monkeypatch)
    return calls


def words(text):
    return " ".join(text.split())


def test_people_read_scores_and_what_follows(run, here, asked):
    ended = run("backtest runs.csv --law chinchilla --seed 3")
    assert ended.status == 0
    told = words(ended.stdout)
    for said in (
        "Fold 2: 18 runs up to", "3x to 30x", "Approach 3", "conformal", "persistence",
        "On your own runs, 90 % intervals covered", "Approach 3's covered",
        'b = bs.backtest(runs, factor=10, law="chinchilla", random_seed=3)',
    ):  # fmt: skip
        assert said in told
    assert ended.stdout.index("Does the law") < ended.stdout.index("On your own runs")


def test_programs_read_unrounded_scores(run, here, asked, runs):
    ended = run("backtest runs.csv --law chinchilla --folds 1 --json")
    told = ended.document
    _, large = runs.split_by_compute(factor=10)
    assert told["command"] == "backtest"
    assert told["runs"]["n_runs"] == len(runs)
    assert [fold["n_test"] for fold in told["folds"]] == [len(large)]
    assert [r["method"] for r in told["summary"] if r["band"] == "all"] == [
        "bayesscale", "approach3", "conformal", "persistence",
    ]  # fmt: skip
    assert len(told["points"]) == 4 * len(large)
    assert told["passed"]
    assert told["text"].startswith("On your own runs")
    assert "On your own runs" in words(ended.stderr)


def test_options_reach_the_fits(run, here, asked):
    run("backtest runs.csv --law chinchilla --noise normal --draws 150 --chains 3 --folds 1")
    (seen,) = asked
    assert (seen["noise"], seen["draws"], seen["chains"]) == ("normal", 150, 3)


def test_posteriors_that_failed_end_with_1_and_are_told_loudly(run, here, monkeypatch):
    monkeypatch.setattr("bayesscale.backtesting.rolling.fit", lambda r, **_: bad_fit(r))
    shorten_bootstrap(monkeypatch)
    ended = run("backtest runs.csv --law chinchilla --folds 1")
    assert ended.status == 1
    told = words(ended.stdout)
    assert "1 of 1 folds DID NOT PASS" in told
    assert "Fold 1, 30 runs: NOT CONVERGED" in told
    assert "On your own runs" in told  # results are printed all the same
    assert told.count("NOT CONVERGED") == 1  # said once


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("backtest nowhere.csv", "No file 'nowhere.csv'"),
        ("backtest runs.csv --factor 1", "not in the range"),
        ("backtest runs.csv --folds 0", "not in the range"),
        ("backtest runs.csv --factor 900", "needs 12 runs to fit"),
        ("backtest runs.csv --law chinchila", "Did you mean 'chinchilla'?"),
    ],
)
def test_bad_input_ends_with_2_and_a_message(run, here, line, said):
    ended = run(line)
    assert ended.status == 2
    assert said in words(ended.stderr)


def test_help(run):
    ended = run("backtest -h")
    assert ended.status == 0
    assert "--factor" in ended.stdout
