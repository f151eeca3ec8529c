"""The quickstart: an honest test, a plan, figures, and the words around them."""

import pytest

import bayesscale as bs
from tests.simulate import good_fit

PICTURES = ("loss", "residuals", "isoflops", "allocation", "regret", "backtest", "coverage")
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
    assert len(asked[0].runs) == len(small)  # the first fold; then others, all runs, assumptions
    assert sum(len(setup.runs) == len(runs) for setup in asked) >= 2
    for words in ("1.0e22 FLOP, train", "On held-out runs", "larger half of runs"):
        assert words in ended.words
    assert max(map(len, ended.stdout.splitlines())) <= 100
    assert len(ended.stdout.splitlines()) <= 45
    assert {p.name for p in (here / "bayesscale-quickstart").iterdir()} == FILES
    assert "Warning" not in ended.stderr  # what was found stands on the page


def test_all_of_it_on_request(quick):
    ended = quick("--verbose")
    for words in ("Approach 3", "The same in Python", "nearly as good"):
        assert words in ended.words


def test_the_document_of_the_quickstart(quick, here, runs):
    told = quick("--json --output-dir a/b --hold-out 5").document
    _, large = runs.split_by_compute(factor=5)
    tested = [
        row["run"] for row in told["hold_out"]["points"]
        if row["method"] == "bayesscale" and row["fold"] == 1
    ]  # fmt: skip
    assert tested == large.run_ids.tolist()
    assert len(told["allocation"]["summary"]) == len(told["extrapolation"]["summary"]) > 0
    assert {p.name for p in (here / "a" / "b").iterdir()} == FILES
    assert bs.load_fit("a/b/fit.nc").law.name == "chinchilla"
    for size in told["extrapolation"]["summary"]:
        assert 6 * size["params"] * size["tokens"] == pytest.approx(size["flops"])


def test_without_a_table_it_runs_on_the_example(run, here, asked, no_figures):
    ended = run("quickstart --law chinchilla -v")
    assert ended.status != 2, (
        ended.errors
    )  # 1 if draws made up for these sizes do not pass their checks
    assert len(bs.load_example()) in [len(setup.runs) for setup in asked]
    assert "runs = bs.load_example()" in ended.stdout


def test_without_enough_small_runs_nothing_is_held_out(quick, asked, runs, no_figures):
    ended = quick("--hold-out 500")
    assert ended.status == 0
    assert "needs 10 runs" in ended.words
    assert "Not tested" in ended.words
    assert quick("--hold-out 1e9 --json").document["hold_out"] is None


def test_the_test_is_that_of_backtest(quick, asked, runs, no_figures):
    told = quick("--json --hold-out 5").document
    b = bs.backtest(runs, factor=5, law="chinchilla", random_seed=0, progress=False)
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
