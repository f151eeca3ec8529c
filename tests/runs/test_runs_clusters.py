import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bayesscale as bs
from bayesscale.runs import Runs

FRAME = pd.DataFrame(
    {"params": [1e9, 1e9, 2e9, 2e9, 4e9], "tokens": [1e10, 2e10, 1e10, 2e10, 1e10],
     "loss": [3.0, 2.8, 2.9, 2.7, 2.6], "run": ["a", "a", "b", "b", None], "cluster": "gpu"}
)  # fmt: skip


def test_clusters_are_numbered_in_order_and_empty_cells_are_runs_of_their_own():
    runs = Runs.from_frame(FRAME, cluster="run")
    assert runs.cluster_codes.tolist() == [0, 0, 1, 1, 2]
    assert runs.cluster_names.tolist() == ["a", "a", "b", "b", "run 4"]
    assert (runs.n_clusters, runs.has_clusters) == (3, True)
    assert runs.select(runs.cluster == "b").cluster_codes.tolist() == [0, 0]
    assert not runs.drop([1, 2]).has_clusters
    assert runs.groups == {}
    assert "clusters      3" in repr(runs)


@pytest.mark.parametrize("labels", [[7, 7, 3, 3, np.nan], [7.5, 7.5, 0.1, 0.1, np.nan]])
def test_labels_may_be_numbers(labels):
    runs = Runs.from_frame(FRAME.assign(run=labels), cluster="run")
    assert runs.cluster_codes.tolist() == [0, 0, 1, 1, 2]
    assert runs.cluster_names[4] == "run 4"
    assert runs.cluster_names[2] == f"{labels[2]:g}"
    whole = Runs.from_frame(FRAME.assign(run=[7, 7, 3, 3, 1]), cluster="run")
    assert whole.cluster_names.tolist() == [7, 7, 3, 3, 1]


def test_rows_without_a_label_or_without_clusters_are_apart():
    runs = Runs.from_frame(FRAME.assign(run=[None, "a", None, "", "a"]), cluster="run")
    assert runs.cluster_codes.tolist() == [0, 1, 2, 3, 1]
    unasked = Runs.from_frame(FRAME)  # no column is taken for clusters by its name
    assert (unasked.cluster, unasked.has_clusters) == (None, False)
    assert unasked.cluster_codes.tolist() == [0, 1, 2, 3, 4]


def test_clusters_survive_files_and_tell_tables_apart(tmp_path):
    runs = Runs.from_frame(FRAME, cluster="run")
    runs.to_xarray().to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
    assert Runs.from_xarray(xr.load_dataset(tmp_path / "runs.nc", engine="h5netcdf")) == runs
    assert runs.fingerprint != Runs.from_frame(FRAME).fingerprint
    FRAME.to_csv(tmp_path / "runs.csv", index=False)
    assert bs.read_runs(tmp_path / "runs.csv", cluster="run").n_clusters == 3
