"""An average is loaded as it was saved."""

import pandas as pd
import pytest
import xarray as xr

import bayesscale as bs
from bayesscale.errors import FileError


@pytest.fixture(params=[True, False], ids=["pointwise", "evidence"])
def average(request, fit, other):
    names = ["a/b", "chinchilla 2"]
    summary = pd.DataFrame(
        {
            "law": ["chinchilla"] * 2, "weight": [0.1 + 0.2, 0.7], "se": [float("nan"), 1e-300],
            "n_refits": [0, 3], "refits_converged": [True, False], "high_k": [[], ["7"]],
        },
        index=pd.Index(names, name="fit"),
    )  # fmt: skip
    pointwise = pd.DataFrame(
        {name: [-1 / 3, 2.5] for name in names}, index=pd.Index(["run 1", "run 2"], name="run")
    )
    return bs.Average(
        fits=dict(zip(names, (fit, other), strict=True)),
        weights=dict(zip(names, (0.1 + 0.2, 0.7), strict=True)), by="loo", summary=summary,
        pointwise=pointwise if request.param else None, text="Laws averaged.", random_seed=5,
    )  # fmt: skip


def test_an_average_comes_back(average, tmp_path):
    loaded = bs.load_average(average.save(tmp_path / "average.nc"))
    assert (loaded.weights, loaded.by, loaded.text, loaded.random_seed) == (
        average.weights, average.by, average.text, average.random_seed,
    )  # fmt: skip
    pd.testing.assert_frame_equal(loaded.summary, average.summary)
    if average.pointwise is None:
        assert loaded.pointwise is None
    else:
        pd.testing.assert_frame_equal(loaded.pointwise, average.pointwise)
    assert list(loaded.fits) == list(average.fits)
    for name, fit in average.fits.items():
        xr.testing.assert_identical(loaded.fits[name].coordinates, fit.coordinates)
        assert loaded.fits[name].runs.fingerprint == fit.runs.fingerprint


def test_fits_and_averages_are_told_apart(average, fit, tmp_path):
    one, many = fit.save(tmp_path / "fit.nc"), average.save(tmp_path / "average.nc")
    with pytest.raises(FileError, match="load_average"):
        bs.load_fit(many)
    with pytest.raises(FileError, match="load_fit"):
        bs.load_average(one)
