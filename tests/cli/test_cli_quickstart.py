"""The quickstart: an honest test, a plan, figures, and the words around them."""

import pytest

import bayesscale as bs
from tests.simulate import good_fit

PICTURES = ("loss", "predictive_check", "isoflops", "allocation", "regret", "backtest", "coverage")
FILES = {"report.html", "fit.nc", *(f"{stem}.svg" for stem in PICTURES)}


@pytest.fixture
def quick(run, here, asked):

    def quick(words=""):
        return run(f"quickstart runs.csv --law chinchilla {words}")

    return quick


def test_the_quickstart_tells_a_story_and_leaves_files(quick, here, asked, runs):
    ended = quick()
    assert ended.status == 0
    small, _ = runs.split_by_compute(factor=10)
    assert [len(setup.runs) for setup in asked] == [len(small), len(runs)]
    told = " ".join(ended.stdout.split("The same in Python")[0].split())
    for words in (f"{len(runs)} runs", f"{len(small)} runs up to 5.2e19 FLOP", "Approach 3",
                  "1.0e22 FLOP", "1.0e23 FLOP"):  # fmt: skip
        assert words in told
    assert max(map(len, ended.stdout.split("The same in Python")[0].splitlines())) <= 80
    assert {p.name for p in (here / "bayesscale-quickstart").iterdir()} == FILES
    assert ended.stderr.count("Warning") == 1  # a hundred times more is far, and said once


def test_the_document_of_the_quickstart(quick, here, runs):
    told = quick("--json --output-dir a/b --hold-out 5").document
    _, large = runs.split_by_compute(factor=5)
    assert told["budgets"] == [1e22, 1e23]
    tested = [row["run"] for row in told["hold_out"]["points"] if row["method"] == "bayesscale"]
    assert tested == large.run_ids.tolist()
    assert len(told["allocation"]["summary"]) == len(told["extrapolation"]["summary"]) == 2
    assert {p.name for p in (here / "a" / "b").iterdir()} == FILES
    assert bs.load_fit("a/b/fit.nc").law.name == "chinchilla"
    for size in told["extrapolation"]["summary"]:
        assert 6 * size["params"] * size["tokens"] == pytest.approx(size["flops"])


def test_without_a_table_it_runs_on_the_example(run, here, asked, no_figures):
    ended = run("quickstart --law chinchilla")
    assert ended.status != 2  # 1 if draws made up for these sizes do not pass their checks
    example = bs.load_example()
    small, large = example.split_by_compute(factor=4)
    assert large.flops.min() > 3e14  # the two top levels
    assert small.flops.max() < 1.1e14
    assert [len(setup.runs) for setup in asked] == [len(small), len(example)]
    assert "runs = bs.load_example()" in ended.stdout


def test_without_enough_small_runs_nothing_is_held_out(quick, asked, runs, no_figures):
    ended = quick("--hold-out 500")
    assert ended.status == 0
    assert "needs 10 runs" in ended.words
    assert [len(setup.runs) for setup in asked] == [len(runs)]
    assert quick("--hold-out 1e9 --json").document["hold_out"] is None


def test_the_test_is_that_of_backtest(quick, asked, runs, no_figures):
    told = quick("--json --hold-out 5").document
    b = bs.backtest(runs, factor=5, folds=1, law="chinchilla", random_seed=0, progress=False)
    rows = {(r["band"], r["method"]): r for r in told["hold_out"]["summary"]}
    for key, row in b.summary.iterrows():
        assert rows[key]["crps"] == pytest.approx(row["crps"], rel=1e-9)
    assert any(
        'bs.plan(runs, law="chinchilla", random_seed=0, hold_out=5)' in line
        for line in told["python"]
    )


def test_smaller_runs_that_cannot_be_fitted_end_the_test_alone(
    quick, sample_with, runs, no_figures
):
    def fit(setup):
        if len(setup.runs) < len(runs):
            raise bs.errors.RunsError("All have one size.")
        return good_fit(setup.runs)

    sample_with(fit)
    ended = quick()
    assert ended.status == 0
    assert "All have one size." in ended.words
    assert "1.0e22 FLOP" in ended.words
