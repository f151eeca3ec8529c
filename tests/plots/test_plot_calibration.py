"""The calibration's picture shows the calibration's numbers."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.plots import plot_calibration

N = 300


@pytest.fixture(scope="module")
def calibration():
    rng = np.random.default_rng(0)
    ranks = pd.DataFrame(rng.integers(0, 101, (N, 3)), columns=["level", "alpha_N", "sigma"])
    ranks["sigma"] = rng.binomial(100, rng.beta(0.4, 0.4, N))  # piled up at both ends
    fits = pd.DataFrame({"converged": np.full(N, True)})
    return bs.Calibration(ranks, fits, "a law", 0.01, 1)


def test_the_numbers_are_differences_of_distribution_functions(calibration):
    data = bs.plot_data("calibration", calibration)
    below = (calibration.ranks["level"] < 30).mean()
    assert data.differences["level"].iloc[30] == pytest.approx(below - 30 / 101)
    assert (data.differences.iloc[[0, -1]].abs() < 1e-12).to_numpy().all()
    assert (data.band["lower"] <= 0).all()
    assert (data.band["upper"] >= 0).all()


def test_curves_leave_the_band_where_the_verdict_says_so(calibration):
    data = bs.plot_data("calibration", calibration)
    above = data.differences.gt(data.band["upper"] + 1e-12, axis=0)
    below = data.differences.lt(data.band["lower"] - 1e-12, axis=0)
    assert (~(above | below).any()).to_dict() == data.inside.to_dict()
    assert data.inside.to_dict() == {"level": True, "alpha_N": True, "sigma": False}


def test_the_picture_shows_the_numbers(calibration, ax):
    assert plot_calibration(calibration, ax=ax) is ax
    data = bs.plot_data("calibration", calibration)
    drawn = [line.get_ydata() for line in ax.get_lines()[1:]]
    np.testing.assert_allclose(drawn, data.differences[["level", "alpha_N", "sigma"]].T)
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == ["99 % band, all at once", "inside: 2 quantities", "outside: sigma"]


def test_some_quantities_may_be_chosen(calibration, ax):
    plot_calibration(calibration, quantities=["alpha_N"], ax=ax)
    assert len(ax.get_lines()) == 2
    full, some = (
        bs.plot_data("calibration", calibration),
        bs.plot_data("calibration", calibration, quantities=["sigma"]),
    )
    assert some.differences.columns.tolist() == ["sigma"]
    assert some.band.equals(full.band)


@pytest.mark.usefixtures("no_figure")
def test_what_is_refused(calibration):
    with pytest.raises(UnknownNameError, match="alpha_N"):
        plot_calibration(calibration, quantities=["alphaN"])
    with pytest.raises(DomainError, match="list of names"):
        plot_calibration(calibration, quantities="sigma")
    with pytest.raises(DomainError, match=r"bs\.calibrate"):
        plot_calibration("c")  # type: ignore[arg-type]
