"""The back-test on the command line."""

from tests.simulate import bad_fit


def test_people_read_scores_and_what_follows(run, here, asked):
    ended = run("backtest runs.csv --law chinchilla --seed 3")
    assert ended.status == 0
    told = ended.words
    for said in (
        "Fold 2: fitted to 18 runs", "3x to 30x", "Approach 3", "conformal", "90 % intervals",
        'b = bs.backtest(runs, factor=10, law="chinchilla", random_seed=3)',
    ):  # fmt: skip
        assert said in told


def test_programs_read_unrounded_scores(run, here, asked, runs):
    ended = run("backtest runs.csv --law chinchilla --folds 1 --json")
    told = ended.document
    _, large = runs.split_by_compute(factor=10)
    assert told["command"] == "backtest"
    assert told["runs"]["n_runs"] == len(runs)
    assert [fold["n_test"] for fold in told["folds"]] == [len(large)]
    assert [r["method"] for r in told["summary"] if r["band"] == "all"] == [
        "bayesscale", "approach3", "conformal",
    ]  # fmt: skip
    assert len(told["points"]) == 3 * len(large)
    assert told["passed"]
    assert told["text"] in ended.errors


def test_options_reach_the_fits(run, here, asked):
    run("backtest runs.csv --law chinchilla --noise normal --draws 150 --chains 3 --folds 1")
    (seen,) = asked
    assert (seen.spec.noise.name, seen.sampling.draws, seen.sampling.chains) == ("normal", 150, 3)


def test_posteriors_that_failed_end_with_1_and_are_told_loudly(run, here, sample_with):
    sample_with(lambda setup: bad_fit(setup.runs))
    ended = run("backtest runs.csv --law chinchilla --folds 1")
    assert ended.status == 1
    for part in ("1 of 1 folds", "Fold 1, 30 runs: ", "Approach 3"):  # with the results
        assert part in ended.words
