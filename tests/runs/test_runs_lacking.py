"""What a law needs and a table lacks: the message names what to type."""

import pytest

import bayesscale as bs
from tests.simulate import simulate_runs


def test_a_further_input_is_named_as_it_is_given():
    with pytest.raises(bs.errors.UnknownNameError) as error:
        bs.fit(simulate_runs(), law="data_constrained", progress=False)
    assert "--input unique_tokens=my_column" in str(error.value)
    assert "inputs={'unique_tokens': 'my_column'}" in str(error.value)
