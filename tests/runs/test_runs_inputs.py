"""Further inputs of a law: kept, checked, shown, told apart, and carried through files."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesscale import quantities
from bayesscale.errors import RunsError, UnknownNameError
from bayesscale.quantities import Quantity
from bayesscale.runs import Runs

TABLE = {
    "params": [1e8, 2e8, 4e8, 8e8], "tokens": [2e9, 4e9, 8e9, 16e9], "loss": [3.4, 3.1, 2.9, 2.7],
    "n_experts": [1, 8, 8, 64], "share": [0.1, 0.2, 0.3, 0.9], "corpus": ["a", "b", "a", "b"],
}  # fmt: skip
EXPERTS = Quantity("experts", symbol="X", style="count", unit="experts")


@pytest.fixture
def runs():
    return Runs.from_frame(TABLE, inputs={"experts": "n_experts", "share": "share"}, group="corpus")


def test_every_column_is_had_by_its_name(runs):
    assert runs.inputs == ("experts", "share")
    assert runs["experts"].tolist() == [1, 8, 8, 64]
    assert runs["experts"].dtype == np.float64
    for name in ("params", "tokens", "flops", "loss"):
        assert runs[name] is getattr(runs, name)
    assert runs["corpus"].tolist() == ["a", "b", "a", "b"]
    assert "experts" in runs
    assert "expert" not in runs
    with pytest.raises(ValueError, match="read-only"):
        runs["experts"][0] = 2
    with pytest.raises(UnknownNameError, match=r"'expert'\. Did you mean"):
        runs["expert"]
    with pytest.raises(UnknownNameError, match='loss_se="my_column"'):
        runs["loss_se"]


def test_inputs_survive_everything(runs, tmp_path):
    dataset = runs.to_xarray()
    dataset.to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
    loaded = xr.load_dataset(tmp_path / "runs.nc", engine="h5netcdf")
    copies = (Runs.from_xarray(loaded), copy.deepcopy(runs), pickle.loads(pickle.dumps(runs)))
    for again in copies:
        assert again == runs
        assert again.inputs == runs.inputs
        np.testing.assert_array_equal(again["experts"], runs["experts"])
    assert runs.select(runs["experts"] > 1)["experts"].tolist() == [8, 8, 64]
    assert [len(part) for part in runs.split_by_compute(4)] == [2, 2]
    assert list(runs.frame)[-3:] == ["experts", "share", "corpus"]
    assert "experts       1–64" in repr(runs)
    assert "<td>64</td>" in runs._repr_html_()


def test_inputs_tell_tables_and_runs_apart(runs):
    assert Runs.from_frame(TABLE, group="corpus").fingerprint != runs.fingerprint
    same = {k: [v[0]] * 2 for k, v in TABLE.items()} | {"n_experts": [1, 2]}
    assert len(Runs.from_frame(same, inputs={"experts": "n_experts"})) == 2  # no warning


def test_a_quantity_says_what_is_allowed():
    runs = Runs.from_frame(TABLE, inputs={EXPERTS: "n_experts"})
    assert runs.to_xarray()["experts"].attrs["units"] == "experts"
    assert Runs.from_xarray(runs.to_xarray()) == runs
    zero = TABLE | {"n_experts": [0, 1, 2, 4]}
    assert Runs.from_frame(zero, inputs={"routers": "n_experts"})["routers"][0] == 0
    with pytest.raises(RunsError, match=r"1 of 4 runs: run 0 \(experts=0\)"):
        Runs.from_frame(zero, inputs={EXPERTS: "n_experts"})
    share = Quantity("share", scale="logit")
    with pytest.raises(RunsError, match=r"share .* 0 and 1, .* 1 of 4"):
        Runs.from_frame(TABLE | {"share": [0.1, 0.2, 0.3, 1.9]}, inputs={share: "share"})


@pytest.mark.parametrize(
    ("cell", "message"),
    [("8x", "must be numbers"), (None, "is missing"), (np.inf, "is infinite"), (True, "numbers")],
)
def test_cells_of_inputs_are_checked(cell, message):
    with pytest.raises(RunsError, match=rf"^experts .*{message}.* 1 of 4 runs: run 2"):
        Runs.from_frame(TABLE | {"n_experts": [1, 2, cell, 4]}, inputs={"experts": "n_experts"})


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"inputs": {"experts": "expert"}}, UnknownNameError, "experts named 'expert'. Did you mean"),
    ({"params": "params", "inputs": {"experts": "params"}}, RunsError, "both params and experts"),
    ({"inputs": {"corpus": "n_experts"}, "group": "corpus"}, RunsError, "'corpus'"),
])  # fmt: skip
def test_columns_of_inputs_must_exist_and_differ(options, error, message):
    with pytest.raises(error, match=message):
        Runs.from_frame(TABLE, **options)


def test_a_quantity_that_bayesscale_knows_is_found_by_its_names(monkeypatch):
    known = Quantity("experts", known_as=("n_experts",))
    monkeypatch.setitem(quantities.QUANTITIES, "experts", known)
    runs = Runs.from_frame(TABLE)
    assert runs.inputs == ("experts",)
    with pytest.raises(RunsError, match="experts is negative"):
        Runs.from_frame(TABLE | {"n_experts": [-1, 1, 1, 1]})


def test_the_command_line_reads_inputs(tmp_path):
    from click.testing import CliRunner

    from bayesscale.cli import main

    pd.DataFrame(TABLE).to_csv(tmp_path / "runs.csv", index=False)
    for given, message in (("experts=n_expert", "mean 'n_experts'?"), ("experts", "NAME=COL")):
        ended = CliRunner().invoke(main, ["fit", str(tmp_path / "runs.csv"), "--input", given])
        assert message in ended.output


def test_columns_that_are_called_as_known_inputs_are_taken():
    table = {**TABLE, "experts": [1, 4, 8, 8], "weight_bits": ["a", "b", "c", "d"]}
    runs = Runs.from_frame(table)
    assert runs.inputs == ("experts",)
    stated = Runs.from_frame(table, inputs={"experts": "n_experts"})
    np.testing.assert_array_equal(stated["experts"], TABLE["n_experts"])
    assert Runs.from_frame(table, group="experts").inputs == ()
