"""Every way in which a command may end: statuses, messages, and what goes to which stream."""

import pytest

import bayesscale as bs
from tests.simulate import fit_at

FIT, ASK, SPLIT = "fit runs.csv", "extrapolate good.nc --params 1B", "allocate good.nc"


@pytest.mark.parametrize(("command", "said"), [
    ("fit nowhere.csv", "No file 'nowhere.csv'"),
    (f"{FIT} --law chinchila", "Did you mean 'chinchilla'?"),
    (f"{FIT} --noise gauss", "No noise named 'gauss'"),
    (f"{FIT} --loss-column los", "Did you mean 'loss'?"),
    (f"{FIT} --group nothing", "'nothing'"),
    (f"{FIT} --loss-unit bits/byte", "bytes_per_token"),
    (f"{FIT} --where corpus=c5", ": c4, web."),
    (f"{FIT} --where corpse=c4", "Did you mean 'corpus'?"),
    (f"{FIT} --where corpus=c4 --where corpus=web", "None of 24 rows has corpus='web'"),
    (f"{FIT} --where corpus", "where cannot parse 'corpus'"),
    (f"{FIT} --prior alpha=0.2:0.5", "No prior named 'alpha'"),
    (f"{FIT} --prior slope_N=0.5:0.2", "lower < upper"),
    (f"{FIT} --prior slope_N=0.3", "is not a prior"),
    (f"{FIT} --prior slope_N=Beta(alpha=x)", "is not a prior"),
    (f"{FIT} --prior slope_N=0.1:0.3 --prior slope_N=0.2:0.5", "two priors for one name"),
    (f"{FIT} --draws 3", "at least 100"),
    (f"{FIT} --target-accept 2", "target_accept"),
    (f"{FIT} --ci-prob 90", "not in the range"),
    (f"{FIT} --output no/such/folder/fit.nc", "does not exist"),
    (f"{FIT} --output .", "it is a folder"),
    ("extrapolate runs.csv --params 1B --tokens 1B", "saved fit"),
    ("extrapolate nowhere.nc --params 1B --tokens 1B", "'nowhere.nc'"),
    (ASK, "params and tokens"),
    (f"{ASK} --flops 1e20", "params and tokens"),
    (f"{ASK},2B --tokens 1B,2B,3B", "must be equally many"),
    (f"{ASK} --tokens=-1B", "positive and finite"),
    (f"{ASK} --tokens nan", "positive and finite"),
    (f"{ASK} --tokens lots", "'lots' is not a size"),
    (f"{ASK} --tokens 1,400,000,000", "1400000000"),
    (SPLIT, "Missing option '--flops'"),
    (f"{SPLIT} --flops 0", "positive and finite"),
    (
        "quickstart --loss-column val_loss",
        "RUNS",
    ),
    ("quickstart runs.csv --hold-out 1", "not in the range"),
    ("quickstart runs.csv --output-dir runs.csv", "folder 'runs.csv'"),
    ("fitt", "No such command"),
    ("backtest nowhere.csv", "No file 'nowhere.csv'"),
    ("backtest runs.csv --factor 1", "not in the range"),
    ("backtest runs.csv --folds 0", "not in the range"),
    ("backtest runs.csv --factor 900", "12 runs to fit"),
    ("backtest runs.csv --law chinchila", "Did you mean 'chinchilla'?"),
    ("compare runs.csv --laws kaplan kaplan", "got kaplan"),
    ("compare runs.csv --laws kaplan,unifed", "Did you mean 'unified'?"),
    ("compare runs.csv --factor nan", "factor must be above 1"),
    ("compare runs.csv --laws", "no law"),
    ("plot pie good.nc", "'pie' is not one of"),
    ("plot loss good.nc --quantity params", "--quantity"),
    ("plot loss good.nc -o loss.doc", ".png, .svg, .pdf"),
    ("plot loss good.nc --label A --label B", "2 labels for 1 fits"),
    ("plot loss", "Missing argument"),
    ("plot loss nowhere.nc", "nowhere.nc"),
    ("fit runs.csv -o no/fit.nc", "no"), ("fit runs.csv -o /proc/fit.nc", "/proc"),
])  # fmt: skip
def test_bad_input_ends_with_2_and_a_message(run, saved, no_sampling, command, said):
    ended = run(command)
    assert ended.status == 2
    assert said in ended.errors
    assert not {"Traceback", "bug"} & set(ended.errors.split())


def test_a_file_in_the_way_is_found_before_sampling(run, here, no_sampling):
    (here / "out" / "loss.svg").mkdir(parents=True)
    ended = run("quickstart runs.csv --output-dir out")
    assert ended.status == 2
    assert "loss.svg" in ended.stderr


def test_a_rehearsal_leaves_an_older_file_alone(run, here):
    (here / "fit.nc").write_text("older")
    assert run("fit runs.csv --law none").status == 2
    assert (here / "fit.nc").read_text() == "older"
    assert sorted(p.name for p in here.iterdir()) == ["fit.nc", "runs.csv"]


def test_debug_shows_the_traceback_of_bad_input(run, here):
    ended = run("--debug fit nowhere.csv")
    assert ended.status == 2
    assert "Traceback" in ended.stderr


@pytest.mark.parametrize(("error", "status", "words"), [
    (KeyboardInterrupt(), 130, ["Stopped."]),
    (ZeroDivisionError("oops"), 70, ["Traceback", "ZeroDivisionError: oops", "bug"]),
], ids=["ctrl-c", "bug"])  # fmt: skip
def test_an_interrupt_and_a_bug_are_no_verdict_on_the_posterior(
    run, here, sample_with, error, status, words
):
    def fail(_):
        raise error

    sample_with(fail)
    ended = run("fit runs.csv")
    assert ended.status == status
    assert all(word in ended.stderr for word in words)
    assert ("Traceback" in ended.stderr) == ("Traceback" in words)


@pytest.mark.parametrize("command", [
    "fit runs.csv --law chinchilla", "extrapolate bad.nc --params 1B --tokens 20B",
    "allocate bad.nc --flops 1e21", "quickstart runs.csv --law chinchilla",
])  # fmt: skip
def test_a_posterior_that_did_not_pass_ends_with_1_and_with_its_results(
    run, saved_bad, fit_badly, no_figures, command
):
    ended = run(command)
    assert ended.status == 1
    assert "Do not use: " in ended.words
    assert ended.words.count("bayesscale fit --tune 4000") == 1  # what to do
    assert "nats" in ended.stdout  # the results are there all the same
    assert ended.stderr.count("Warning") == 0  # the results say it
    told = run(command, "--json")
    assert (told.status, told.document["passed"]) == (1, False)
    assert told.document["severity"] == "stop"
    assert "Do not use: " in told.errors


def test_quiet_still_warns_of_a_posterior_that_did_not_pass(run, here, fit_badly):
    ended = run("fit runs.csv --quiet")
    assert (ended.status, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Warning: The law")
    assert "convergence" in ended.errors


def test_warnings_are_short_paragraphs_on_standard_error(run, saved):
    words = f"allocate {saved} --flops 1e24"
    ended = run(words)
    assert ended.status == 0
    assert ended.stderr.startswith("Warning: ")
    assert ".py" not in ended.stderr
    assert "Warning" not in ended.stdout
    (heard,) = run(words, "--json").document["warnings"]
    assert heard["kind"] == "ExtrapolationWarning"
    assert heard["text"] in ended.errors


@pytest.fixture
def saved_doubtful(here, runs):
    """A fit that converged, but not to what the runs say."""
    return fit_at(runs, "chinchilla", spread=0.02, draws=400).save("doubtful.nc")


@pytest.mark.parametrize(("fit", "status", "strict", "severity"), [
    ("good", 0, 0, "ok"), ("doubtful", 0, 1, "caution"), ("bad", 1, 1, "stop"),
])  # fmt: skip
def test_statuses_by_severity(run, saved, saved_doubtful, saved_bad, fit, status, strict, severity):
    words = f"extrapolate {fit}.nc --params 1B --tokens 20B"
    assert run(words).status == status
    ended = run(f"{words} --strict --json")
    assert ended.status == strict
    assert (ended.document["severity"], ended.document["passed"]) == (severity, fit != "bad")


def test_a_finding_is_told_once(run, saved_doubtful):
    ended = run(f"allocate {saved_doubtful} --flops 1e21 --strict")
    (finding,) = (c.text for c in bs.load_fit(saved_doubtful).checks if c.severity == "caution")
    assert ended.words.count(" ".join(finding.split())) == 1
    assert ended.words.count("lack of fit") == 1  # its name, in the verdict
    assert finding[:40] not in ended.errors
    assert "--strict" in ended.words
