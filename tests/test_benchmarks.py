"""Every benchmark runs, on tiny settings and without sampling; what it finds is not looked at."""

import importlib
import sys
from pathlib import Path

import joblib
import pytest

from tests.simulate import fit_at

FOLDER = Path(__file__).parent / "benchmarks"
SPLITS = """
from tests.simulate import simulate_runs

def splits(root):
    names = {"params": "n_params", "tokens": "n_tokens"}
    for seed, source in enumerate(("llama3", "gadre", "gadre")):
        small, large = simulate_runs(seed=seed).split_by_compute(factor=10)
        yield f"{source}/{seed}", *(r.frame.rename(columns=names).drop(columns="flops")
                                 for r in (small, large))
"""
ARGUMENTS = [
    ("agreement", "{splits} {folder} 1"), ("allocation", "5"), ("decisions", "bets 1"),
    ("calibration", "{folder} 10 chinchilla normal none"),
    ("calibration", "{folder} as_fitted 2"), ("decisions", "design 1"),
    ("density", "48"), ("drift_scales", "{splits} {folder} {folder} 1"),
    ("evidence", "{ladders} none 1"), ("fair_fight", ".005 1 1"),
    ("held_out_levels", "{splits} {folder}"), ("population", "{splits} {folder}"),
    ("many_ladders", "2"), ("new_laws", "code"), ("recipes", "simulate 1 12 .2"),
    ("scoreboard", "{splits} {folder} default approach3"),
    ("siblings", "{splits} {folder} {folder}"), ("third_truth", "1 1"),
    ("verdicts", "{folder} model 1"),
    ("verdicts", "{folder} splits {splits} {folder}"),
    ("verdicts", "{folder} plans {splits} {folder}"), ("verdicts", "{folder} simulated_plans 1"),
]  # fmt: skip
LONG = [
    ("hyperpriors", "{splits} {folder} {folder}"), ("reconciliation", "{ladders}"),
    ("scale", "rows 48"), ("tasks", "emergence 1 8"), ("verdicts", "{folder} flaws 1"),
    ("verdicts", "{folder} limits 1"),
]  # fmt: skip
ENOUGH = {
    "evidence": 400, "fair_fight": 400, "recipes": 400, "scoreboard": 400, "third_truth": 400,
}  # fmt: skip
"""Draws a chain of which an evidence can be had."""


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("[a-z]*.py")))
def test_a_benchmark_is_one(name):
    module = importlib.import_module(f"tests.benchmarks.{name}")
    assert callable(module.main)
    assert f"tests/benchmarks/{name}.py" in module.__doc__  # its usage
    assert name in {name for name, _ in ARGUMENTS + LONG} | {"side_by_side"}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "arguments"), [*ARGUMENTS, *(pytest.param(*c, marks=pytest.mark.slow) for c in LONG)]
)
def test_a_benchmark_runs(name, arguments, sample_with, monkeypatch, tmp_path, request, capsys):
    (tmp_path / "splits.py").write_text(SPLITS)
    known = {"splits": tmp_path / "splits.py", "folder": tmp_path}
    if "{ladders}" in arguments:
        known["ladders"] = request.getfixturevalue("ladders")
    draws = ENOUGH.get(name, 50)
    sample_with(lambda setup: fit_at(setup.runs, spec=setup.spec, spread=0.002, draws=draws))
    monkeypatch.setattr(sys, "argv", [name, *arguments.format(**known).split()])
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    importlib.import_module(f"tests.benchmarks.{name}").main()
    assert capsys.readouterr().out
