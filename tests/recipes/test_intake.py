"""Runs of several recipes: what is refused, and what asks for caution."""

import numpy as np
import pytest

from bayesscale.errors import DomainError, RunsError, UnknownNameError
from bayesscale.recipes import Recipes
from bayesscale.runs import Runs
from tests.simulate import design, simulate_runs


def frame(n: int = 2, **columns):
    runs = simulate_runs(sizes=design(4, 4)).frame
    labels = np.resize([f"r{i}" for i in range(n)], len(runs))
    return runs.assign(recipe=labels, **columns)


def found(runs, **options) -> dict[str, str]:
    recipes = Recipes.of(runs, **{"group": "recipe", "baseline": None, **options})
    return {check.name: check.severity for check in recipes.checks()}


def test_codes_and_the_baseline():
    recipes = Recipes.of(frame(3), "recipe", "r1")
    assert recipes.names == ("r1", "r0", "r2")
    assert recipes.runs["recipe_2"].sum() == (recipes.member == 2).sum()
    assert found(frame(2)) == {}


@pytest.mark.parametrize(("n", "match"), [(1, "names 1 recipe "), (13, "names 13"), (6, "fewer")])
def test_groups_that_cannot_be_compared(n, match):
    with pytest.raises(RunsError, match=match):
        Recipes.of(frame(n), "recipe", None)


def test_names_that_do_not_exist():
    with pytest.raises(UnknownNameError, match="r9"):
        Recipes.of(frame(), "recipe", "r9")
    with pytest.raises(UnknownNameError, match="recipe"):
        Recipes.of(simulate_runs(), "recipe", None)


@pytest.mark.parametrize(
    "other", [{"loss_unit": "bits/token"}, {"param_count": "non_embedding"}], ids=str
)
def test_tables_of_other_units_are_refused(other):
    table = simulate_runs().frame
    one, two = Runs.from_frame(table), Runs.from_frame(table.drop(columns="flops"), **other)
    with pytest.raises(DomainError, match=next(iter(other))):
        Recipes.of({"A": one, "B": two}, "recipe", None)
    assert Recipes.of({"A": one, "B": simulate_runs(seed=1)}, "recipe", None).names == ("A", "B")


def test_another_label_that_goes_with_the_recipe():
    runs = Runs.from_frame(
        frame().assign(corpus=lambda t: "c" + t.recipe), group=["recipe", "corpus"]
    )
    assert found(runs) == {"other differences": "caution"}


def test_a_run_that_stands_in_both():
    table = frame()
    table.iloc[1, :4] = table.iloc[0, :4]
    assert found(table) == {"repeated runs": "caution"}


def test_ranges_of_compute_apart():
    table = frame().sort_values("flops")
    table["recipe"] = np.repeat(["A", "B"], 8)
    assert found(table) == {"overlap in compute": "caution"}


def test_runs_on_one_line():
    tokens = lambda t: 20 * t.params**1.1  # noqa: E731
    table = frame().assign(tokens=tokens).drop(columns="flops")
    assert found(table) == {"design": "note"}


def test_compute_of_their_own():
    table = frame().assign(
        flops=lambda t: 6 * t.params * t.tokens * np.where(t.recipe == "r0", 1, 1.3)
    )
    recipes = Recipes.of(table, "recipe", None)
    assert found(table) == {"compute": "note"}
    costs = [terms.compute.kappa for terms in recipes.terms(None)]
    np.testing.assert_allclose(costs, [6.0, 7.8])
