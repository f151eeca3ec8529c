"""Fits of simulated runs: recovery, reproducibility, checks, files, and what stops them."""

import copy
import pickle
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

import bayesscale as bs
from bayesscale.errors import (
    ConvergenceWarning,
    DomainError,
    FileError,
    LackOfFitWarning,
    PriorError,
    RunsError,
    SamplerError,
    UnknownNameError,
)
from bayesscale.inference import nutpie_chains, result, sampler
from tests.comparison.conftest import ONE_SCALE, Line
from tests.simulate import TRUTH, design, fit_at, on_slopes, simulate_runs

QUIET = {"progress": False, "random_seed": 1, "discrepancy": None}


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


@pytest.fixture(scope="module")
def fit(runs):
    return bs.fit(runs, law="chinchilla", **QUIET)


def test_parameters_come_back(fit, runs):
    assert fit.severity in ("ok", "note")
    table = fit.summary(coordinates=True)
    for name in table.index.drop("nu"):
        row = table.loc[name]
        mcse = row["sd"] / np.sqrt(row["ess_bulk"])
        truth = TRUTH[name]
        if name == "level":  # relative to the mean loss of the runs, not of the design
            truth *= 2.7 / fit.spec.reference["loss"]
        assert abs(row["mean"] - truth) < 4 * mcse + 3 * row["sd"], name


def test_the_same_seed_gives_the_same_draws(fit, runs):
    again = bs.fit(runs, law="chinchilla", **QUIET)
    assert again.draws["posterior"].dataset.equals(fit.draws["posterior"].dataset)
    other = bs.fit(runs, law="chinchilla", progress=False, random_seed=2, discrepancy=None)
    assert not other.draws["posterior"].dataset.equals(fit.draws["posterior"].dataset)


def test_draws_follow_arviz_schema(fit, runs):
    groups = {"posterior", "sample_stats", "log_prior", "log_likelihood", "posterior_predictive",
              "prior", "prior_predictive", "observed_data", "constant_data", "runs"}  # fmt: skip
    assert set(fit.draws.children) == groups
    posterior = fit.draws["posterior"].dataset
    assert {"E", "A", "B", "alpha_N", "alpha_D", "level", "sigma"} <= set(posterior)
    assert posterior.sizes["chain"] == 4
    assert 500 <= posterior.sizes["draw"] <= 1000
    assert fit.draws["log_likelihood"]["log_loss"].dims == ("chain", "draw", "run")
    from arviz_stats import loo

    assert np.isfinite(loo(fit.draws).elpd)  # pyright: ignore[reportPrivateImportUsage]


def test_posterior_is_what_was_sampled_also_for_pymc(runs):
    """PyMC's own predictive draws from the tree and the model are those of this package."""
    import pymc as pm

    drifted = bs.fit(runs, law="chinchilla", random_seed=1, progress=False)
    names = [k.name for k in drifted.spec.coordinates]
    assert set(names) <= set(drifted.draws["posterior"].dataset)
    assert "E" not in drifted.draws["posterior"].dataset  # a projection, not a transform
    assert {"E", "A", "B", "alpha_N", "alpha_D", "misfit"} <= set(drifted.draws["closest_law"])
    with bs.build_model(runs, law="chinchilla"):
        theirs = pm.sample_posterior_predictive(drifted.draws, random_seed=1, progressbar=False)
    theirs = theirs["posterior_predictive"]["log_loss"].to_numpy().reshape(-1, len(runs))
    ours = drifted.draws["posterior_predictive"]["log_loss"].to_numpy().reshape(-1, len(runs))
    sd, effective = ours.std(axis=0), len(theirs) / 2
    assert (np.abs(theirs.mean(axis=0) - ours.mean(axis=0)) < 5 * sd / np.sqrt(effective)).all()
    spread = [np.subtract(*np.quantile(d, [0.84, 0.16], axis=0)) for d in (theirs, ours)]
    np.testing.assert_allclose(spread[0], spread[1], rtol=0.25)  # quantiles: tails are heavy


def test_summary_speaks_of_published_parameters(fit):
    assert "alpha_N" in fit._repr_html_()
    table = fit.summary(ci_prob=0.8)
    assert list(table.index[:7]) == [
        "E", "A", "B", "alpha_N", "alpha_D", "params_exponent", "tokens_exponent",
    ]  # fmt: skip
    assert (table["lower"] < table["median"]).all()
    wide = fit.summary(ci_prob=0.95)
    assert (wide["lower"] < table["lower"]).all()
    assert table.loc["E", "unit"] == "nats/token"


def test_a_saved_fit_is_the_same_fit(fit, tmp_path):
    path = fit.save(tmp_path / "fit.nc")
    loaded = bs.load_fit(path)
    assert loaded.spec.as_dict() == fit.spec.as_dict()
    assert loaded.sampling == fit.sampling
    assert loaded.runs.fingerprint == fit.runs.fingerprint
    for group in fit.draws.children:
        xr.testing.assert_equal(loaded.draws[group].dataset, fit.draws[group].dataset)
    question = {"params": [1e10], "tokens": [2e11]}
    before, after = (bs.extrapolate(f, **question).summary for f in (fit, loaded))
    assert before.equals(after)


def test_a_failed_save_leaves_the_old_file(fit, tmp_path, monkeypatch):
    path = fit.save(tmp_path / "fit.nc")
    old = path.read_bytes()
    monkeypatch.setattr(
        xr.DataTree, "to_netcdf", lambda *a, **k: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(Exception, match="full"):
        fit.save(path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["fit.nc"]


def test_a_newer_layout_is_refused(fit, tmp_path, monkeypatch):
    monkeypatch.setattr("bayesscale.inference.tree_file.SCHEMA", 99)
    path = fit.save(tmp_path / "fit.nc")
    monkeypatch.undo()
    with pytest.raises(FileError, match="layout 99"):
        bs.load_fit(path)
    with pytest.raises(FileError):
        fit.save(tmp_path / "absent" / "fit.nc")


def test_exact_posterior_of_a_law_of_ones_own():
    """With known normal noise, log level and slope are jointly normal: compare with the answer."""
    rng = np.random.default_rng(3)
    tokens, sigma = np.geomspace(1e9, 1e12, 12), 0.05
    loss = np.exp(1 - 0.1 * np.log(tokens / 3e10) + rng.normal(0, sigma, 12))
    runs = bs.Runs.from_frame({"params": np.full(12, 1e8), "tokens": tokens, "loss": loss})
    known = {"sigma": bs.Prior("LogNormal", mu=np.log(sigma), sigma=1e-4)} | ONE_SCALE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LackOfFitWarning)  # of twelve runs two may lie far out
        fit = bs.fit(runs, law=Line(), noise="normal", priors=known, draws=2000, **QUIET)
    y = np.log(loss / fit.spec.reference["loss"])
    design_matrix = np.c_[np.ones(12), np.log(tokens / fit.spec.reference["tokens"])]
    prior_precision = np.diag([1 / 0.3**2, 1 / 0.2**2])
    covariance = np.linalg.inv(design_matrix.T @ design_matrix / sigma**2 + prior_precision)
    mean = covariance @ (design_matrix.T @ y / sigma**2 + prior_precision @ [0.0, -0.1])
    posterior = fit.draws["posterior"].dataset
    ess = fit.summary()["ess_bulk"]
    for i, (name, draws) in enumerate(
        (("level", np.log(posterior["level"])), ("slope", posterior["slope"]))
    ):
        sd = np.sqrt(covariance[i, i])
        assert abs(float(draws.mean()) - mean[i]) < 4 * sd / np.sqrt(ess[name])
        assert abs(float(draws.std()) / sd - 1) < 4 / np.sqrt(2 * ess[name])


def test_a_law_of_ones_own_is_needed_to_load_it(tmp_path):
    runs = simulate_runs("kaplan_data")
    fit = fit_at(runs, Line(), truth=TRUTH | {"slope": -0.2})
    path = fit.save(tmp_path / "own.nc")
    with pytest.raises(UnknownNameError, match="Law subclass"):
        bs.load_fit(path)
    assert bs.load_fit(path, law=Line()).law.name == "line"


def found(fit, name):
    return next(check for check in fit.checks if check.name == name)


def test_on_frontier_runs_the_prior_decides_the_split_and_not_the_loss():
    flops = np.geomspace(1e18, 1e22, 30)
    params = np.sqrt(flops / 6 / 20)
    truth = TRUTH | on_slopes(0.5, 0.35, 0.35, 0.6)
    runs = simulate_runs(sizes=(params, 20 * params), truth=truth)
    with warnings.catch_warnings():  # a flat ridge may not converge either
        warnings.simplefilter("ignore")
        fit = bs.fit(runs, law="chinchilla", **QUIET)
        split = bs.allocate(fit, flops=1e23).sensitivity
        loss = bs.extrapolate(fit, params=1e10, tokens=2e11).sensitivity
    for check in (found(fit, "prior sensitivity"), split):
        assert check.severity == "caution"
        assert "one line" in check.text
    assert split.table.loc["N* at 1.0e23 FLOP", "decided"]
    assert not split.table.loc["the loss at 1.0e23 FLOP", "decided"]
    assert loss.severity == "ok"
    assert found(fit, "weakly known").severity == "note"
    assert "exponent_ratio" in found(fit, "weakly known").text


@pytest.mark.parametrize("held", ["params", "tokens"])
def test_a_single_size_decides_no_split(held):
    params, tokens = design()
    sizes = (np.full(48, 1e9), tokens) if held == "params" else (params, np.full(48, 2e10))
    runs = simulate_runs(sizes=sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = bs.fit(runs, law="chinchilla", **QUIET)
    check = found(fit, "prior sensitivity")
    assert check.severity == "caution"
    assert f"number of {'parameters' if held == 'params' else held}" in check.text


def test_too_few_draws_are_said_not_to_converge(runs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = bs.fit(runs, law="chinchilla", draws=100, tune=100, **QUIET)
    (heard,) = [w for w in caught if issubclass(w.category, bs.BayesScaleWarning)]
    assert heard.category is ConvergenceWarning
    assert fit.verdict.marked in str(heard.message)
    assert (fit.passed, fit.verdict.severity) == (False, "stop")
    assert repr(fit).count("Not converged") == 1


def on_slope_N(family, **parameters):
    return {"priors": {"slope_N": bs.Prior(family, **parameters)}}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"law": "chinchila"}, UnknownNameError, "Did you mean 'chinchilla'"),
        ({"noise": "student"}, UnknownNameError, "Did you mean 'student_t'"),
        ({"noise": 3}, DomainError, "noise must be a name"),
        ({"priors": {"slope_M": bs.Prior.between(0.1, 0.2)}}, UnknownNameError, "slope_N"),
        ({"priors": {"E": bs.Prior.between(1, 2)}}, UnknownNameError, "follow from them"),
        ({"priors": {"slope_N": (0.1, 0.2)}}, PriorError, "Prior.between"),
        ({"priors": {"irreducible_share": bs.Prior.between(0.5, 1.5)}}, PriorError, "0 and 1"),
        ({"priors": {"level": bs.Prior.between(5, 6)}}, PriorError, "exclude the data"),
        ({"draws": 10}, DomainError, "at least 100"),
        ({"chains": 1}, DomainError, "at least 2"),
        ({"target_accept": 1.5}, DomainError, "target_accept"),
        ({"random_seed": -1}, DomainError, "random_seed"),
        ({"progress": "loud"}, DomainError, "progress"),
        ({"density": "fuse"}, UnknownNameError, "'fused'"),
        ({"runs": {"params": [1]}}, UnknownNameError, "Looked for loss"),
        ({"runs": simulate_runs().select(np.arange(48) < 4)}, RunsError, "5 parameters"),
        (on_slope_N("Normal", mu=0.1, sigma=0.3), PriorError, "domain"),
        (on_slope_N("Beta", alpha=-3, beta=2), PriorError, "parameters"),
        ({"priors": {"irreducible_share": bs.Prior("Normal", mu=0.5, sigma=1)}}, PriorError,
         "domain"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("no_sampling")
def test_bad_options_are_refused_before_anything_is_compiled(runs, options, error, message):
    with pytest.raises(error, match=message):
        bs.fit(**({"runs": runs, "law": "chinchilla", **QUIET} | options))


def test_an_interval_the_wrong_way_round():
    with pytest.raises(PriorError, match="lower < upper"):
        bs.Prior.between(0.5, 0.2)
    with pytest.raises(PriorError, match="mass"):
        bs.Prior.between(0.2, 0.5, mass=90)


def test_a_panic_names_the_settings(runs, monkeypatch):
    own = {"__name__": "nutpie"}
    exec("class Panic(BaseException): pass\ndef panic(*_, **__): raise Panic('unwrap()')", own)
    monkeypatch.setattr(nutpie_chains, "Chains", own["panic"])
    with pytest.raises(SamplerError, match="'seed': 1") as caught:
        bs.fit(runs, law="chinchilla", **QUIET)
    assert "chinchilla" in str(caught.value)


def test_ctrl_c_stops_the_sampler_and_breaks_nothing(fit, runs):
    import _thread  # after the fixture: what is interrupted shall be sampling, not compilation

    threading.Timer(1.0, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        bs.fit(runs, law="chinchilla", draws=50_000, **QUIET)
    assert bs.fit(runs, law="chinchilla", **QUIET).severity in ("ok", "note")


def test_a_prior_moves_the_posterior_without_compiling(fit, runs, monkeypatch):
    monkeypatch.setattr(
        "bayesscale.inference.compiled._compile", lambda *a: pytest.fail("compiled again")
    )
    priors = {"irreducible_share": bs.Prior.between(0.549, 0.551)}
    pinned = bs.fit(runs, law="chinchilla", priors=priors, **QUIET)
    floor = pinned.coordinates["irreducible_share"]
    assert float(floor.median()) == pytest.approx(0.55, abs=0.002)
    assert abs(float(fit.coordinates["irreducible_share"].median()) - 0.6) < 0.03
    assert pinned.severity in ("ok", "note")


def test_progress_is_told_and_silence_is_kept(runs, capsys):
    bs.fit(runs, law="chinchilla", random_seed=1, discrepancy=None, progress="auto")
    assert "Sampling 4 chains" in capsys.readouterr().err
    bs.fit(runs, law="chinchilla", **QUIET)
    told = capsys.readouterr()
    assert told.out == told.err == ""


def test_large_tables_leave_out_the_pointwise_likelihood(fit, runs, monkeypatch):
    monkeypatch.setattr("bayesscale.inference.draws.LOG_LIKELIHOOD_MAX_BYTES", 1000)
    small = bs.fit(runs, law="chinchilla", **QUIET)
    assert "log_likelihood" not in small.draws.children
    assert "left out" in small.draws.attrs["note"]


def test_a_prior_that_the_data_contradict_is_said_so(runs):
    exact = {"sigma": bs.Prior.between(1e-7, 1e-6)}
    with pytest.warns(bs.BayesScaleWarning, match="prior conflict|convergence"):
        fit = bs.fit(runs, law="chinchilla", priors=exact, **QUIET)
    assert found(fit, "prior conflict").severity == "caution"
    assert "sigma" in found(fit, "prior conflict").text
    assert fit.severity in ("caution", "stop")


def test_fits_can_be_pickled_and_copied(fit):
    again = pickle.loads(pickle.dumps(fit))
    assert again.summary().equals(fit.summary())
    assert copy.deepcopy(fit.spec).as_dict() == fit.spec.as_dict()
    assert len({fit}) == 1
    with pytest.raises(AttributeError):
        fit.runs = None


def test_another_law_cannot_read_a_fit(fit, tmp_path):
    path = fit.save(tmp_path / "fit.nc")
    for law in ("kaplan", bs.LAWS["unified"]):
        with pytest.raises(DomainError, match="law that was fitted"):
            bs.load_fit(path, law=law)
    assert bs.load_fit(path, law="chinchilla").law.name == "chinchilla"


UNFIT = """
import numpy as np
import bayesscale as bs
from bayesscale.laws import LEVEL
from tests.simulate import simulate_runs

class Unfit(bs.Law):
    name, inputs, coordinates = "unfit", ("params",), (LEVEL,)
    def log_loss(self, c, x, xp):
        return xp.log(c["level"]) + (0.0 if xp is np else np.nan) * x["params"]

try:
    bs.fit(simulate_runs(), law=Unfit(), discrepancy=None, random_seed=1, progress=False)
except bs.errors.SamplerError as error:
    print("SAID", error)
"""


def test_a_density_that_is_never_finite_ends_in_an_error_not_a_crash():
    done = subprocess.run(
        [sys.executable, "-c", UNFIT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "SAID" in done.stdout
    assert "'unfit' is not finite" in done.stdout


SHORT = {"law": "kaplan_params", "discrepancy": None, "tune": 500, "chains": 4, "random_seed": 1,
         "progress": False}  # fmt: skip


def test_chains_that_are_short_of_draws_go_on(monkeypatch):
    monkeypatch.setattr(sampler, "chains_state", lambda *_, **__: "short")
    runs = simulate_runs("kaplan_params")
    fit = bs.fit(runs, draws=250, **SHORT)
    known = fit.draws["sample_stats"].attrs
    assert (known["steps_per_draw"], known["tuning_steps"]) == (4, 500)
    assert 0.3 < known["bfmi"] < 2
    assert known["divergences"] >= int(fit.draws["sample_stats"]["diverging"].sum())
    assert fit.coordinates.sizes["draw"] == 250
    monkeypatch.undo()
    once = bs.fit(runs, draws=250, **SHORT)  # they were enough, and are the first of the same
    kept = fit.coordinates.isel(draw=slice(None, 250 // 4 + 1))
    for name, values in kept.items():
        assert np.array_equal(values, once.coordinates[name][:, ::4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayesScaleWarning)
        few = bs.fit(runs, draws=200, **SHORT)  # with so few draws, an answer soon
    assert few.draws["sample_stats"].attrs["steps_per_draw"] == 1


def test_chains_that_do_not_mix_start_anew_in_smaller_steps(monkeypatch):
    sample, check, asked = sampler.sample_nuts, result.checks.check_convergence, []

    def sampled(*args, target_accept, tune, **options):
        asked.append((target_accept, tune))
        return sample(*args, target_accept=target_accept, tune=tune, **options)

    def never(*args):
        return replace(check(*args), severity="stop", text="Not converged")

    monkeypatch.setattr(sampler, "sample_nuts", sampled)
    monkeypatch.setattr(result.checks, "check_convergence", never)
    with pytest.warns(bs.BayesScaleWarning):
        bs.fit(simulate_runs("kaplan_params"), draws=250, **SHORT)
    assert asked == [(0.9, 500), (0.98, 1000)]


def test_as_many_draws_as_converge_are_kept():
    fit = bs.fit(simulate_runs("kaplan_params"), **SHORT)
    assert fit.coordinates.sizes["draw"] == 500
    assert fit.convergence.passed
    assert fit.sampling.draws is None


@pytest.mark.parametrize(("misfit", "told"), [(0.004, False), (0.006, True)])
def test_letters_of_a_law_that_misses_the_surface_are_said_to(fit, misfit, told):
    letters = fit.draws["posterior"].dataset[["E", "A"]]
    noise = float(fit.posterior.c["sigma"].mean())
    closest = letters.assign(misfit=0 * letters["E"] + misfit / 0.005 * noise)
    closest.attrs["unconverged"] = 0
    shown = SimpleNamespace(published=closest, posterior=fit.posterior)
    assert ("nor E as the irreducible loss" in result._closest_law(shown)) == told  # pyright: ignore[reportArgumentType]
