"""What is reachable from a fit cannot be changed, and what was changed cannot be saved."""

import copy
import pickle

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError
from tests.simulate import average_of, fit_at, simulate_runs


@pytest.fixture
def fit():
    return fit_at(simulate_runs(), spread=0.02)


def arrays(value, path="fit"):
    """Yield every array that is reachable, with where it is."""
    yield from ((f"{path}.runs.{k}", v) for k, v in value.runs._columns.items())
    for node in value.draws.subtree:
        for name, variable in node.dataset.variables.items():
            yield f"{path}.draws{node.path}/{name}", variable.values
    yield from ((f"{path}.posterior.{k}", v) for k, v in value.posterior.c.items())
    yield from ((f"{path}.coordinates.{k}", v.values) for k, v in value.coordinates.items())
    yield from ((f"{path}.published.{k}", v.values) for k, v in value.published.items())


def mappings(value):
    spec = value.spec
    return [spec.priors, spec.reference, spec.spread, value.posterior.c]


@pytest.mark.parametrize(
    "through", [lambda fit: fit, lambda fit: pickle.loads(pickle.dumps(fit)), copy.copy],
    ids=["as it is", "pickled", "copied"],
)  # fmt: skip
def test_nothing_within_can_be_changed(fit, through):
    made = through(fit)
    found = list(arrays(made))
    assert len(found) > 20
    assert [where for where, array in found if array.flags.writeable] == []
    for mapping in mappings(made):
        key = next(iter(mapping))
        for change in (
            lambda m, k: m.__setitem__(k, 1.0), lambda m, k: m.__delitem__(k),
            lambda m, k: m.update({k: 1.0}), lambda m, k: m.pop(k), lambda m, k: m.clear(),
            lambda m, k: m.setdefault("more", 1.0), lambda m, k: m.popitem(),
        ):  # fmt: skip
            with pytest.raises(TypeError, match="read-only"):
                change(mapping, key)
    with pytest.raises(ValueError, match=r"read-only|is a view"):
        made.draws["posterior"]["level"][0, 0] = 3.0


def test_the_mappings_of_an_average_are_read_only(fit):
    average = average_of({"a": fit, "b": fit}, 0.5, 0.5)
    for mapping in (average.weights, average.fits):
        with pytest.raises(TypeError, match="read-only"):
            mapping["a"] = 1.0


def new_values(tree):
    tree["posterior"]["level"] = 2 * tree["posterior"]["level"]


def forced(tree):
    values = tree["sample_stats"]["diverging"].values
    values.flags.writeable = True
    values[0, 0] = ~values[0, 0]


def other_units(tree):
    tree["posterior"]["E"].attrs["units"] = "bits"


def one_more(tree):
    tree["posterior"]["mine"] = tree["posterior"]["level"]


def one_less(tree):
    del tree["sample_stats"]


def new_losses(tree):
    tree["runs"]["loss"] = 2 * tree["runs"]["loss"]


CHANGES = [new_values, forced, other_units, one_more, one_less, new_losses]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_what_was_changed_by_hand_is_not_saved(fit, tmp_path, change):
    whole = fit.save(tmp_path / "whole.nc").read_bytes()
    changed = pickle.loads(pickle.dumps(fit))
    change(changed.draws)
    with pytest.raises(DomainError, match="changed after sampling"):
        changed.save(tmp_path / "changed.nc")
    with pytest.raises(DomainError, match="changed after sampling"):
        average_of({"a": fit, "b": changed}, 0.5, 0.5).save(tmp_path / "average.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["whole.nc"]
    again = bs.load_fit(tmp_path / "whole.nc")
    assert again.save(tmp_path / "again.nc").read_bytes() == whole
    np.testing.assert_array_equal(again.coordinates["level"], fit.coordinates["level"])
