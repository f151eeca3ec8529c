import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesscale import _arguments as check
from bayesscale.errors import DomainError, UnknownNameError

HUGE = 10**400
NO_NUMBERS = [
    "lots", ["7X"], "9 hours", True, [True, 2.0], None, 1j, np.array(["a"]), {1: 2}, [[1], [2, 3]],
    np.array(["2020"], "M8"), np.array([object()]), pd.NA, [pd.NA], np.ma.masked, [np.ma.masked],
    HUGE, [HUGE], 10**5000, np.ma.array([1, 2], mask=[0, 1]),
]  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [5, [5, 5.0], (5,), np.array(5), range(5, 6), pd.Series([5], dtype="Int64"), [np.float32(5)],
     xr.DataArray([5]), np.ma.array([5.0]), [np.array(5.0)], np.array([5], dtype="uint64")],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_numbers_of_every_kind_become_one_array(values):
    array = check.positive_array("flops", values, "FLOP")
    assert array.dtype == np.float64
    assert (array == 5).all()


@pytest.mark.parametrize("values", NO_NUMBERS, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("checked", [check.positive_array, check.positive_scalar])
def test_what_is_no_number_is_refused(checked, values):
    with pytest.raises(DomainError, match=r"^flops .*(numbers|masked)"):
        checked("flops", values, "FLOP")


@pytest.mark.parametrize(("text", "size"), [
    ("70B", 70e9), ("1.4 T", 1.4e12), ("1e23", 1e23), ("100PF-days", 8.64e21), ("2 EFLOP", 2e18),
    ("3e20 FLOPs", 3e20), ("0.5 PFLOP/s-days", 4.32e19),
])  # fmt: skip
def test_sizes_are_read_as_people_write_them(text, size):
    assert check.positive_scalar("flops", text, "FLOP") == pytest.approx(size, rel=1e-14)
    assert check.positive_array("flops", [text, 5], "FLOP") == pytest.approx([size, 5])


@pytest.mark.parametrize("values", [0, -1, np.nan, np.inf, [1, np.nan]])
def test_numbers_outside_are_shown(values):
    with pytest.raises(DomainError, match=r"positive .*FLOP.* got"):
        check.positive_array("flops", values, "FLOP")


def test_shapes_are_told():
    with pytest.raises(DomainError, match=r"has shape \(1, 2\)"):
        check.positive_array("flops", [[1, 2]], "FLOP")
    with pytest.raises(DomainError, match=r"one number .*2"):
        check.positive_scalar("flops", [1, 2], "FLOP")
    assert check.positive_scalar("flops", [10**20], "FLOP") == 1e20


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "5", None, HUGE, 2**64, -1, np.nan, [5]])
def test_whole_numbers_are_whole(value):
    for checked in (lambda v: check.whole_number("draws", v, least=0), check.random_seed):
        with pytest.raises(DomainError, match=r"whole number|2\^63"):
            checked(value)
    assert check.whole_number("draws", np.int8(5), least=5) == 5
    assert check.random_seed(2**63 - 1) == 2**63 - 1


@pytest.mark.parametrize("value", [True, "0.5", 0, 1, 90, np.nan, None, HUGE, [0.1, 0.2]])
def test_probabilities_and_numbers_have_limits(value):
    with pytest.raises(DomainError, match="between 0 and 1"):
        check.probability("ci_prob", value)
    with pytest.raises(DomainError, match="above 100"):
        check.number("factor", value, above=100)
    assert check.probability("ci_prob", np.float32(0.5)) == 0.5


def test_names_texts_and_flags():
    assert check.choice("law", "kaplan", ["kaplan"]) == "kaplan"
    for wrong in ("kaplna", 1, ["kaplan"], pd.NA, np.array(["kaplan", "b"])):
        with pytest.raises(UnknownNameError, match="Known: 'kaplan'"):
            check.choice("law", wrong, ["kaplan"])
    for wrong in (1, None, b"text"):
        with pytest.raises(DomainError, match="must be text"):
            check.text("name", wrong)
        with pytest.raises(DomainError, match="must be True or False"):
            check.flag("force", wrong)


def test_values_are_shown_on_one_short_line():
    class Mute:
        def __repr__(self):
            raise ValueError

    assert check.shown(Mute()) == "something of type Mute"
    assert len(check.shown("x" * 1000)) < 70
    assert check.shown("\x1b[31m") == "'\\x1b[31m'"
