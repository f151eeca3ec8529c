"""Every way in which a command may end: statuses, messages, and what goes to which stream."""

import subprocess
import sys
import time

import pytest

import bayesscale as bs

HEAVY = (
    "numpy",
    "pandas",
    "scipy",
    "xarray",
    "pymc",
    "nutpie",
    "arviz_stats",
    "matplotlib",
    "rich",
)

HELP = f"""
import sys
from bayesscale.cli import main
main(["--help"], standalone_mode=False)
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_help_is_quick_and_loads_nothing_heavy():
    began = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
    assert "quickstart" in told.stdout
    assert time.perf_counter() - began < 3  # measured at a quarter of a second


@pytest.mark.parametrize("command", ["quickstart", "fit", "extrapolate", "allocate"])
def test_every_command_has_help(run, command):
    ended = run(f"{command} -h")
    assert ended.status == 0
    assert "--json" in ended.stdout


FIT, ASK, SPLIT = "fit runs.csv", "extrapolate good.nc --params 1B", "allocate good.nc"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("fit nowhere.csv", "No file 'nowhere.csv'"),
        (f"{FIT} --law chinchila", "Did you mean 'chinchilla'?"),
        (f"{FIT} --noise gauss", "No noise named 'gauss'"),
        (f"{FIT} --loss-column los", "Did you mean 'loss'?"),
        (f"{FIT} --group nothing", "No column for group named 'nothing'"),
        (f"{FIT} --loss-unit bits/byte", "bytes_per_token"),
        (f"{FIT} --where corpus=c5", "None of 48 rows has corpus='c5'. Seen there: c4, web."),
        (f"{FIT} --where corpse=c4", "Did you mean 'corpus'?"),
        (f"{FIT} --where corpus=c4 --where corpus=web", "two values for one column"),
        (f"{FIT} --where corpus", "is not COLUMN=VALUE"),
        (f"{FIT} --prior alpha=0.2:0.5", "No prior named 'alpha'"),
        (f"{FIT} --prior slope_N=0.5:0.2", "lower < upper"),
        (f"{FIT} --prior slope_N=0.3", "is not a prior"),
        (f"{FIT} --prior slope_N=Beta(alpha=x)", "is not a prior"),
        (f"{FIT} --prior slope_N=0.1:0.3 --prior slope_N=0.2:0.5", "two priors for one name"),
        (f"{FIT} --draws 3", "draws must be a whole number of at least 100"),
        (f"{FIT} --target-accept 2", "target_accept must be between 0 and 1"),
        (f"{FIT} --ci-prob 90", "not in the range"),
        (f"{FIT} --output no/such/folder/fit.nc", "does not exist"),
        (f"{FIT} --output .", "it is a folder"),
        ("extrapolate runs.csv --params 1B --tokens 1B", "cannot be read as a saved fit"),
        ("extrapolate nowhere.nc --params 1B --tokens 1B", "There is no file 'nowhere.nc'"),
        (ASK, "predicts from params and tokens, but got params"),
        (f"{ASK} --flops 1e20", "predicts from params and tokens"),
        (f"{ASK},2B --tokens 1B,2B,3B", "must be equally many"),
        (f"{ASK} --tokens=-1B", "positive and finite"),
        (f"{ASK} --tokens nan", "positive and finite"),
        (f"{ASK} --tokens lots", "'lots' is not a size"),
        (f"{ASK} --tokens 1,400,000,000", "Write one number as 1400000000"),
        (SPLIT, "Missing option '--flops'"),
        (f"{SPLIT} --flops 0", "positive and finite"),
        (
            "quickstart --loss-column val_loss",
            "options for reading a table (loss), but RUNS is missing",
        ),
        ("quickstart runs.csv --hold-out 1", "not in the range"),
        ("quickstart runs.csv --law kaplan_compute", "Choose one of unified, chinchilla"),
        ("quickstart runs.csv --output-dir runs.csv", "Cannot make the folder 'runs.csv'"),
        ("fitt", "No such command"),
    ],
)
def test_bad_input_ends_with_2_and_a_message(run, saved, command, said):
    ended = run(command)
    assert ended.status == 2
    assert said in " ".join(ended.stderr.split())
    assert "Traceback" not in ended.stderr
    assert "This is a bug" not in ended.stderr


@pytest.mark.parametrize("output", ["no/fit.nc", ".", "/proc/fit.nc"])
def test_an_output_that_cannot_be_written_is_found_before_sampling(run, here, no_sampling, output):
    assert run(f"fit runs.csv -o {output}").status == 2


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


def raising(error):
    def fit(*_, **__):
        raise error

    return fit


def test_ctrl_c_ends_with_130(run, here, monkeypatch):
    monkeypatch.setattr(bs, "fit", raising(KeyboardInterrupt()))
    ended = run("fit runs.csv")
    assert ended.status == 130
    assert ended.stderr.endswith("Stopped.\n")
    assert "Traceback" not in ended.stderr


def test_a_bug_shows_its_traceback_and_is_no_verdict_on_the_posterior(run, here, monkeypatch):
    monkeypatch.setattr(bs, "fit", raising(ZeroDivisionError("oops")))
    ended = run("fit runs.csv")
    assert ended.status == 70
    assert "ZeroDivisionError: oops" in ended.stderr
    assert "This is a bug" in ended.stderr


@pytest.mark.parametrize(
    "command",
    [
        "fit runs.csv --law chinchilla",
        "extrapolate bad.nc --params 1B --tokens 20B",
        "allocate bad.nc --flops 1e21",
        "quickstart runs.csv --law chinchilla",
    ],
)
def test_a_posterior_that_did_not_pass_is_told_loudly_and_ends_with_1(
    run, saved_bad, fit_badly, no_figures, command
):
    ended = run(command)
    assert ended.status == 1
    assert "DID NOT PASS its checks" in " ".join(ended.stdout.split())
    assert "NOT CONVERGED" in ended.stdout
    assert ended.stdout.count("On the command line: bayesscale fit --tune 4000") == 1
    assert "The same in Python" in ended.stdout  # the results are there all the same
    assert "Warning" not in ended.stderr.replace("Warning: The farthest", "")  # told once
    assert ended.stdout.count("NOT CONVERGED") == (2 if command.startswith("quick") else 1)

    told = run(command, "--json")
    assert told.status == 1
    assert told.document["passed"] is False
    assert "DID NOT PASS its checks" in " ".join(told.stderr.split())


def test_quiet_still_warns_of_a_posterior_that_did_not_pass(run, here, fit_badly):
    ended = run("fit runs.csv --quiet")
    assert (ended.status, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Warning: The law")
    assert "DID NOT PASS its checks (convergence" in " ".join(ended.stderr.split())


def test_warnings_are_short_paragraphs_on_standard_error(run, saved):
    words = f"allocate {saved} --flops 1e24"
    ended = run(words)
    assert ended.status == 0
    assert ended.stderr.startswith("Warning: The farthest target")
    assert ".py" not in ended.stderr
    assert "Warning" not in ended.stdout
    (heard,) = run(words, "--json").document["warnings"]
    assert heard["kind"] == "ExtrapolationWarning"
    assert heard["text"].startswith("The farthest target")


@pytest.fixture
def saved_doubtful(here, runs):
    """A fit that converged, but not to what the runs say."""
    from tests.simulate import fit_at

    return fit_at(runs, "chinchilla", spread=0.02, draws=400).save("doubtful.nc")


@pytest.mark.parametrize(("fit", "status", "strict"), [
    ("good", 0, 0), ("doubtful", 0, 1), ("bad", 1, 1),
])  # fmt: skip
def test_statuses_by_severity(run, saved, saved_doubtful, saved_bad, fit, status, strict):
    words = f"extrapolate {fit}.nc --params 1B --tokens 20B"
    assert run(words).status == status
    ended = run(f"{words} --strict --json")
    assert ended.status == strict
    assert ended.document["severity"] == {"good": "ok", "doubtful": "caution", "bad": "stop"}[fit]
    assert ended.document["passed"] == (fit != "bad")


def test_a_finding_is_said_once(run, saved_doubtful):
    ended = run(f"allocate {saved_doubtful} --flops 1e21 --strict")
    words = " ".join(ended.stdout.split())
    assert words.count("THIS LAW DOES NOT DESCRIBE THESE RUNS") == 1
    assert (
        words.count("Caution: the posterior passed its checks with this in mind: lack of fit.") == 1
    )
    assert "DOES NOT DESCRIBE" not in ended.stderr
    assert words.endswith("Usable with the cautions above; with --strict they end with status 1.")
