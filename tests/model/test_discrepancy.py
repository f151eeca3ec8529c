"""What a drifted surface does far from the runs, whatever the draws are."""

import numpy as np
import pytest

from bayesscale.laws import LAWS
from bayesscale.model import Drift, specify
from tests.simulate import simulate_runs

OF_TWO_INPUTS = [name for name, law in LAWS.items() if set(law.inputs) == {"params", "tokens"}]
FAR = np.linspace(-12, 25, 400)  # in ln: from 1e-5 to 1e11 times the centre


@pytest.fixture(scope="module")
def prior():
    """Draws that are far bolder than a posterior: three times the priors' widths."""

    def draw(law):
        spec = specify(simulate_runs(), law=law, discrepancy="drift")
        rng = np.random.default_rng(4)
        c = {name: values[:, None] for name, values in spec.space.draw(rng, 300).items()}
        return spec, {k: 3 * v if k.startswith("drift") else v for k, v in c.items()}

    return draw


@pytest.mark.parametrize("law", OF_TWO_INPUTS)
@pytest.mark.parametrize("params", [-6.0, 0.0, 8.0])
def test_loss_never_rises_with_tokens(prior, law, params):
    spec, c = prior(law)
    x = {"params": np.full_like(FAR, params), "tokens": FAR}
    log_loss = spec.relative_log_loss(c, x, np)
    assert np.isfinite(log_loss).all()
    assert (np.diff(log_loss, axis=1) <= 1e-12).all()


@pytest.mark.parametrize("law", [name for name, law in LAWS.items() if len(law.inputs) == 1])
def test_loss_never_rises_with_the_one_input(prior, law):
    spec, c = prior(law)
    (name,) = spec.law.inputs
    assert (np.diff(spec.relative_log_loss(c, {name: FAR}, np), axis=1) <= 1e-12).all()


def test_the_drift_of_nothing_is_the_law(prior):
    spec, c = prior("unified")
    still = {k: np.zeros_like(v) if k.startswith("drift") else v for k, v in c.items()}
    still["undertraining"] = np.zeros_like(still["undertraining"])
    x = {"params": FAR[::20], "tokens": FAR[::-20]}
    np.testing.assert_allclose(
        spec.relative_log_loss(still, x, np), spec.law.log_loss(still, x, np), atol=1e-12
    )


def test_the_centre_keeps_its_loss(prior):
    """Where the law passes through the runs' mean loss so does the surface, whatever the drift."""
    spec, c = prior("chinchilla")
    at_centre = {name: np.zeros(1) for name in ("params", "tokens")}
    through = c | {"level": np.ones_like(c["level"])}
    np.testing.assert_allclose(spec.relative_log_loss(through, at_centre, np), 0.0, atol=1e-12)


def test_what_is_not_known_of_slopes_grows_with_distance():
    spec = specify(simulate_runs(), law="chinchilla", discrepancy="drift")
    c = spec.space.draw(np.random.default_rng(5), 2000)
    still = {k.name: np.median(c[k.name]) for k in spec.law.coordinates}
    drawn = {k: v[:, None] for k, v in c.items()} | still | {"undertraining": 0.0}
    reach = np.array([0.0, 1.0, 3.0, 7.0])
    log_loss = spec.relative_log_loss(drawn, {"params": reach, "tokens": reach}, np)
    assert (np.diff(log_loss.std(axis=0)) > 0).all()
    assert Drift().moves_optimum
