"""The commands allocate and design: terms, candidates, and the Python between."""

import pandas as pd
import pytest

import bayesscale as bs

pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")


def python_of(told):
    names = {}
    exec("\n".join(told["python"]), names)
    return names


def test_allocate_takes_terms(run, saved):
    words = f"allocate {saved} --flops 1e21 --served 1T --params-max 1B --unique-tokens 20B"
    told = run(f"{words} --within 0.01 --json").document
    fit = bs.load_fit(saved)
    expected = bs.allocate(
        fit, flops=1e21, cost=bs.LifetimeCost(tokens_served=1e12),
        limits=bs.Limits(params_max=1e9), repetition=bs.Repetition(unique_tokens=2e10),
        within=0.01,
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        pd.DataFrame(told["summary"]).set_index("flops"), expected.summary, check_exact=True
    )
    pd.testing.assert_frame_equal(python_of(told)["allocation"].summary, expected.summary)
    assert "1e+12 tokens served" in " ".join(told["text"].split())


def test_design_answers_as_python_does(run, saved, tmp_path):
    words = f"design {saved} --target 1e22 --budget 1e20 --most 3"
    ended = run(words)
    assert ended.status == 0
    assert "What is optimised" in " ".join(ended.stdout.split())
    told = run(words, "--json").document
    expected = bs.design(bs.load_fit(saved), target=1e22, budget=1e20, most=3)
    assert told["summary"][0]["gain"] == expected.summary["gain"].iloc[0]
    pd.testing.assert_frame_equal(python_of(told)["design"].summary, expected.summary)


def test_design_reads_candidates(run, saved, tmp_path):
    path = tmp_path / "could.csv"
    pd.DataFrame({"params": [1e9, 2e8], "tokens": [1e9, 2e10]}).to_csv(path, index=False)
    told = run(f"design {saved} --target 1e22 --budget 1e20 --candidates {path} --json").document
    assert {row["params"] for row in told["summary"]} == {1e9, 2e8}
    assert len(python_of(told)["design"].summary) == 2
    assert run(f"design {saved} --target 1e22 --budget 1e20 --candidates none.csv").status == 2
    assert run(f"design {saved} --target 1e22,1e23 --budget 1e20").status == 2
