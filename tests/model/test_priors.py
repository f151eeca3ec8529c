"""Priors: what they say, how they are overridden, and what they mean for losses."""

from types import MappingProxyType

import numpy as np
import pytest
from scipy.stats import norm

import bayesscale as bs
from bayesscale.laws import (
    EXPONENT_RATIO,
    IRREDUCIBLE_SHARE,
    LAWS,
    LEVEL,
    OUTER_EXPONENT,
    SLOPE_D,
    SLOPE_N,
)
from bayesscale.model import (
    LINKS,
    SIGMA,
    ModelSpec,
    central_interval,
    default_prior,
    resolve_priors,
    specify,
)
from tests.simulate import simulate_runs


@pytest.mark.parametrize(
    ("coordinate", "lower", "upper"),
    [(SLOPE_N, 0.017, 0.18),
     (SLOPE_D, 0.017, 0.18),
     (EXPONENT_RATIO, 0.31, 3.2),
     (IRREDUCIBLE_SHARE, 0.12, 0.94),
     (LEVEL, 0.56, 1.8),
     (OUTER_EXPONENT, 0.185, 1.95),
     (SIGMA, 0.0006, 0.063)],
    ids=lambda c: getattr(c, "name", None),
)  # fmt: skip
def test_defaults_say_what_the_documentation_says(coordinate, lower, upper):
    interval = central_interval(default_prior(coordinate), coordinate)
    np.testing.assert_allclose(interval, [lower, upper], rtol=0.06)


@pytest.mark.parametrize("link", LINKS)
def test_links_invert_and_know_their_slope(link):
    f = LINKS[link]
    u = np.linspace(-3, 3, 12)
    value = f.backward(u)
    np.testing.assert_allclose(f.forward(value), u, atol=1e-12)
    h = 1e-6
    slope = (f.forward(value + h * value) - f.forward(value - h * value)) / (2 * h * value)
    np.testing.assert_allclose(np.log(slope), f.log_slope(value), atol=1e-4)


def test_an_interval_holds_its_mass():
    prior = resolve_priors([SLOPE_N], {"slope_N": bs.Prior.between(0.2, 0.5, mass=0.9)})["slope_N"]
    mu, sigma = prior.parameters["mu"], prior.parameters["sigma"]
    inside = norm.cdf(np.log(0.5), mu, sigma) - norm.cdf(np.log(0.2), mu, sigma)
    assert inside == pytest.approx(0.9)
    assert norm.cdf(np.log(0.2), mu, sigma) == pytest.approx(0.05)


def test_the_same_coordinate_has_the_same_prior_in_every_law():
    by_name: dict = {}
    for law in LAWS.values():
        for coordinate in law.coordinates:
            assert by_name.setdefault(coordinate.name, coordinate) is coordinate


def test_prior_predictive_says_its_priors_and_draws_losses():
    runs = simulate_runs()
    prior = bs.prior_predictive(runs, law="chinchilla", draws=500, random_seed=1)
    assert prior["loss"].dims == ("chain", "draw", "run")
    assert prior["E"].dims == ("chain", "draw")
    assert dict(prior.sizes) == {"chain": 1, "draw": 500, "run": len(runs)}
    assert {"E", "A", "B", "alpha_N", "level", "sigma"} <= set(prior)
    assert any("slope_N" in text and "95 %" in text for text in prior.attrs["priors"])
    # what was observed is nothing special under the prior
    below = (prior["loss"] < runs.loss).mean(("chain", "draw"))
    assert float(below.min()) > 0.05
    assert float(below.max()) < 0.95


def test_the_model_is_an_ordinary_pymc_model():
    model = bs.build_model(simulate_runs(), law="unified", discrepancy=None)
    assert [rv.name for rv in model.free_RVs] == [
        "level", "slope_N", "slope_D", "exponent_ratio", "irreducible_share", "k", "sigma",
        "nu_minus_one", "sigma_slope_C", "sigma_slope_ratio",
    ]  # fmt: skip
    assert [rv.name for rv in model.observed_RVs] == ["log_loss"]


def test_a_spec_survives_json():
    import json

    beta = bs.Prior("Beta", alpha=3, beta=6)
    spec = specify(simulate_runs(), law="kaplan", noise="normal", priors={"slope_N": beta})
    stored = json.loads(json.dumps(spec.as_dict()))
    assert ModelSpec.from_dict(stored).as_dict() == spec.as_dict()
    assert ModelSpec.from_dict(stored).priors["slope_N"] == beta


def test_a_law_that_is_not_finished_is_refused():
    class Unnamed(bs.Law):
        inputs = ("params",)
        coordinates = (LEVEL,)

        def log_loss(self, c, x, xp):
            return xp.log(c["level"])

    class Constant(Unnamed):
        name = "constant"  # its formula forgets the input, so it gives one number for five runs

    class Reserved(Unnamed):
        name = "reserved"
        coordinates = (bs.Coordinate("alpha", "log", 0.0, 1.0, "1", "exponent"),)

    class Undeclared(Unnamed):
        name = "undeclared"

        def log_loss(self, c, x, xp):
            return xp.log(c["level"]) - c["beta"] * x["params"]

    class Unsaid(Undeclared):
        name = "unsaid"
        published_units = MappingProxyType({"E": "nats/token"})

        def log_loss(self, c, x, xp):
            return xp.log(c["level"]) - 0.1 * x["params"]

    class Taken(Unsaid):
        name = "chinchilla"

    runs = simulate_runs()
    with pytest.raises(bs.BayesScaleError, match="Did you mean 'logit'"):
        bs.Coordinate("share", "logits", 0.0, 1.0, "1", "share")  # pyright: ignore[reportArgumentType]
    for law, message in ((Unnamed, "does not state name"), (Undeclared, "fails at its prior"),
                         (Unsaid, "published_units"), (Taken, "belongs to a law"),
                         (Constant, "per run"),
                         (Reserved, "'alpha'")):  # fmt: skip
        with pytest.raises(bs.BayesScaleError, match=message):
            specify(runs, law=law())
