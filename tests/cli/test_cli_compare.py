"""The comparison on the command line."""

import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.comparison import Comparison, PriorSensitivity, in_words
from tests.simulate import good_fit


@pytest.fixture
def asked(monkeypatch, sample_with):
    """Replace sampling and weighing by made-up answers; lists what was asked for."""
    fits = sample_with(lambda setup: good_fit(setup.runs, setup.spec.law))
    calls = {"fit": fits, "compare": [], "prior_grid": []}

    def compare(fits, **options):
        calls["compare"].append(list(fits))
        calls["prior_grid"].append(options.get("prior_grid"))
        n = len(fits)
        table = pd.DataFrame(
            {
                "law": [f.law.name for f in fits.values()],
                "discrepancy": ["drift" if "+" in name else "none" for name in fits],
                "noise": "student_t", "describes_runs": True, "sigma_over_seed": float("nan"),
                "log_evidence": [-float(i) for i in range(n)], "mcse": 0.01,
                "ln_bf": [-float(i) for i in range(n)], "ln_bf_mcse": 0.014, "probability": 1 / n,
            },
            index=pd.Index(list(fits), name="fit"),
        )  # fmt: skip
        verdict = in_words(table, odds=None, factor=options["factor"])
        index = pd.MultiIndex.from_tuples([("all", 1.0), ("k", 2.0)], names=["prior", "scale"])
        grid = pd.DataFrame({"ln_bf": [3.0, 2.5]}, index=index)
        a, b = list(fits)[:2]
        varied = PriorSensitivity(grid, (a, b), pd.DataFrame(), "It holds.", False)
        return Comparison(dict(fits), table, None, verdict, (), pd.DataFrame(), varied, 1)

    monkeypatch.setattr(bs, "compare", compare)
    return calls


def test_every_law_with_drift(run, here, asked):
    ended = run("compare runs.csv --laws kaplan chinchilla --seed 3")
    assert ended.status == 0
    assert asked["compare"] == [["kaplan + drift", "chinchilla + drift"]]  # which adds the others
    assert asked["prior_grid"] == [None]  # compare knows when
    told = ended.words
    for said in (
        "Which law do the 48 runs support?", "With drift, the evidence", "It holds.",
        'laws=["kaplan", "chinchilla"], random_seed=1, discrepancies=["drift"]',
        "c = bs.compare(fits, factor=10)",
    ):  # fmt: skip
        assert said in told
    assert max(map(len, ended.stdout.split("The same in Python")[0].splitlines())) <= 80


@pytest.mark.parametrize(("line", "laws"), [
    ("--laws kaplan chinchilla", ["kaplan", "chinchilla"]),
    ("--laws kaplan,unified -q", ["kaplan", "unified"]),
    ("--laws kaplan --laws unified", ["kaplan", "unified"]),
    ("--laws=kaplan unified kaplan", ["kaplan", "unified"]),
    ("", ["kaplan", "chinchilla", "unified"]),
])  # fmt: skip
def test_laws_are_named_in_any_way(run, here, asked, line, laws):
    ended = run(f"compare runs.csv --discrepancy none --no-prior-grid {line}")
    assert ended.status == 0
    assert asked["compare"] == [laws]
    assert asked["prior_grid"] == [False]
    seeds = {setup.sampling.random_seed for setup in asked["fit"]}
    assert len(seeds) == 1  # one seed for all


def test_programs_read_unrounded_evidence(run, here, asked):
    told = run("compare runs.csv --laws kaplan unified --json").document
    assert told["command"] == "compare"
    assert [row["fit"] for row in told["summary"]] == ["kaplan + drift", "unified + drift"]
    assert told["sensitivity"]["text"] == "It holds."
    assert told["fits"].keys() == {"kaplan + drift", "unified + drift"}
    assert told["passed"]
