"""Labels, ids and names: nothing rounded, nothing that a file or a terminal cannot bear."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError, UnknownNameError
from bayesscale.runs import Runs

TABLE = {"params": [1e8, 2e8, 4e8], "tokens": [2e9, 4e9, 8e9], "loss": [3.4, 3.1, 2.9]}
BIG = 2**53


def csv(tmp_path, labels, suffix=".csv"):
    path, by = tmp_path / f"runs{suffix}", "\t" if suffix == ".tsv" else ","
    rows = [f"{k}e8,2e9,3.{k},{label}" for k, label in enumerate(labels, 1)]
    path.write_text("\n".join(["N,D,L,label", *rows]).replace(",", by), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize(("written", "read"), [
    (["01", "1", "001"], ["01", "1", "001"]),
    (["1e2", "100", "100.0"], ["1e2", "100", "100.0"]),
    (["7", "8", "9"], [7, 8, 9]),
    ([BIG, BIG + 1, BIG + 2], [BIG, BIG + 1, BIG + 2]),
    ([2**63, 2**63 + 1, 1], [str(2**63), str(2**63 + 1), "1"]),
    (["-0", "0", "+0"], ["-0", "0", "+0"]),
    (["true", "True", "1"], ["true", "True", "1"]),
    (["2024-01-01", "x", " y "], ["2024-01-01", "x", "y"]),
])  # fmt: skip
def test_labels_in_text_files_are_as_written(tmp_path, written, read, suffix):
    path = csv(tmp_path, written, suffix)
    for option in ("group", "run_id", "cluster", "seed"):
        runs = bs.read_runs(path, **{option: "label"})
        seen = (
            runs.run_ids if option == "run_id" else runs["label" if option == "group" else option]
        )
        assert seen.tolist() == read
    assert bs.read_runs(path, cluster="label").n_clusters == 3


@pytest.mark.parametrize(
    "labels",
    [[BIG, BIG + 1, BIG + 2], [BIG, BIG + 1, None],
     np.array([BIG, BIG + 1, BIG + 2], dtype="uint64"),
     np.array([2**63, 2**63 + 1, 2**64 - 1], dtype="uint64"),
     pd.array([BIG, BIG + 1, None], dtype="Int64"), pd.Categorical([BIG, BIG + 1, None]),
     [10**30, 10**30 + 1, 5]],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_large_whole_numbers_stay_apart(labels):
    runs = Runs.from_frame({**TABLE, "label": labels}, cluster="label")
    assert runs.n_clusters == 3
    there = [str(x) for x in pd.Series(labels, dtype=object) if not pd.isna(x)]
    assert [str(x) for x in runs.cluster[: len(there)]] == there
    assert Runs.from_xarray(runs.to_xarray()) == runs


def test_json_and_parquet_keep_whole_numbers_beside_empty_cells(tmp_path):
    frame = pd.DataFrame({**TABLE, "label": pd.array([BIG, BIG + 1, None], dtype="Int64")})
    frame.to_parquet(tmp_path / "a.parquet")
    rows = [dict(zip([*TABLE, "label"], r, strict=True)) for r in frame.astype(object).to_numpy()]
    text = str(rows).replace("'", '"').replace("<NA>", "null")
    (tmp_path / "a.json").write_text(text)
    for file in ("a.parquet", "a.json"):
        runs = bs.read_runs(tmp_path / file, cluster="label")
        assert runs.cluster.tolist() == [str(BIG), str(BIG + 1), ""]


def test_a_condition_tells_labels_apart_and_numbers_together(tmp_path):
    path = csv(tmp_path, ["01", "1", "1.0"])
    assert bs.read_runs(path, where={"label": "01"}).n_runs == 1
    assert bs.read_runs(path, where={"label": "1e0"}).n_runs == 3
    assert bs.read_runs(path, where={"label": 1}).n_runs == 3
    ids = {**TABLE, "id": [BIG, BIG + 1, BIG + 2]}
    assert Runs.from_frame(ids, where={"id": BIG + 1}).run_ids.tolist() == [BIG + 1]


@pytest.mark.parametrize("name", ["eval/set", "a\0b", "", " ", ".", "..", "a\nb", "\x1b[31m"])
def test_names_that_files_cannot_hold_are_refused_with_another(name):
    with pytest.raises(RunsError, match=r"cannot be called .* Rename"):
        Runs.from_frame({**TABLE, name: ["a", "b", "c"]}, group=name)


@pytest.mark.parametrize("label", [b"x", [1], ("a",), {1}, "a\0b", "\ud800", object(), np.zeros(2)])
def test_labels_that_files_cannot_hold_are_refused(label):
    frame = pd.DataFrame(TABLE).assign(label=pd.Series(["a", label, "c"], dtype=object))
    for part in ("group", "run_id"):
        with pytest.raises(RunsError, match=r"text or numbers.* 1 of 3 runs"):
            Runs.from_frame(frame, **{part: "label"})


@pytest.mark.parametrize("evil", ["\x1b[2J", "a\nb", "\u202eabc", "\x07"])
def test_control_characters_are_shown_escaped_and_kept(evil):
    table = {**TABLE, "corpus": [evil, "b", "c"], "id": [evil, "y", "z"]}
    runs = Runs.from_frame(table, group="corpus", name=evil)
    for told in (repr(runs), runs._repr_html_(), runs.pooled_groups()):
        assert evil not in told
        assert told.replace("\n", "").isprintable()
    assert runs.groups["corpus"][0] == runs.run_ids[0] == evil
    with pytest.raises(RunsError) as caught:
        Runs.from_frame(table | {"loss": [-1, 2, 3]})
    assert evil not in str(caught.value)


@pytest.mark.parametrize(("options", "message"), [
    ({"where": "corpus c4"}, "where cannot parse 'corpus c4'. Write a column, one of ="),
    ({"where": [("loss", 1)]}, "where must be a mapping"),
    ({"where": {"loss": [1, 2]}}, "where"),
    ({"where": {"loss": None}}, "where"),
    ({"where": {0: 1}}, "where"),
    ({"group": 3}, "group"),
    ({"group": {"a"}}, "group"),
    ({"group": [1]}, "group"),
    ({"params": 0}, "params .* 0"),
    ({"cluster": ["a"]}, "cluster"),
    ({"bytes_per_token": "4"}, "bytes_per_token"),
    ({"name": 5}, "name must be text"),
    ({"loss_unit": 5}, "No loss unit named"),
    ({"flop_rule": ["6ND"]}, "No FLOP rule named"),
    ({"param_count": None}, "parameter count"),
    ({"inputs": "experts"}, "inputs"),
    ({"inputs": {"experts": 3}}, r"inputs\['experts'\] must be the name of a column"),
    ({"inputs": {3: "loss"}}, "bs.Quantity"),
    ({"inputs": {"n experts": "loss"}}, "must be a Python name"),
    ({"inputs": {"params": "N"}}, "argument"),
    ({"inputs": {"run": "N"}}, "cannot be called 'run'"),
])  # fmt: skip
def test_arguments_of_wrong_types_are_refused(options, message):
    with pytest.raises(bs.BayesScaleError, match=message):
        Runs.from_frame(TABLE, **options)


@pytest.mark.parametrize("factor", [1, np.nan, np.inf, "ten", True, None, 10**400, [10]])
def test_a_factor_is_a_number_above_one(factor):
    with pytest.raises(DomainError, match="factor must be above 1"):
        Runs.from_frame(TABLE).split_by_compute(factor)


def test_a_mask_is_no_list_of_ids():
    runs = Runs.from_frame(TABLE)
    with pytest.raises(RunsError, match="takes ids, not a mask"):
        runs.drop(runs.params > 1e8)
    for wrong in ([[1]], [None], object()):
        with pytest.raises(UnknownNameError, match="No run with id"):
            runs.drop(wrong)
    with pytest.raises(RunsError, match="one boolean a run"):
        runs.select([[True], [False, True]])
    with pytest.raises(RunsError, match="masked values"):
        runs.select(np.ma.array([True, True, False], mask=[0, 1, 0]))
