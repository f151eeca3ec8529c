"""The commands allocate and design: terms, candidates, and the Python between."""

import numpy as np
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
        fit, flops=1e21,
        terms=bs.Terms(
            cost=bs.LifetimeCost(tokens_served=1e12), limits=bs.Limits(params_max=1e9),
            repetition=bs.Repetition(unique_tokens=2e10), within=0.01,
        ),
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        pd.DataFrame(told["summary"]).set_index("flops"), expected.summary, check_exact=True
    )
    pd.testing.assert_frame_equal(python_of(told)["allocation"].summary, expected.summary)
    assert "1e+12 tokens served" in " ".join(told["text"].split())


def test_a_bill_for_a_machine(run, saved):
    words = f"allocate {saved} --flops 1e21 --machine peak=989e12,utilization=0.4,price_per_hour=2"
    ended = run(words)
    assert ended.status == 0
    machine = bs.Machine(peak=989e12, utilization=0.4, price_per_hour=2)
    assert "What it costs" in ended.stdout
    assert "702 " in ended.stdout  # device-hours
    told = run(f"{words} --json").document
    assert told["bill"] == machine.bill(1e21).reset_index().to_dict("records")
    assert python_of(told)["machine"] == machine
    for wrong, said in (
        ("peak=989e12", "is not a machine"),
        ("peak=989e12,utilization=40", "share of the peak"),
        ("peak=fast,utilization=0.4", "not a number"),
        ("peak=1e15,utilization=0.4,prise=2", "is not a machine"),
    ):
        ended = run(f"allocate {saved} --flops 1e21 --machine {wrong}")
        assert (ended.status, said in ended.errors) == (2, True), wrong


def test_losses_in_another_unit(run, saved):
    """Targets are said in the unit that losses are told in; documents stay in nats/token."""
    fit = bs.load_fit(saved)
    loss = bs.extrapolate(fit, params=1e9, tokens=2e10).summary["loss"].iloc[0]
    ended = run(f"extrapolate {saved} --params 1B --tokens 20B --losses-in perplexity")
    assert f"{np.exp(loss):.4g}" in ended.stdout
    assert "as perplexity" in ended.words
    assert 'prediction.in_unit("perplexity")' in ended.stdout
    told = run(f"required-flops {saved} --loss 18 --losses-in perplexity --json").document
    assert told["summary"][0]["loss"] == pytest.approx(np.log(18))
    assert told["summary"][0]["flops"] == pytest.approx(
        bs.required_flops(fit, loss=np.log(18)).summary["flops"].iloc[0]
    )
    assert "bytes make a token" in run(
        f"gain {saved} --params 1B --tokens 20B --losses-in bits/byte"
    ).stderr.replace("\n", " ")


def test_design_answers_as_python_does(run, saved, tmp_path):
    words = f"design {saved} --target 1e22 --budget 1e20 --most 3"
    ended = run(words)
    assert ended.status == 0
    assert "expected regret of that run" in ended.words
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
