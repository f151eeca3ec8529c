"""The comparison on the command line."""

import pandas as pd
import pytest
from click.testing import CliRunner

import bayesscale as bs
from bayesscale.cli import main
from bayesscale.comparison import Comparison, PriorSensitivity, in_words
from tests.cli.conftest import good_fit
from tests.simulate import simulate_runs


@pytest.fixture
def asked(monkeypatch):
    """Replace sampling and weighing by made-up answers; lists what was asked for."""
    calls = {"fit": [], "compare": [], "prior_grid": []}

    def fit(runs, *, law, progress, priors, **options):
        calls["fit"].append({"law": law, **options})
        return good_fit(runs, law)

    def compare(fits, **options):
        calls["compare"].append(list(fits))
        calls["prior_grid"].append(options.get("prior_grid"))
        n = len(fits)
        table = pd.DataFrame(
            {
                "law": [f.law.name for f in fits.values()],
                "discrepancy": ["drift" if "+" in name else "none" for name in fits],
                "noise": "student_t", "log_evidence": [-float(i) for i in range(n)], "mcse": 0.01,
                "ln_bf": [-float(i) for i in range(n)], "ln_bf_mcse": 0.014, "probability": 1 / n,
            },
            index=pd.Index(list(fits), name="fit"),
        )  # fmt: skip
        text = in_words(table, notes=[], odds=None, factor=options["factor"])
        index = pd.MultiIndex.from_tuples([("all", 1.0), ("k", 2.0)], names=["prior", "scale"])
        grid = pd.DataFrame({"ln_bf": [3.0, 2.5]}, index=index)
        a, b = list(fits)[:2]
        varied = PriorSensitivity(grid, (a, b), pd.DataFrame(), pd.DataFrame(), "It holds.", False)
        return Comparison(dict(fits), table, None, text, (), pd.DataFrame(), varied, 1)

    monkeypatch.setattr("bayesscale.comparison.fit_laws.fit", fit)
    monkeypatch.setattr(bs, "compare", compare)
    return calls


def words(text):
    return " ".join(text.split())


def test_every_law_as_it_stands_and_with_drift(run, here, asked):
    ended = run("compare runs.csv --laws kaplan chinchilla --seed 3")
    assert ended.status == 0
    assert asked["compare"] == [["kaplan", "chinchilla", "kaplan + drift", "chinchilla + drift"]]
    assert asked["prior_grid"] == [None]  # compare knows when
    told = words(ended.stdout)
    for said in (
        "Which law do the 48 runs support?", "With the laws as they stand, the evidence",
        "With discrepancy 'drift'", "Does it hold under other priors?", "It holds.",
        'fits = bs.fit_laws(runs, laws=["kaplan", "chinchilla"], random_seed=1)',
        "c = bs.compare(fits, factor=10)",
    ):  # fmt: skip
        assert said in told
    assert max(map(len, ended.stdout.split("The same in Python")[0].splitlines())) <= 80


@pytest.mark.parametrize(
    ("line", "laws"),
    [
        ("--laws kaplan chinchilla", ["kaplan", "chinchilla"]),
        ("--laws kaplan,unified -q", ["kaplan", "unified"]),
        ("--laws kaplan --laws unified", ["kaplan", "unified"]),
        ("--laws=kaplan unified kaplan", ["kaplan", "unified"]),
        ("", ["kaplan", "chinchilla", "unified"]),
    ],
)
def test_laws_are_named_in_any_way(run, here, asked, line, laws):
    ended = run(f"compare runs.csv --discrepancy none --no-prior-grid {line}")
    assert ended.status == 0
    assert asked["compare"] == [laws]
    assert asked["prior_grid"] == [False]
    seeds = {fit["random_seed"] for fit in asked["fit"]}
    assert len(seeds) == 1  # one seed for all


def test_programs_read_unrounded_evidence(run, here, asked):
    told = run("compare runs.csv --laws kaplan unified --json").document
    assert told["command"] == "compare"
    assert [row["fit"] for row in told["summary"]][:2] == ["kaplan", "unified"]
    assert told["sensitivity"]["text"] == "It holds."
    assert told["fits"].keys() == {"kaplan", "unified", "kaplan + drift", "unified + drift"}
    assert told["passed"]


def test_one_law_is_not_compared(run, here):
    ended = run("compare runs.csv --laws kaplan kaplan")
    assert ended.status == 2
    assert "at least two different laws, but got kaplan" in ended.stderr


def test_a_law_that_is_not_there_is_refused_before_any_fit(run, here, asked):
    ended = run("compare runs.csv --laws kaplan,unifed")
    assert ended.status == 2
    assert "Did you mean 'unified'?" in ended.stderr
    assert asked["fit"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--factor", "nan"], "factor must be above 1"), (["--laws"], "names no law")],
)
def test_wrong_options_are_refused_before_the_fits(tmp_path, monkeypatch, options, message):
    monkeypatch.setattr("bayesscale.fit_laws", lambda *a, **k: pytest.fail("went on to fit"))
    path = tmp_path / "runs.csv"
    simulate_runs().frame[["params", "tokens", "loss"]].to_csv(path)
    ended = CliRunner().invoke(main, ["compare", str(path), *options])
    assert ended.exit_code == 2
    assert message in ended.output
