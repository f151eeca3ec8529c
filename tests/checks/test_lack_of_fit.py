"""What the check of lack of fit must catch, what it must let pass, and how often it may err."""

import time
import warnings

import numpy as np
import pytest
from scipy import stats

import bayesscale as bs
from bayesscale.checks import (
    CheckResult,
    Scores,
    Sizes,
    check_lack_of_fit,
    common_share,
    narrowed,
    neighbour_graph,
    shared_by_replicates,
    standardised,
)
from bayesscale.laws import LAWS
from bayesscale.model import Posterior, specify
from tests.simulate import TRUTH, design, fit_at, near_mode, simulate_runs

SIZES = design(12, 7)


def chinchilla(params, tokens):
    return np.log(1.8 + 480 * params**-0.35 + 2000 * tokens**-0.366)


def second_descent(params, tokens):
    return chinchilla(params, tokens) + 0.03 * np.exp(-2 * np.log(params / 5e8) ** 2)


def kink(params, tokens):
    """The exponent of N is a third above the median size."""
    middle = np.median(params)
    exponent = np.where(params < middle, 0.35, 0.35 / 3)
    term = 480 * middle**-0.35 * (params / middle) ** -exponent
    return np.log(1.8 + term + 2000 * tokens**-0.366)


def rising(params, tokens):
    return np.log(1.8 + 0.03 * np.log(params / params.min()) + 2000 * tokens**-0.366)


def kaplan(params, tokens):
    return 0.095 * np.log((8.8e13 / params) ** (0.076 / 0.095) + 5.4e13 / tokens)


def diverged(params, tokens):
    """Every tenth run ended far above."""
    return chinchilla(params, tokens) + 0.3 * (np.arange(len(params)) % 10 == 3)


def runs_of(log_loss, sizes=SIZES, *, seed=0):
    """Simulate runs whose log loss is that of a function of their sizes, plus noise."""
    params, tokens = sizes
    noise = 0.004 * np.random.default_rng(seed).standard_t(6, len(params))
    loss = np.exp(log_loss(params, tokens) + noise)
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": loss})


def checked(runs, **model) -> CheckResult:
    """Check the posterior of a law, near its mode."""
    return check_lack_of_fit(
        near_mode(runs, **{"law": "chinchilla", "discrepancy": None} | model), runs
    )


def p_of(result, test):
    return float(result.table["p"][test])


@pytest.mark.parametrize("noise", ["student_t", "normal"])
def test_runs_of_the_law_pass(noise):
    result = checked(runs_of(chinchilla), noise=noise)
    assert (result.severity, result.name) == ("ok", "lack of fit")
    for part in ("84 runs", "probability of 80 %", "bs.backtest"):  # what would have been seen
        assert part in result.text
    assert (result.table["detectable"][["bends", "far_off"]] > 0).all()
    assert (result.table["p"].dropna() > 0.01).all()
    assert np.isnan([p_of(result, "replicates"), p_of(result, "discrepancy")]).all()


@pytest.mark.parametrize("log_loss", [second_descent, kink, rising, kaplan])
def test_a_wrong_law_is_caught_by_neighbours(log_loss):
    result = checked(runs_of(log_loss))
    assert result.severity == "caution"
    assert 'discrepancy="drift"' in result.text
    assert p_of(result, "neighbours") < 1e-4


def test_the_place_where_a_law_fails_is_named():
    text = checked(runs_of(second_descent)).text
    place = text.split(" near ")[1].split(" parameters")[0]
    assert place.endswith("M")
    assert 300 < float(place[:-1]) < 900  # the bump is at 500M


def test_diverged_runs_are_named():
    result = checked(runs_of(diverged))
    assert result.severity == "caution"
    assert result.table["figure"]["far_off"] == 9
    assert "run 73 (+37" in result.text


def test_a_few_outliers_are_forgiven_and_named():
    def one(params, tokens):
        return chinchilla(params, tokens) + 0.2 * (np.arange(len(params)) == 17)

    result = checked(runs_of(one))
    assert result.severity == "ok"
    assert "run 17 (+2" in result.text


def test_a_prior_held_at_a_wrong_value_is_caught_named_and_warned_of_once():
    held = {"slope_N": bs.Prior.between(0.01, 0.011)}
    model = {"law": "chinchilla", "discrepancy": None, "priors": held}
    quick = {"draws": 300, "tune": 600, "random_seed": 1, "progress": False}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = bs.fit(runs_of(chinchilla), **model, **quick)
    (result,) = (check for check in fit.checks if check.name == "lack of fit")
    assert result.severity == "caution"
    assert "prior of slope_N" in result.text
    assert len([w for w in caught if issubclass(w.category, bs.BayesScaleWarning)]) == 1


@pytest.mark.parametrize(("effect", "severity"), [(0.0, "ok"), (0.015, "caution")])
def test_replicates_tell_seed_noise_from_lack_of_fit(effect, severity):
    """What a size misses by is its own, so that neighbours say nothing."""
    params, tokens = (np.repeat(a, 3) for a in design(4, 4))
    own = np.repeat(effect * np.random.default_rng(2).standard_normal(16), 3)
    result = checked(runs_of(lambda n, d: chinchilla(n, d) + own, (params, tokens)))
    assert result.severity == severity
    assert (p_of(result, "replicates") < 1e-3) == (severity == "caution")


def test_what_few_replicates_have_in_common_is_noted_and_passes():
    each = np.r_[0:36, 0:36:6, 0:36:6]  # a sixth of the sizes has three runs
    params, tokens = (a[each] for a in design(6, 6))
    own = 0.015 * np.random.default_rng(2).standard_normal(36)[each]
    result = checked(runs_of(lambda n, d: chinchilla(n, d) + own, (params, tokens)))
    assert p_of(result, "replicates") < 1e-3
    assert result.severity == "note"
    assert "by a factor of 1." in result.text


def test_what_is_learned_from_replicates_that_are_all_alike():
    count = np.array([1, 1, 3])
    assert narrowed(0.0, count) == 1
    assert narrowed(1.0, count) == pytest.approx(np.sqrt(5 / 3))  # three sizes, not five runs


def test_the_drift_describes_what_bends_slowly_and_not_a_second_descent():
    assert not checked(runs_of(kaplan), discrepancy="drift").warns
    assert checked(runs_of(second_descent), discrepancy="drift").warns


@pytest.mark.slow
@pytest.mark.parametrize("law", ["chinchilla", "unified", "kaplan", "kaplan_data"])
def test_runs_of_the_model_are_hardly_ever_called_bad(law):
    """At an error rate of 1 %, three alarms in 40 have a chance of less than 1 in 100."""
    alarms = 0
    for seed in range(40):
        runs = simulate_runs(law, seed=seed, sizes=design(*((5, 6), (8, 6), (20, 10))[seed % 3]))
        noise = "normal" if seed % 2 else "student_t"
        quick = {"draws": 300, "tune": 600, "random_seed": 1, "progress": False}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.BayesScaleWarning)
            checks = bs.fit(runs, law=law, noise=noise, discrepancy=None, **quick).checks
        alarms += any(check.warns for check in checks if check.name == "lack of fit")
    assert alarms < 3


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("with_se", [False, True])
@pytest.mark.parametrize("noise", ["student_t", "normal", "one_sided"])
def test_noise_of_the_model_turns_into_standard_normals(noise, with_se, clustered):
    rng, n, draws = np.random.default_rng(7), 24, 4000
    frame = {
        "params": np.geomspace(1e7, 1e9, n), "tokens": np.geomspace(1e9, 1e11, n)[::-1],
        "loss": np.linspace(4.0, 3.0, n), "loss_se": np.linspace(0.003, 0.09, n),
        "curve": np.repeat(np.arange(n // 4), 4),
    }  # fmt: skip
    if not with_se:
        del frame["loss_se"]
    runs = bs.Runs.from_frame(frame, cluster="curve" if clustered else None)
    spec = specify(runs, law="chinchilla", noise=noise)
    c = {"sigma": 0.01, "nu_minus_one": 1.5, "mean_excess": 0.02, "undertuned_share": 0.3}
    c = {name: np.full((draws, 1), v) for name, v in c.items()}
    c["cluster_share"] = np.full((draws, 1), 0.6 * clustered)
    c |= {"sigma_slope_C": np.full((draws, 1), -0.2), "sigma_slope_ratio": np.full((draws, 1), 0.1)}
    rows = spec.rows(runs)
    residual = spec.noise.draw_rows(rng, rows, (draws, n), Posterior(spec, c).noise_at(runs))
    y, _ = standardised(residual, runs, rows, Posterior(spec, c))
    z = spec.noise.scores(y, rows, c)
    assert stats.kstest(z[::3].ravel(), "norm").pvalue > 1e-3
    for values in (z, z**2):  # independent, and not only uncorrelated
        off = np.corrcoef(values.T) - np.eye(n)
        assert np.abs(off).max() < 5 / np.sqrt(draws)


def test_p_values_are_uniform_under_noise():
    rng = np.random.default_rng(3)
    graph = neighbour_graph(np.log(np.stack(design(5, 6))).T)
    assert graph is not None
    p = [
        common_share(Scores(rng.standard_normal(30), np.zeros((1, 30))), graph)[1]
        for _ in range(4000)
    ]
    for level in (0.0025, 0.01, 0.1):
        assert stats.binom.sf(np.sum(np.array(p) < level) - 1, len(p), level) > 1e-3, level
    params, tokens = (np.repeat(a, 3) for a in design(4, 4))
    thrice = {"params": params, "tokens": tokens, "loss": np.full(48, 3.0), "seed": np.arange(48)}
    sizes = Sizes.of(bs.Runs.from_frame(thrice), LAWS["chinchilla"])
    p = [shared_by_replicates(rng.standard_normal((1, 48)), sizes)[1] for _ in range(1000)]
    assert stats.kstest(p, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("law", ["chinchilla", "kaplan_compute", "unified"])
@pytest.mark.parametrize("discrepancy", [None, "drift"])
@pytest.mark.parametrize("n", [8, 240])
def test_every_model_can_be_checked_quickly(law, discrepancy, n):
    runs = simulate_runs(law, sizes=design(n // 8, 8))
    posterior = fit_at(runs, law, discrepancy=discrepancy, spread=0.01, draws=1000).posterior
    start = time.perf_counter()
    result = check_lack_of_fit(posterior, runs)
    assert time.perf_counter() - start < 5.0  # .1 s on a core of its own
    assert np.isfinite([p_of(result, "neighbours"), p_of(result, "far_off")]).all()
    assert np.isfinite(p_of(result, "discrepancy")) == (discrepancy is not None)


@pytest.mark.slow
def test_a_hundred_thousand_runs_can_be_checked():
    rng = np.random.default_rng(0)
    params, tokens = np.exp(rng.uniform(np.log([1e7, 1e9]), np.log([1e10, 1e12]), (100_000, 2))).T
    runs = runs_of(chinchilla, (params, tokens))
    spec = specify(runs, law="chinchilla", discrepancy=None)
    c = {k.name: np.full((4, 100), TRUTH[k.name]) for k in spec.coordinates}
    result = check_lack_of_fit(Posterior.of(spec, c), runs)
    assert result.severity == "caution"
    assert len(result.text) < 1500


def test_too_few_sizes_have_no_neighbours():
    runs = simulate_runs(sizes=design(1, 7))
    assert np.isnan(p_of(check_lack_of_fit(fit_at(runs).posterior, runs), "neighbours"))


@pytest.mark.parametrize(("row", "factor", "said"), [
    (lambda runs: int(np.argmax(runs.flops)), 1.2, "the run with the largest compute"),
    (lambda runs: 7, 2.5, "more than a factor of 2 off"),
    (lambda runs: 7, 1.2, ""),
])  # fmt: skip
def test_a_grave_outlier_is_a_caution(row, factor, said):
    runs = simulate_runs()
    loss = runs.loss.copy()
    loss[row(runs)] *= factor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.RunsWarning)
        changed = bs.Runs.from_frame(runs.frame.assign(loss=loss))
    fit = fit_at(changed, spec=specify(runs, law="chinchilla", discrepancy=None), spread=0.002)
    found = check_lack_of_fit(fit.posterior, changed)
    if said:
        assert found.severity == "caution"
        assert said in found.text or "Lack of fit:" in found.text
    else:
        assert "check that row for an error" not in found.text
