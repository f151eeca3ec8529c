"""Numbers that a person states have bounds in the field's terms, and messages name the slip."""

from contextlib import suppress

import pytest
from hypothesis import given, strategies as st

import bayesscale as bs
from bayesscale.errors import DomainError
from bayesscale.forecast import check_recipe_shift

MACHINE = {"peak": 989e12, "utilization": 0.4, "price_per_hour": 2.0, "devices": 512}
MODEL = {"width": 4096, "depth": 32, "vocab": 50_000, "context": 4096, "heads": 32}


@pytest.mark.parametrize(
    ("make", "slip"),
    [
        (lambda: bs.Machine(**MACHINE | {"peak": 989}), "989e12 for 989"),
        (lambda: bs.Machine(**MACHINE | {"utilization": 40}), "0.4 for 40 %"),
        (lambda: bs.Machine(**MACHINE | {"price_per_hour": 2e6}), "one device"),
        (lambda: bs.Machine(**MACHINE | {"devices": 10**15}), "devices must be at most"),
        (lambda: bs.LifetimeCost(tokens_served=2), "2e12 for 2 trillion"),
        (lambda: bs.LifetimeCost(tokens_served=1e30), "plain tokens"),
        (lambda: bs.LifetimeCost(tokens_served=1e12, serving_price=1e6), "ratio of prices"),
        (lambda: bs.Money(1e6, per_flop=2.0), "3600"),
        (lambda: bs.Transformer(**MODEL | {"heads": 33}), "heads=33 must divide width=4096"),
        (lambda: bs.Transformer(**MODEL | {"heads": 5000}), "must divide"),
        (lambda: bs.Transformer(**MODEL | {"width": 7 * 10**9}), "no count of parameters"),
        (lambda: bs.Transformer(**MODEL | {"context": 10**12}), "context must be at most"),
        (lambda: check_recipe_shift(2), "Write .02"),
        (lambda: check_recipe_shift(-0.1), "Write .02"),
        (lambda: bs.Limits(params_max=0.7), "7e9 for 7 billion"),
        (lambda: bs.Limits(tokens_max=1e30), "plain count"),
        (lambda: bs.Repetition(unique_tokens=0.1), "plain count"),
        (lambda: bs.Terms(within=1), "0.001 for 0.1 %"),
    ],
)
def test_the_likely_slip_is_named(make, slip):
    with pytest.raises(DomainError, match=slip):
        make()


@given(st.floats(1e9, 1e18), st.floats(0.001, 1.0), st.floats(1e-4, 1e4))
def test_what_is_within_the_bounds_is_taken(peak, utilization, price):
    machine = bs.Machine(peak=peak, utilization=utilization, price_per_hour=price)
    assert machine.bill(1e22)["money"].gt(0).all()


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_whatever_is_stated_is_taken_or_refused_as_such(value):
    for make in (
        lambda: bs.Machine(peak=value, utilization=0.4),
        lambda: bs.LifetimeCost(tokens_served=value),
        lambda: bs.Limits(params_max=value),
        lambda: check_recipe_shift(value),
        lambda: bs.Terms(within=value),
    ):
        with suppress(DomainError):  # and nothing else
            make()
