import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import RunsError
from bayesscale.model import check_noise, specify
from tests.simulate import TRUTH, design, simulate_runs

NO_NOISE = TRUTH | {"sigma": 1e-15}


def runs_of(losses):
    params, tokens = design()
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": losses})


@pytest.mark.parametrize("law", ["unified", "chinchilla", "kaplan"])
@pytest.mark.parametrize("discrepancy", [None, "drift"])
def test_losses_on_the_law_are_refused_and_others_are_not(law, discrepancy):
    losses = simulate_runs(law, truth=NO_NOISE).loss
    rng = np.random.default_rng(1)
    for told in (losses, losses.astype(np.float32)):
        runs = runs_of(told)
        with pytest.raises(RunsError, match="no noise"):
            check_noise(specify(runs, law=law, discrepancy=discrepancy), runs)
    for told in (losses.round(4), losses * np.exp(1e-5 * rng.normal(size=len(losses)))):
        runs = runs_of(told)
        check_noise(specify(runs, law=law, discrepancy=discrepancy), runs)


def test_equal_losses_are_refused_before_sampling():
    runs = runs_of(np.full(len(design()[0]), 2.7))
    with pytest.raises(RunsError, match=r"48 losses are 2\.7 nats/token"):
        bs.fit(runs, progress=False)


def test_a_law_may_pass_through_few_runs():
    runs = simulate_runs("chinchilla", truth=NO_NOISE)
    few = runs.select(np.arange(len(runs)) < 5)
    check_noise(specify(few, law="chinchilla"), few)
