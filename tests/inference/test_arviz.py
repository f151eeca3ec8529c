"""The draws of a fit go on into ArviZ: every function and plot that applies to them."""

import arviz_plots as azp
import arviz_stats as azs
import matplotlib as mpl
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import bayesscale as bs
from bayesscale.calibration import Calibration
from bayesscale.errors import FileError
from bayesscale.inference import Setup
from tests.simulate import simulate_runs

# a drift has 24 coordinates here for 48 runs, so that leaving one out moves some far
pytestmark = pytest.mark.filterwarnings("ignore:Estimated shape parameter")

NAMES = ["slope_N", "irreducible_share"]


@pytest.fixture(scope="module")
def draws():
    fit = bs.fit(simulate_runs("unified"), draws=500, tune=500, random_seed=1, progress=False)
    return fit.draws


def two_divergences(draws):
    """Return draws of which two diverged: ArviZ's plot cannot draw a single one."""
    draws = draws.copy(deep=True)
    draws["sample_stats"]["diverging"][...] = False
    draws["sample_stats"]["diverging"][0, :2] = True
    return draws


STATISTICS = {
    "summary": lambda dt: azs.summary(dt, var_names=NAMES),
    "hdi": lambda dt: azs.hdi(dt, var_names=NAMES),
    "eti": lambda dt: azs.eti(dt, var_names=NAMES),
    "ess": azs.ess,
    "rhat": azs.rhat,
    "rhat_nested": lambda dt: azs.rhat_nested(dt, superchain_ids=[0, 0, 1, 1]),
    "mcse": azs.mcse,
    "bfmi": azs.bfmi,
    "diagnose": lambda dt: azs.diagnose(dt, show_diagnostics=False),
    "kde": lambda dt: azs.kde(dt, var_names=NAMES),
    "histogram": lambda dt: azs.histogram(dt, var_names=NAMES),
    "thin": azs.thin,
    "ci_in_rope": lambda dt: azs.ci_in_rope(dt, var_names=["k"], rope=(0.9, 1.1)),
    "bayes_factor": lambda dt: azs.bayes_factor(dt, var_names=["k"], ref_vals=1.0),
    "loo": azs.loo,
    "loo_i": lambda dt: azs.loo_i(0, dt),
    "loo_pit": azs.loo_pit,
    "loo_expectations": azs.loo_expectations,
    "loo_metrics": azs.loo_metrics,
    "loo_score": azs.loo_score,
    "loo_influence": azs.loo_influence,
    "loo_r2": lambda dt: azs.loo_r2(dt, var_name="log_loss"),
    "metrics": azs.metrics,
    "compare": lambda dt: azs.compare({"one": dt, "other": dt}),
    "weight_predictions": lambda dt: azs.weight_predictions([dt, dt], weights=[0.5, 0.5]),
    "psense": azs.psense,
    "psense_summary": azs.psense_summary,
}

PLOTS = {
    **{
        name: lambda dt, name=name: getattr(azp, name)(dt, var_names=NAMES)
        for name in (
            "plot_dist", "plot_forest", "plot_ridge", "plot_prior_posterior", "plot_pair",
            "plot_trace_dist", "plot_trace", "plot_rank", "plot_rank_dist",
            "plot_autocorr", "plot_ess", "plot_ess_evolution", "plot_mcse", "plot_psense_dist",
            "plot_psense_quantities",
        )
    },
    **{
        name: getattr(azp, name)
        for name in (
            "plot_energy", "plot_convergence_dist", "plot_ppc_dist", "plot_ppc_interval",
            "plot_ppc_pit", "plot_ppc_tstat", "plot_loo_pit", "plot_loo_interval",
        )
    },
    "plot_parallel": lambda dt: azp.plot_parallel(two_divergences(dt), var_names=NAMES),
    "plot_lm": lambda dt: azp.plot_lm(dt, x="params", y="log_loss"),
    "plot_bf": lambda dt: azp.plot_bf(dt, var_names="k", ref_val=1.0),
    "plot_khat": lambda dt: azp.plot_khat(azs.loo(dt, pointwise=True)),
    "plot_compare": lambda dt: azp.plot_compare(azs.compare({"one": dt, "other": dt})),
}  # fmt: skip


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics(draws, name):
    assert STATISTICS[name](draws) is not None


@pytest.mark.parametrize("name", PLOTS)
def test_plots(draws, name):
    with mpl.rc_context({"figure.max_open_warning": 0}):
        PLOTS[name](draws)
    mpl.pyplot.close("all")


def test_every_variable_says_its_unit_and_every_run_its_name(draws):
    for group in ("posterior", "closest_law"):
        for name, values in draws[group].dataset.data_vars.items():
            assert "units" in values.attrs, name
    for group in ("observed_data", "posterior_predictive", "prior_predictive", "log_likelihood"):
        assert draws[group]["log_loss"].dims[-1] == "run"
    assert draws["posterior"]["slope_N"].attrs["long_name"].startswith("how steeply log loss falls")


def test_what_made_the_draws_is_said_as_pymc_says_it(draws):
    for group in draws.children:
        attrs = draws[group].attrs
        assert attrs["creation_library"] == "bayesscale", group
        assert attrs["inference_library"] == "nutpie"
        assert attrs["tuning_steps"] in (500, 1000)  # twice as many where chains had to run again


def short(runs, **options):
    """Fit few draws of a law that is assumed exact."""
    options = {"law": "chinchilla", "discrepancy": None, "draws": 100, "tune": 100} | options
    return Setup.of(runs, random_seed=1, **options).sample()


def test_pymc_predicts_runs_by_their_names():
    runs = simulate_runs()
    fit, model = short(runs), bs.build_model(runs, law="chinchilla", discrepancy=None)
    with model:
        predicted = pm.sample_posterior_predictive(fit.draws, random_seed=1, progressbar=False)
    losses = predicted["posterior_predictive"]["log_loss"]
    assert losses.dims == ("chain", "draw", "run")
    own = fit.draws["posterior_predictive"]["log_loss"]
    np.testing.assert_array_equal(losses["run"], own["run"])
    np.testing.assert_allclose(
        losses.mean(("chain", "draw")), own.mean(("chain", "draw")), atol=0.01
    )


@pytest.mark.filterwarnings("ignore:Numba will use object mode")
def test_pymc_predicts_rows_of_clusters():
    frame = simulate_runs().frame.assign(run_of=np.repeat(np.arange(24), 2).astype(str))
    runs = bs.Runs.from_frame(frame, cluster="run_of")
    fit, model = short(runs), bs.build_model(runs, law="chinchilla", discrepancy=None)
    with model:
        predicted = pm.sample_posterior_predictive(fit.draws, random_seed=1, progressbar=False)
    assert predicted["posterior_predictive"]["log_loss"].dims == ("chain", "draw", "run")


def test_draws_that_xarray_wrote_are_a_fit(tmp_path):
    fit, path = short(simulate_runs()), tmp_path / "draws.nc"
    fit.draws.to_netcdf(path, engine="h5netcdf")
    loaded = bs.load_fit(path)
    assert (loaded.sampling, loaded.runs) == (fit.sampling, fit.runs)
    xr.testing.assert_equal(loaded.coordinates, fit.coordinates)
    loaded.draws.to_netcdf(path, engine="h5netcdf")  # and so is what was loaded
    assert bs.load_fit(fit.save(tmp_path / "fit.nc")).runs == bs.load_fit(path).runs
    whole = (tmp_path / "fit.nc").read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[:-10])  # a saved fit that lacks its seal
    with pytest.raises(FileError, match="truncated"):
        bs.load_fit(tmp_path / "cut.nc")
    fit.draws["posterior"].to_netcdf(path, engine="h5netcdf")
    with pytest.raises(FileError, match=r"Fit\.save"):
        bs.load_fit(path)


def test_ranks_of_a_calibration_go_into_arviz():
    rng = np.random.default_rng(1)
    ranks = pd.DataFrame({"k": rng.integers(0, 100, 50), "E": rng.integers(0, 100, 50)})
    calibration = Calibration(ranks, pd.DataFrame(), "a law", 0.05, 1, ranked_among=99)
    shares = calibration.draws["prior_sbc"]
    assert shares["k"].dims == ("chain", "draw")
    assert 0 < float(shares["k"].min()) < float(shares["k"].max()) < 1
    azp.plot_ecdf_pit(calibration.draws, var_names=["k"])
    mpl.pyplot.close("all")
