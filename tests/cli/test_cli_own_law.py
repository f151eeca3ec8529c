"""A law of one's own on the command line, with an input of its own."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.cli import get_law
from bayesscale.runs import Runs
from tests.simulate import TRUTH, design, fit_at

LAW = '''
"""A law of parameters, tokens and experts."""
import numpy as np

import bayesscale as bs
from bayesscale.laws import EXPONENT_RATIO, IRREDUCIBLE_SHARE, LEVEL, SLOPE_D, SLOPE_N, two_terms


class Experts(bs.Law):
    name = "experts"
    inputs = ("params", "tokens", bs.Quantity("experts"))
    coordinates = (LEVEL, SLOPE_N, SLOPE_D, EXPONENT_RATIO, IRREDUCIBLE_SHARE)

    def __init__(self, power=0.3):
        self.power = power

    def log_loss(self, c, x, xp):
        e = c["irreducible_share"]
        s, alpha_n, alpha_d = two_terms(c, e)
        n = x["params"] + self.power * x["experts"]
        reducible = s * xp.exp(-alpha_n * n) + (1 - s) * xp.exp(-alpha_d * x["tokens"])
        return xp.log(c["level"]) + xp.log(e + (1 - e) * reducible)


class Needy(Experts):
    def __init__(self, power):
        self.power = power


stronger = Experts(0.5)
number = 3
'''


@pytest.fixture
def law_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_law.py").write_text(LAW)
    (tmp_path / "broken.py").write_text("import nothing_like_it")
    return "my_law.py"


@pytest.fixture
def saved_own(law_file):
    params, tokens = design()
    experts = np.tile([1.0, 8.0, 64.0], len(params) // 3)
    loss = 2.7 * np.exp(0.05 * np.random.default_rng(0).standard_normal(len(params)))
    frame = pd.DataFrame({"params": params, "tokens": tokens, "loss": loss, "experts": experts})
    frame.to_csv("runs.csv", index=False)
    runs = Runs.from_frame(frame, inputs={"experts": "experts"})
    truth = TRUTH | {"sigma": 0.1}
    fit = fit_at(runs, get_law("my_law.py:Experts"), truth=truth, spread=0.02, draws=400)
    return fit.save("own.nc")


def test_laws_are_classes_or_instances_of_a_file(law_file):
    assert get_law("chinchilla") == "chinchilla"
    assert get_law(f"{law_file}:Experts").power == 0.3
    assert get_law(f"{law_file}:stronger").power == 0.5


@pytest.mark.parametrize(("name", "said"), [
    ("nowhere.py:Experts", "'nowhere.py'"),
    ("my_law.py", "my_law.py:MyLaw"),
    ("my_law.py:Expert", "Did you mean 'Experts'?"),
    ("my_law.py:number", "is not a law but int"),
    ("my_law.py:Needy", "arguments"),
    ("broken.py:Law", "'nothing_like_it'"),
    ("chinchila", "Did you mean 'chinchilla'?"),
])  # fmt: skip
def test_what_is_wrong_with_a_law_is_said(run, saved_own, name, said):
    ended = run(f"fit runs.csv --law {name} --input experts=experts")
    assert ended.status == 2
    assert said in ended.errors
    assert "Traceback" not in ended.stderr


NOISY = """
print("at import")
import sys
sys.stdout.close()
class Noisy(Experts):
    def log_loss(self, c, x, xp):
        print("in the formula")
        return super().log_loss(c, x, xp)
"""


def test_what_a_law_prints_does_not_reach_the_document(run, saved_own):
    Path("my_law.py").write_text(LAW + NOISY)
    ended = run(
        "extrapolate own.nc --law my_law.py:Noisy --params 1B --tokens 20B --given experts=8",
        "--json",
    )
    assert ended.document["summary"]
    assert "at import" in ended.stderr
    assert "in the formula" in ended.stderr


ENDS = {
    "at import": "import sys\nsys.exit(0)\n",
    "another kind at import": "raise BaseException('odd')\n",
    "when made": LAW + "\nclass Odd(Experts):\n    def __init__(self): raise SystemExit(0)\n",
    "in the formula": LAW
    + "\nclass Odd(Experts):\n    def log_loss(self, c, x, xp): raise SystemExit(0)\n",
    "another kind in the formula": LAW
    + "\nclass Odd(Experts):\n    def log_loss(self, c, x, xp): raise GeneratorExit\n",
    "a transposed shape": LAW + "\nclass Odd(Experts):\n    def log_loss(self, c, x, xp):\n"
    "        return super().log_loss(c, x, xp).T\n",
}


@pytest.mark.parametrize("where", ENDS)
def test_code_that_ends_the_process_or_the_shape_is_refused(run, saved_own, where):
    Path("odd.py").write_text(ENDS[where])
    ended = run("fit runs.csv --law odd.py:Odd --input experts=experts -o odd.nc")
    assert ended.status == 2, ended.stderr
    assert "Error:" in ended.errors
    assert "Traceback" not in ended.stderr


def test_a_formula_that_ends_the_process_later_is_no_success(run, saved_own, monkeypatch):
    def leave(*_, **__):
        raise SystemExit(0)

    monkeypatch.setattr("bayesscale.extrapolate", leave)
    ended = run("extrapolate own.nc --law my_law.py:Experts --params 1B --tokens 20B")
    assert ended.status == 2
    assert "sys.exit(0)" in ended.errors


def test_answers_take_the_law_and_its_input(run, saved_own):
    told = run(
        "extrapolate own.nc --law my_law.py:Experts --params 1B --tokens 20B --given experts=1,8",
        "--json",
    ).document
    assert [row["experts"] for row in told["summary"]] == [1, 8]
    assert told["summary"][0]["loss"] > told["summary"][1]["loss"]
    assert told["python"][:2] == ["import bayesscale as bs", "import runpy"]
    names = {}
    exec("\n".join(told["python"]), names)  # the Python that was told does the same
    assert names["prediction"].summary["loss"].tolist() == [r["loss"] for r in told["summary"]]

    ended = run("allocate own.nc --law my_law.py:Experts --flops 1e21 --given experts=8")
    assert ended.status == 0, ended.stderr
    assert 'terms=bs.Terms(given={"experts": 8})' in ended.stdout


@pytest.mark.parametrize(("line", "said"), [
    ("extrapolate own.nc --params 1B --tokens 20B --given experts=8", "experts"),
    ("allocate own.nc --law my_law.py:Experts --flops 1e21", "experts"),
    ("allocate own.nc --law my_law.py:Experts --flops 1e21 --given experts", "NAME=SIZE"),
    ("allocate own.nc --law my_law.py:Experts --flops 1e21 --given experts=1 " "--given experts=2",
     "for one name"),
])  # fmt: skip
def test_what_is_missing_is_said(run, saved_own, line, said):
    ended = run(line)
    assert ended.status == 2
    assert said in ended.stderr


@pytest.mark.slow
def test_a_fit_from_the_file_to_the_answer(run, saved_own):
    ended = run(
        "fit runs.csv --law my_law.py:Experts --input experts=experts --draws 300 --tune 300",
        "--seed", "1", "-o", "real.nc", "--json",
    )  # fmt: skip
    assert ended.document["settings"]["law"] == "experts"
    assert 'law=runpy.run_path("my_law.py")["Experts"]()' in "".join(ended.document["python"])
