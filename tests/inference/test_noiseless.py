from dataclasses import replace

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.checks import check_design
from bayesscale.errors import RunsError
from bayesscale.inference import Setup
from bayesscale.model import specify, with_noise_floor
from tests.simulate import TRUTH, design, simulate_runs

NO_NOISE = TRUTH | {"sigma": 1e-15}


def runs_of(losses):
    params, tokens = design()
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": losses})


@pytest.mark.parametrize("law", ["unified", "chinchilla", "kaplan"])
@pytest.mark.parametrize("discrepancy", [None, "drift"])
def test_losses_on_a_law_get_a_floor_for_every_law_and_others_do_not(law, discrepancy):
    losses = simulate_runs("chinchilla", truth=NO_NOISE).loss
    for exact in (losses, losses.astype(np.float32), losses.round(3)):
        runs = runs_of(exact)
        setup = Setup.of(runs, law=law, discrepancy=discrepancy).checked()
        assert setup.spec.has_loss_se
        np.testing.assert_array_equal(setup.runs.loss_se, 0.003)
        np.testing.assert_array_equal(setup.runs.loss, runs.loss)
        (found,) = check_design(setup.spec, setup.runs)
        assert (found.name, found.severity) == ("noise-free losses", "note")
        assert setup.checked().runs == setup.runs
    rough = runs_of(losses.round(1))
    se = Setup.of(rough, law=law, discrepancy=discrepancy).checked().runs.loss_se
    assert se == pytest.approx(0.1 / np.sqrt(12))
    noisy = runs_of(losses * np.exp(1e-3 * np.random.default_rng(1).normal(size=len(losses))))
    spec = specify(noisy, law=law, discrepancy=discrepancy)
    assert with_noise_floor(spec, noisy) == (spec, noisy)


def test_equal_losses_are_refused_before_sampling():
    runs = runs_of(np.full(len(design()[0]), 2.7))
    with pytest.raises(RunsError, match=r"48 losses are 2\.7 nats/token"):
        bs.fit(runs, progress=False)


def test_a_law_may_pass_through_few_runs():
    runs = simulate_runs("chinchilla", truth=NO_NOISE)
    few = runs.select(np.arange(len(runs)) < 5)
    spec = specify(few, law="chinchilla")
    assert with_noise_floor(spec, few) == (spec, few)


def test_knots_in_loss_lie_beyond_runs_that_are_too_few_to_inform_them():
    runs = simulate_runs("unified")
    few = runs.select(np.arange(len(runs)) % 6 == 0)
    for table, informed in ((runs, True), (few, False)):
        spec = specify(table)
        t = np.abs(np.log(table.loss / spec.reference["loss"])) / spec.spread["loss"]
        assert (t.max() > 0.5 + 1e-9) == informed


def test_one_line_and_repeated_data_are_cautions():
    size = np.geomspace(1e7, 1e9, 12)
    table = {"params": size, "tokens": 20 * size, "loss": 2 + size**-0.1}
    with pytest.warns(bs.BayesScaleWarning):
        runs = bs.Runs.from_frame(table | {"epochs": np.linspace(1, 6, 12)})
    found = check_design(specify(runs), runs)
    assert [(c.name, c.severity) for c in found] == [
        ("runs on one line", "caution"), ("repeated data", "caution"),
    ]  # fmt: skip
    assert "(5 of 12 runs" in found[1].text
    kept = runs.select(runs["epochs"] < 4)
    assert check_design(specify(kept), kept)[1].severity == "note"
    assert not [c for c in check_design(replace(specify(runs)), simulate_runs()) if c.warns]
