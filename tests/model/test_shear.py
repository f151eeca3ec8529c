"""What is sampled in the place of coordinates: a shear, there and back, and why it straightens."""

import numpy as np

import bayesscale as bs
from bayesscale.laws import get_law
from bayesscale.model import LOSS_STEPS, excess_slope, specify
from tests.simulate import simulate_runs


def spec_and_points(**model):
    spec = specify(simulate_runs(), **model)
    mu, sigma = spec.space.hyperparameters().T
    return spec, mu + sigma * np.random.default_rng(0).normal(size=(5, 7, len(mu)))


def difference(function, at, h=1e-6):
    """Central differences of a function of one point."""
    return np.array(
        [(function(at + h * e) - function(at - h * e)) / (2 * h) for e in np.eye(len(at))]
    )


def test_there_and_back():
    spec, u = spec_and_points()
    moved = spec.space.shear.inverse(u)
    np.testing.assert_allclose(spec.space.shear.forward(moved), u, atol=1e-12)
    changed = {n for i, n in enumerate(spec.space.names) if (moved[..., i] != u[..., i]).any()}
    assert changed == {*LOSS_STEPS, "k", "slope_N", "slope_D"}
    c = spec.space.constrain(u)
    np.testing.assert_allclose(spec.space.unconstrain(c), u, atol=1e-9)


def test_one_coordinate_can_be_left_on_its_link():
    spec, u = spec_and_points()
    on_links = spec.space.on_links(spec.space.constrain(u))
    for name in ("k", "drift_loss_above_2", "slope_D", "irreducible_share", "sigma"):
        i = spec.space.names.index(name)
        held = spec.space.shear.hold(i, on_links)
        np.testing.assert_allclose(spec.space.shear.release(i, held), u, atol=1e-9)
        held[..., i] = on_links[0, 0, i]  # then it is the same in all points
        fixed = spec.space.constrain(spec.space.shear.release(i, held))[name]
        np.testing.assert_allclose(fixed, fixed[0, 0], rtol=1e-9)
        jacobian = difference(lambda x, i=i: spec.space.shear.release(i, x), held[0, 0])
        np.testing.assert_allclose(abs(np.linalg.det(jacobian)), 1, rtol=1e-6)


def test_its_jacobian_is_one():
    spec, u = spec_and_points()
    jacobian = difference(spec.space.shear.inverse, u[0, 0])
    np.testing.assert_allclose(abs(np.linalg.det(jacobian)), 1, rtol=1e-6)


def test_what_moves_follows_from_the_model():
    beta = {"irreducible_share": bs.Prior("Beta", alpha=2, beta=2)}
    none = {"law": "kaplan", "discrepancy": None}
    for model, moving in (
        (none, {"slope_N", "slope_D"}),
        ({"law": "kaplan"}, {"slope_N", "slope_D"}),
        ({"priors": beta}, {"slope_N", "slope_D"}),
        ({"discrepancy": None}, {"k", "slope_N", "slope_D"}),
        ({"law": "chinchilla", "discrepancy": None}, {"slope_N", "slope_D"}),
    ):
        spec, u = spec_and_points(**model)
        moved = spec.space.shear.inverse(u)
        changed = {n for i, n in enumerate(spec.space.names) if (moved[..., i] != u[..., i]).any()}
        assert changed == moving, model


def test_the_mixed_derivative_that_runs_tell():
    law, h = get_law("unified"), 1e-4
    for e, k in ((0.3, 0.25), (0.6, 0.5)):
        c = {"level": 1.0, "slope_N": 0.06, "slope_D": 0.04, "exponent_ratio": 1.2,
             "irreducible_share": e, "k": k}  # fmt: skip

        def at(n, d, c=c):
            return law.log_loss(c, {"params": np.array(n), "tokens": np.array(d)}, np)

        mixed = (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4 * h * h)
        stated = 0.06 * 0.04 * (e / (1 - e) - 1 / (k * (1 - e)))
        np.testing.assert_allclose(mixed, stated, rtol=1e-4)


def test_the_share_of_the_excess_in_the_slope_of_the_surface():
    spec, u = spec_and_points(law="kaplan")
    c, h = spec.space.constrain(u[0]), 1e-5
    c = {name: np.zeros(7) if name.startswith("drift") else value for name, value in c.items()}
    without = {**c, "undertraining": np.full(7, 1e-300)}
    x = [{"params": np.zeros(7), "tokens": np.full(7, t)} for t in (h, -h)]
    slope, bare = (
        (spec.relative_log_loss(k, x[0], np) - spec.relative_log_loss(k, x[1], np)) / (2 * h)
        for k in (c, without)
    )
    share = excess_slope(c["undertraining"], c["undertraining_rate"], np)
    share = share / spec.spread["tokens_per_param"]
    np.testing.assert_allclose(bare - slope, share, atol=1e-7)


def test_the_slope_that_a_law_bends_by_is_what_is_counted():
    """To first order in the distance, e / (1 - e) a unit of log loss."""
    e, t = 0.6, 1e-4

    def log_slope(log_loss):  # d ln L / d ln R of L = e + (1 - e) R, at a loss
        loss = np.exp(log_loss)
        return np.log((loss - e) / loss)

    bend = log_slope(-t) - log_slope(0.0)
    np.testing.assert_allclose(bend / -t, e / (1 - e), rtol=1e-3)
