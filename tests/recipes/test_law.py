"""One law for several recipes: exactness of the shift, and what each form frees."""

import numpy as np
import pytest

from bayesscale.accounting import PowerCost
from bayesscale.forecast import Terms
from bayesscale.laws import get_law
from bayesscale.model import Posterior, specify
from bayesscale.recipes import FORMS, RecipeLaw, Recipes, frontier, multipliers
from tests.simulate import design, simulate_runs


def recipes(n: int = 2) -> Recipes:
    runs = simulate_runs(sizes=design(6, 6)).frame
    labels = np.resize(["A", "B", "C"][:n], len(runs))
    return Recipes.of(runs.assign(recipe=labels), "recipe", None)


def posterior(form: str, law: str = "unified", discrepancy: str | None = "drift", n: int = 2):
    table = recipes(n).runs
    spec = specify(table, law=RecipeLaw(law, n - 1, form), discrepancy=discrepancy)
    return Posterior.of(spec, spec.space.draw(np.random.default_rng(0), 40))


NONE = np.empty(0)


@pytest.mark.parametrize("discrepancy", [None, "drift"])
@pytest.mark.parametrize("cost", [PowerCost(), PowerCost(5.0, 1.1, 0.9)])
def test_the_frontier_is_shifted_exactly(discrepancy, cost):
    drawn, terms = posterior("shared", discrepancy=discrepancy), [Terms(cost=cost)] * 2
    found = np.log(multipliers(drawn, terms, np.geomspace(1e18, 1e22, 3), NONE)["multiplier"][:, 0])
    powers = cost.params_exponent, cost.tokens_exponent
    ln_m = sum(p * drawn.c[f"ln_rho_{x}_1"] for p, x in zip(powers, "ND", strict=True))
    np.testing.assert_allclose(found, np.broadcast_to(ln_m, found.shape), atol=1e-8)


def test_the_best_size_moves_by_its_own_factor():
    drawn, terms = posterior("shared", discrepancy=None), Terms(cost=PowerCost())
    ln_n, ln_d = (drawn.c[f"ln_rho_{x}_1"] for x in "ND")
    of_b = frontier(drawn, np.array([1e20]), terms, 1).split()
    of_a = frontier(drawn, 1e20 * np.exp(ln_n + ln_d), terms, 0).split()
    np.testing.assert_allclose(of_b.params * np.exp(ln_n), of_a.params, rtol=1e-6)
    np.testing.assert_allclose(of_b.tokens * np.exp(ln_d), of_a.tokens, rtol=1e-6)


def test_a_cost_of_its_own_enters_the_multiplier():
    drawn, flops = posterior("shared"), np.array([1e20])
    alike, dearer = Terms(cost=PowerCost()), Terms(cost=PowerCost(kappa=9.0))
    same, other = (
        multipliers(drawn, [alike, each], flops, NONE)["multiplier"] for each in (alike, dearer)
    )
    np.testing.assert_allclose(other, same * 6 / 9, rtol=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_the_baseline_is_the_law_itself(form):
    drawn = posterior(form)
    x = drawn.spec.centred(recipes().each()[0])
    law = specify(recipes().runs, law="unified")
    own = Posterior.of(law, {k.name: drawn.c[k.name][..., 0] for k in law.coordinates})
    np.testing.assert_allclose(drawn.relative_log_loss(x), own.relative_log_loss(x), rtol=1e-12)


@pytest.mark.parametrize(("form", "letter"), [("floor", "E"), ("exponents", "alpha_N")])
def test_a_form_frees_its_letter_alone(form, letter):
    """The changed coordinates are those of a law whose other letters are the baseline's."""
    law = RecipeLaw("chinchilla", 1, form)
    c = {k.name: np.array(0.1 if k.link == "identity" else 0.5) for k in law.coordinates}
    c |= {name: np.zeros(()) for name in c if name.startswith("ln_rho")}
    x = {"params": np.zeros(()), "tokens": np.zeros(()), "recipe_1": np.ones(())}
    reference = {"params": 1.0, "tokens": 1.0, "loss": 1.0}  # where A and B do not depend on alpha
    _, changed, _ = law.surface(c, x, np)
    before, after = (get_law("chinchilla").published(each, reference) for each in (c, changed))
    differing = {name for name in before if not np.isclose(before[name], after[name])}
    assert differing == ({"E"} if form == "floor" else {"alpha_N", "alpha_D"})
    np.testing.assert_allclose(np.log(after[letter] / before[letter]), 0.1)


def test_a_drifting_gain_is_found_by_search():
    drawn, terms = posterior("drift"), [Terms(cost=PowerCost())] * 2
    centre = 6 * np.prod([drawn.spec.reference[name] for name in ("params", "tokens")])
    got = multipliers(drawn, terms, centre * np.array([0.1, 1.0, 100.0]), NONE)
    gain = drawn.c["ln_rho_N_1"] + drawn.c["ln_rho_D_1"]
    found = np.log(got["multiplier"][:, 0])
    of_recipe = np.log([0.1, 1.0, 100.0]) - found  # the size of the recipe's own run
    drift = drawn.c["gain_drift_1"] * of_recipe
    drift += drawn.c["gain_drift_above_1"] * np.maximum(of_recipe - 1, 0)
    np.testing.assert_allclose(found, gain + drift, atol=1e-6)


def test_a_loss_below_the_floor_is_never_reached():
    drawn = posterior("floor", "chinchilla", None)
    drawn = drawn.replaced(ln_E_1=np.full((40, 1), 0.5))
    got = multipliers(drawn, [Terms(cost=PowerCost())] * 2, np.array([1e20, 1e23]), NONE)
    c, loss = drawn.c, got["loss"] / drawn.spec.reference["loss"]
    below = loss < c["level"] * c["irreducible_share"] * np.exp(0.5)
    assert below.any()
    assert not below.all()
    np.testing.assert_array_equal(got["multiplier"][:, 0] == 0, below)


def test_losses_that_are_asked_for_agree_with_budgets():
    drawn, terms = posterior("exponents + drift"), [Terms(cost=PowerCost())] * 2
    at = multipliers(drawn, terms, np.array([1e20]), NONE)
    loss = float(at["loss"][7, 0])
    again = multipliers(drawn, terms, np.array([1e19]), np.array([loss]))
    np.testing.assert_allclose(again["flops"][7, 1], 1e20, rtol=1e-6)
    np.testing.assert_allclose(again["multiplier"][7, 0, 1], at["multiplier"][7, 0, 0], rtol=1e-5)
