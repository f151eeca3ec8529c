import copy
import json
import pickle
import time

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesscale.errors import RunsError, UnknownNameError
from bayesscale.runs import Runs


@pytest.fixture
def frame():
    return pd.DataFrame({
        "N": [1e8, 2e8, 4e8, 8e8, 16e8], "D": [2e9, 4e9, 8e9, 16e9, 32e9],
        "L": [3.4, 3.1, 2.9, 2.7, 2.6], "loss_se": [0.02, 0.01, 0.01, 0.01, 0],
        "n_params_nonembed": [5e7, 1e8, 3e8, 7e8, 15e8], "seed": [1, 2, np.nan, 1, 2],
        "corpus": ["c4", "rpj", "c4", "rpj", "c4"], "width": [512, 512, 1024, 1024, 2048],
        "run_id": ["a", "b", "c", "d", "e"], "lr": 1e-3,
    })  # fmt: skip


@pytest.fixture
def runs(frame):
    return Runs.from_frame(frame, group=["corpus", "width"], name="toy")


def test_well_known_names_are_found(runs, frame):
    np.testing.assert_array_equal(runs.params, frame["N"])
    np.testing.assert_array_equal(runs.tokens, frame["D"])
    np.testing.assert_array_equal(runs.loss, frame["L"])
    np.testing.assert_array_equal(runs.loss_se, frame["loss_se"])
    np.testing.assert_array_equal(runs.params_non_embedding, frame["n_params_nonembed"])
    np.testing.assert_array_equal(runs.seed, frame["seed"])
    assert runs.run_ids.tolist() == list("abcde")
    assert {g: v.tolist() for g, v in runs.groups.items()} == {
        "corpus": frame["corpus"].tolist(),
        "width": frame["width"].tolist(),
    }
    assert len(runs) == runs.n_runs == 5


def test_columns_of_the_frame_and_those_that_are_missing(runs):
    assert runs.to_frame().index.name == "run"
    assert list(runs.to_frame()) == [
        "params", "tokens", "flops", "loss", "loss_se", "params_non_embedding", "seed", "corpus",
        "width",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(runs.to_frame(), runs.frame)
    bare = Runs.from_frame({"params": [1e9], "tokens": [2e10], "loss": [2.6]})
    assert bare.loss_se is bare.seed is bare.params_non_embedding is bare.name is None
    assert (bare.groups, bare.run_ids.tolist()) == ({}, [0])


@pytest.mark.parametrize(("index", "ids"), [
    ([3, 1, 4, 15, 9], [3, 1, 4, 15, 9]),
    (list("vwxyz"), list("vwxyz")),
    ([1.0, 2.0, 3.0, 4.0, 5.0], [1, 2, 3, 4, 5]),
    ([1, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
    (["x", "y", "z", None, "w"], [0, 1, 2, 3, 4]),
    (pd.MultiIndex.from_product([["a"], range(5)]), ["a/0", "a/1", "a/2", "a/3", "a/4"]),
])  # fmt: skip
def test_an_index_names_the_runs_if_it_can(frame, index, ids):
    runs = Runs.from_frame(frame.drop(columns="run_id").set_axis(index))
    assert runs.run_ids.tolist() == ids


def test_a_dataset_and_a_dict_give_the_same_runs(frame, runs):
    for table in (frame.to_xarray(), frame.to_dict("list"), frame.to_dict("series")):
        assert Runs.from_frame(table, group=["corpus", "width"], name="toy") == runs


@pytest.mark.parametrize("kind", [str, "category", object, "string"])
def test_labels_of_every_kind_are_text(frame, runs, kind):
    again = Runs.from_frame(
        frame.astype({"corpus": kind, "run_id": kind}), group=["corpus", "width"], name="toy"
    )
    assert again == runs
    assert all(type(label) is str for label in again.groups["corpus"])


def test_nothing_reaches_the_numbers_from_outside(frame, runs):
    before = runs.fingerprint
    same = Runs.from_frame(frame, group=["corpus", "width"])
    frame["L"] = 9.0
    frame.loc[:, "N"] = 1.0
    table = runs.to_frame()
    table.loc[:, "loss"] = 1.0
    dataset = runs.to_xarray()
    dataset["loss"][:] = 1.0
    dataset["params"].values[0] = 1.0
    runs.groups["more"] = runs.loss
    for array in (runs.loss, runs.flops, runs.run_ids, runs.groups["width"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    with pytest.raises(AttributeError):
        runs.name = "other"
    again = copy.copy(runs)
    del again.__dict__["fingerprint"]
    assert again.fingerprint == before == same.fingerprint
    loss = np.array([3.0, 2.5])  # the arrays of a dict stay writeable
    copied = Runs.from_frame({"params": [1e8, 1e9], "tokens": [1e9, 1e10], "loss": loss})
    loss[0] = 7
    assert copied.loss[0] == 3.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies_are_equal_and_read_only(runs, duplicate):
    again = duplicate(runs)
    assert again == runs
    assert not again.loss.flags.writeable


def test_select_keeps_ids_and_order(runs):
    kept = runs.select(runs.params >= 4e8)
    assert kept.run_ids.tolist() == ["c", "d", "e"]
    assert kept.metadata() == runs.metadata()
    assert kept.groups["corpus"].tolist() == ["c4", "rpj", "c4"]
    assert len(runs) == 5


@pytest.mark.parametrize("mask", [[0, 1], ["a"], [True], np.ones((5, 1), bool), True])
def test_select_wants_one_boolean_a_run(runs, mask):
    with pytest.raises(RunsError, match=r"shape \(5,\).*runs\.drop"):
        runs.select(mask)


def test_drop_leaves_out_by_id(runs, frame):
    assert runs.drop(["b", "d", "b"]).run_ids.tolist() == ["a", "c", "e"]
    assert runs.drop("b").run_ids.tolist() == ["a", "c", "d", "e"]
    numbered = Runs.from_frame(frame.drop(columns="run_id"))
    assert numbered.drop(2).run_ids.tolist() == [0, 1, 3, 4]
    assert numbered.drop(numbered.run_ids[:4]).run_ids.tolist() == [4]


CALLS = {
    "two dimensions": (
        lambda runs: Runs.from_frame(xr.Dataset({"loss": (("params", "tokens"), np.ones((2, 2)))})),
        RunsError, "2: params, tokens",
    ),
    "no run left": (lambda runs: runs.select(np.zeros(5, bool)), RunsError, "None of the 5"),
    "other id": (lambda runs: runs.drop(["a", "bb"]), UnknownNameError, r"'bb'.* mean 'b'\?"),
    "id as text": (
        lambda runs: Runs.from_frame(runs.frame.reset_index(drop=True)).drop("3"),
        UnknownNameError, r"'3'\. Did you mean 3\?",
    ),
    "split of none": (lambda runs: runs.split_by_compute(1000), RunsError, "1000x.*256x"),
    "runs as a table": (
        lambda runs: Runs.from_frame(runs.to_xarray()), RunsError, "from_xarray",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), CALLS.values(), ids=CALLS)
def test_calls_that_are_refused(runs, call, error, message):
    with pytest.raises(error, match=message):
        call(runs)


def test_split_holds_out_the_largest(runs):
    small, large = runs.split_by_compute(factor=10)
    assert large.run_ids.tolist() == ["d", "e"]
    assert small.flops.max() < runs.flops.max() / 10 <= large.flops.min()
    assert runs.split_by_compute(10) == runs.split_by_compute() == (small, large)


def test_split_keeps_a_budget_in_one_piece():
    params = np.geomspace(3.3e7, 7.7e8, 9)
    table = pd.concat(
        pd.DataFrame({"params": params, "tokens": c / (6 * params), "loss": 2.0 + params / 1e9})
        for c in (1e18, 4e18, 1.6e19)
    )
    small, large = Runs.from_frame(table).split_by_compute(4)
    assert (len(small), len(large)) == (9, 18)


def test_the_fingerprint_sees_numbers_order_and_conventions(frame, runs):
    def mark(table=frame, **more):
        return Runs.from_frame(table, group=["corpus", "width"], **more).fingerprint

    assert mark() == runs.fingerprint
    assert mark(name="other") == mark(frame.assign(run_id=range(5))) == mark()
    different = [
        mark(frame.iloc[::-1]), mark(frame.assign(L=frame["L"] * (1 + 1e-15))),
        mark(frame.assign(corpus="c4")), mark(param_count="other"),
        mark(flop_rule="6ND_non_embedding"), runs.select(runs.params > 1e8).fingerprint,
    ]  # fmt: skip
    assert len({mark(), *different}) == 7
    # saved fits hold it: another way to compute it would make them strangers to their runs
    fixed = Runs.from_frame({"params": [1e8, 1e9], "tokens": [2e9, 2e10], "loss": [3.25, 2.5]})
    assert fixed.fingerprint.startswith("398634c007840541b967f55803b78434")


def test_equality_sees_ids_and_names(frame, runs):
    group = ["corpus", "width"]
    assert runs == Runs.from_frame(frame, group=group, name="toy")
    assert hash(runs) == hash(Runs.from_frame(frame, group=group, name="toy"))
    assert runs != Runs.from_frame(frame, group=group)
    assert runs != Runs.from_frame(frame.assign(run_id=range(5)), group=group, name="toy")
    assert runs != "toy"


def test_a_dataset_carries_units_and_metadata(runs):
    dataset = runs.to_xarray()
    assert dataset.sizes == {"run": 5}
    assert dataset["loss"].attrs["units"] == "nats/token"
    assert dataset["flops"].attrs["units"] == "FLOP"
    assert json.loads(json.dumps(runs.metadata())) == runs.metadata()


@pytest.mark.parametrize("through_file", [False, True])
@pytest.mark.filterwarnings("error")
def test_runs_come_back_from_xarray(frame, tmp_path, through_file):
    runs = Runs.from_frame(
        frame.assign(
            L=frame["L"] / 3, flag=[True, False] * 2 + [True], lr=[0.1, 0.2, 0.3, 0.4, 0.5],
        ),
        group=["corpus", "width", "flag", "lr"], loss_unit="bits/byte", bytes_per_token=4.2,
        flop_rule="6ND_non_embedding",
    )  # fmt: skip
    dataset = runs.to_xarray()
    if through_file:
        dataset.to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
        dataset = xr.load_dataset(tmp_path / "runs.nc", engine="h5netcdf")
    again = Runs.from_xarray(dataset.assign(other=1))
    assert again == runs
    pd.testing.assert_frame_equal(again.frame, runs.frame)
    assert again.metadata() == runs.metadata()
    assert not again.loss.flags.writeable


def test_runs_that_warned_come_back_in_silence(frame):
    with pytest.warns(UserWarning, match="look too small"):
        runs = Runs.from_frame(frame.assign(D=[1, 2, 3, 4, 5]))
    assert Runs.from_xarray(runs.to_xarray()) == runs


@pytest.mark.parametrize("spoil", [lambda d: d.drop_attrs(), lambda d: d.drop_vars("run")])
def test_another_dataset_is_not_taken_for_runs(runs, spoil):
    dataset = runs.to_xarray()
    if (other := spoil(dataset)).attrs:
        other = other.drop_vars(list(other)).drop_attrs()
    with pytest.raises(RunsError, match="to_xarray"):
        Runs.from_xarray(other)


def test_a_million_runs_take_seconds():
    rng = np.random.default_rng(0)
    n = 1_000_000
    table = {
        "params": rng.uniform(1e7, 1e10, n), "tokens": rng.uniform(1e9, 1e12, n),
        "loss": rng.uniform(2, 4, n), "corpus": rng.choice(["c4", "rpj"], n),
    }  # fmt: skip
    start = time.perf_counter()
    runs = Runs.from_frame(table, group="corpus")
    repr(runs), runs._repr_html_(), runs.split_by_compute(), runs.fingerprint
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("kind", [None, object, "category"])
@pytest.mark.parametrize(("where", "ids"), [
    ({"corpus": "c4"}, "ace"),
    ({"corpus": "c4", "width": 1024}, "c"),
    ({"width": "1024.0"}, "cd"),
    ({"N": "1e8"}, "a"),
    ({"seed": 1}, "ad"),
    ({}, "abcde"),
])  # fmt: skip
def test_where_keeps_rows_by_text_or_number(frame, kind, where, ids):
    if kind:
        frame = frame.astype(dict.fromkeys(where, kind))
    assert "".join(Runs.from_frame(frame, where=where).run_ids) == ids


@pytest.mark.parametrize(("where", "error", "message"), [
    ({"corpos": "c4"}, UnknownNameError, "where named 'corpos'.* 'corpus'"),
    ({"corpus": "c5"}, RunsError, r"None of 5 .*corpus='c5'.*: c4, rpj\."),
    ({"corpus": "c4", "seed": 3}, RunsError, r"None of 3 .*seed=3.*: 1.0, 2.0"),
    ({"seed": "nan"}, RunsError, "None of 5"),
])  # fmt: skip
def test_a_condition_that_nothing_meets_is_told(frame, where, error, message):
    with pytest.raises(error, match=message):
        Runs.from_frame(frame, where=where)


def test_pooled_groups_are_named(frame, runs):
    text = runs.pooled_groups()
    for part in ("'corpus' has 2 levels (c4, rpj)", "'width' has 3 levels (512, 1024, 2048)",
                 "where={'corpus': 'c4'}"):  # fmt: skip
        assert part in text
    assert Runs.from_frame(frame).pooled_groups() is None
    assert Runs.from_frame(frame, group="corpus", where={"corpus": "c4"}).pooled_groups() is None


def test_a_misspelt_column_is_suggested_before_one_that_holds_the_word():
    table = {"n_params": [1e8], "n_tokns": [2e9], "loss": [3.0], "tokens_per_param": [20.0]}
    runs = Runs.from_frame(table)
    with pytest.raises(UnknownNameError, match=r"have no tokens\. Did you mean 'n_tokns'"):
        _ = runs.tokens
