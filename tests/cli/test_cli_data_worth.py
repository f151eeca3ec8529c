"""What data are worth, asked on the command line."""

import pytest

import bayesscale as bs
from tests.laws.test_precision import precise_runs
from tests.runs.test_response import table as error_rates
from tests.simulate import REPEATED, fit_at, repeated_runs

pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")


def test_the_answers_are_those_of_the_functions(run, tmp_path):
    fit = fit_at(repeated_runs(), "data_constrained", truth=REPEATED)
    saved = fit.save(tmp_path / "repeated.nc")
    asked = "--given unique_tokens=300M"
    told = run(f"worth-of-epochs {saved} --epochs 4,16 {asked} --json").document
    expected = bs.worth_of_epochs(fit, unique_tokens=3e8, epochs=[4, 16]).summary
    assert [row["worth"] for row in told["summary"]] == expected["worth"].tolist()
    told = run(f"tokens-without-overfitting {saved} --params 100M,1B --json").document
    expected = bs.tokens_without_overfitting(fit, params=[1e8, 1e9]).summary
    assert [row["tokens"] for row in told["summary"]] == expected["tokens"].tolist()
    told = run(f"convergence {saved} --flops 1e19 {asked} --json").document
    terms = bs.Terms(given={"unique_tokens": 3e8})
    expected = bs.convergence(fit, 1e19, terms=terms).summary
    assert told["summary"][0]["over_converged"] == expected["over_converged"].iloc[0]
    ended = run(f"allocate {saved} --flops 1e19 --unique-tokens 300M")
    assert "--given unique_tokens=1e9" in ended.errors


def test_laws_say_what_they_are_asked_for(run):
    words = run("laws").words
    assert "Of params, tokens, unique_tokens: how often to repeat scarce data" in words
    assert run("laws --json").document["laws"]["data_constrained"]["question"]
    assert (bs.list_laws()["question"] != "").all()


def test_parameters_and_responses_on_the_command_line(run, tmp_path, asked, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit = fit_at(precise_runs(), "precision_methods", spread=0.01, discrepancy="none")
    saved = fit.save(tmp_path / "precise.nc")
    given = ("--given", "method=4/4 a,8/8")
    told = run(f"effective-params {saved} --params 100M --json", *given).document
    expected = bs.effective_params(fit, params=1e8, method=["4/4 a", "8/8"]).summary
    assert [row["worth"] for row in told["summary"]] == expected["worth"].tolist()
    path = tmp_path / "runs.csv"
    error_rates().to_csv(path, index=False)
    fitted = run(f"fit {path} --response error_rate=1 --law chinchilla --json").document
    assert '"error_rate"' in " ".join(fitted["python"])
    assert "NAME=UNIT" in run(f"fit {path} --response error_rate").errors
