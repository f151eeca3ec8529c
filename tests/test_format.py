import math

import pytest
from hypothesis import given, strategies as st

from bayesscale._format import flops, interval, list_some, rows, si_count


@pytest.mark.parametrize(("x", "text"), [
    (0, "0"), (7, "7"), (0.5, "0.5"), (999.4, "999"), (999.6, "1k"), (12_500, "12.5k"),
    (350e6, "350M"), (999_999, "1M"), (1.2e9, "1.2B"), (70.4e9, "70.4B"), (3e12, "3T"),
    (9.996e14, "1e15"), (1.2e16, "1.2e16"), (-2.5e6, "-2.5M"), (math.nan, "nan"), (math.inf, "inf"),
])  # fmt: skip
def test_counts_are_written_as_people_write_them(x, text):
    assert si_count(x) == text


@given(st.floats(min_value=1, max_value=9.9e14))
def test_a_written_count_is_within_half_a_percent(x):
    text = si_count(x)
    unit = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}.get(text[-1])
    value = float(text[:-1]) * unit if unit else float(text)
    assert value == pytest.approx(x, rel=0.0051)
    assert len(text) <= 5


def test_compute_intervals_and_lists():
    assert (flops(1e24), flops(6.3e3)) == ("1.0e24 FLOP", "6.3e03 FLOP")
    assert interval(57e6, 16e9) == "57M–16B"
    assert interval(1.001e9, 1.002e9) == "1B"  # of one number, as written
    assert list_some(["a", "b"]) == "a, b"
    assert list_some(range(5)) == "0, 1, 2, 3, 4"
    assert list_some(list("abcdefgh"), limit=3) == "a, b, c and 5 more"


def test_rows_name_runs_and_values():
    assert rows([7, 19], [-0.12, math.nan], "loss") == "run 7 (loss=-0.12), run 19 (loss=nan)"
    assert rows([0], ["1.2B"], "params") == "run 0 (params='1.2B')"
    assert rows(list("abc"), [1, 2, None], "loss", limit=2).endswith("run b (loss=2) and 1 more")
    assert rows(["a"], [None], "loss") == "run a (loss=None)"
