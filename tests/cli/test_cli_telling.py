"""Commands that show: report, plot, show, data, laws, and the inverse questions."""

import subprocess
import sys

import pytest

import bayesscale as bs
from bayesscale.cli import main
from tests.simulate import average_of, good_fit

pytestmark = pytest.mark.usefixtures("short_explorer")


def test_a_report_of_a_saved_fit(run, saved, here):
    ended = run(f"report {saved} --flops 1e22 --title Mine -o mine.html --json")
    assert ended.status == 0
    page = (here / "mine.html").read_text()
    for part in ("<h1>Mine</h1>", "1.0e22 FLOP", "load_fit(&#34;good.nc&#34;)"):
        assert part in page
    assert ended.document["output"] == "mine.html"
    assert ended.document["python"][-1].startswith('bs.report("mine.html", ')


def test_a_report_of_a_table_is_back_tested(run, here, asked):
    ended = run("report runs.csv --law chinchilla --hold-out 5")
    assert ended.status == 0
    assert "bs.plan(runs, law=" in (here / "report.html").read_text()
    assert len(asked) == 6  # three folds, all runs, two other assumptions


def test_the_budgets_asked_for_are_those_told(run, here, asked):
    ended = run(
        "report runs.csv --law chinchilla --hold-out 5 --flops 2.5e22 --losses-in perplexity"
    )
    assert "perplexity of" in ended.words
    assert ended.words.count("FLOP, train") == 1
    for shown in (ended.words, (here / "report.html").read_text()):
        assert "2.5e22 FLOP, train" in shown


def test_what_a_report_refuses(run, saved, here, no_sampling):
    assert "do not apply: draws" in run(f"report {saved} --draws 5").errors
    (here / "mine.html").write_text("precious")
    assert "did not write that file" in run(f"report {saved} -o mine.html").stderr
    assert run("report runs.csv -o runs.csv").status == 2
    assert run("report nowhere.csv").status == 2


def test_pictures_of_one_fit_and_of_two(run, saved, here, runs):
    good_fit(runs, "kaplan").save("kaplan.nc")
    ended = run(f"plot loss {saved} --medium slide --theme dark --losses-in perplexity")
    assert ended.status == 0, ended.stderr
    assert (here / "loss.png").stat().st_size > 10_000
    two = f"plot allocation {saved} kaplan.nc --label A --label B --quantity params -o two.svg"
    assert run(two).status == 0
    drawn = (here / "two.svg").read_text()
    assert ">A, 90 %</text>" in drawn
    assert ">B, 90 %</text>" in drawn
    assert run(two).status == 0  # its own picture may be replaced


def test_show_says_what_a_file_holds(run, saved):
    ended = run(f"show {saved}")
    assert ended.status == 0
    assert "The law 'chinchilla'" in ended.stdout
    told = run(f"show {saved} --json").document
    assert {row["parameter"] for row in told["summary"]} > {"E", "alpha_N"}


def test_show_takes_averages_too(run, here, runs):
    fits = {law: good_fit(runs, law) for law in ("chinchilla", "kaplan")}
    average_of(fits, 0.7, 0.3).save("both.nc")
    for asked in ("extrapolate both.nc --params 1B --tokens 20B", "allocate both.nc --flops 1e21"):
        told = run(f"{asked} --json").document
        assert told["python"][1] == 'fit = bs.load_average("both.nc")'
        assert told["summary"][0]["loss"] > 0
    ended = run("show both.nc")
    assert "An average of 2 fits" in ended.stdout
    assert 'bs.load_average("both.nc")' in ended.stdout


@pytest.mark.filterwarnings("ignore::bayesscale.errors.RunsWarning")
def test_data_lists_and_writes(run, here):
    assert "chinchilla" in run("data").stdout
    assert run("data example -o example.csv").status == 0
    again = bs.read_runs("example.csv")
    assert again.n_runs == bs.load_example().n_runs
    assert "mean 'chinchilla'" in run("data chinchila").stderr
    assert run("data -o x.csv").status == 2


def test_laws_are_listed_with_equations(run):
    ended = run("laws --json")
    assert set(ended.document["laws"]) == set(bs.LAWS)
    assert "E + A N^(−α_N) + B D^(−α_D)" in ended.stderr


def test_the_inverse_questions(run, saved):
    asked = run(f"required-flops {saved} --loss 2.9 --json").document
    fit = bs.load_fit(saved)
    assert asked["summary"][0]["flops"] == bs.required_flops(fit, loss=2.9).summary["flops"].iloc[0]
    bought = run(f"gain {saved} --params 1B --tokens 20B --factor 2 --json").document
    expected = bs.gain(fit, params=1e9, tokens=20e9, factor=2).summary
    assert [row["saved"] for row in bought["summary"]] == expected["saved"].tolist()
    assert "one size, not several" in run(f"gain {saved} --params 1B,2B --tokens 20B").stderr


def test_evidence_of_saved_fits(run, saved, here, runs):
    good_fit(runs, "kaplan").save("kaplan.nc")
    ended = run(f"evidence {saved} --json")
    assert set(ended.document["evidence"]) == {"good.nc"}
    assert ended.document["same_runs"]


def test_every_command_groups_its_options_and_gives_examples(run):
    for name in main.commands:
        told = run(f"{name} --help").stdout
        assert "\nOutput:\n" in told, name
    told = run("fit --help").stdout
    titles = [
        "Reading the table:", "Display:", "Model:", "Sampling:", "Output:", "Examples:",
    ]  # fmt: skip
    places = [told.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    assert told.index("--params-column") > told.index("Reading the table")


def test_params_are_sizes_or_columns_but_never_both(run):
    for name, command in main.commands.items():
        words = {option for param in command.params for option in param.opts}
        assert not {"--params", "--params-column"} <= words, name


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "bayesscale", "--version"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip().endswith(bs.__version__)


def test_piped_tables_have_their_full_width(tmp_path):
    """Forty columns wide or not: a program that reads a pipe finds every row on one line."""
    code = (
        "import sys; from bayesscale._sections import Table; "
        "from bayesscale.tell.terminal import tell, terminal; "
        "tell([Table([f'column {i}' for i in range(20)], [['12345678'] * 20])], terminal())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert any(line.count("12345678") == 20 for line in done.stdout.splitlines())
