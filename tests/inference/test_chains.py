"""Chains on nutpie's own bindings: on any number of cores, and with or without the interpreter."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.inference import Chains, compile_model, nutpie_chains, sample_nuts, sampler
from bayesscale.model import model_data, specify
from tests.simulate import simulate_runs

ROOT = Path(bs.__file__).parent


def test_one_file_knows_the_bindings():
    knowing = [
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if any(f"{word} nutpie" in path.read_text() for word in ("import", "from"))
        or "nutpie._lib" in path.read_text()
    ]
    assert knowing == ["inference/nutpie_chains.py"]


def draw(*, cores, **options):
    runs = simulate_runs()
    spec = specify(runs, law="chinchilla", **options)
    data = model_data(spec, runs)
    density = compile_model(spec, runs).bind(data)
    chains = Chains(
        density,
        initial_point=lambda seed: sampler.initial_point(density, spec, data, seed),
        seed=7,
        cores=cores,
        settings={"num_draws": 150, "num_tune": 200, "num_chains": 3},
    )
    while not chains.wait(0.1):
        pass
    return chains.results(["diverging", "n_steps", "energy"])


def test_draws_do_not_depend_on_cores():
    u, stats, tuning = draw(cores=1)
    assert u.shape == (3, 350, 19)
    assert stats["diverging"].dtype == bool
    np.testing.assert_array_equal(tuning.sum(axis=1), [200] * 3)
    for other in (draw(cores=3), draw(cores=2)):
        np.testing.assert_array_equal(other[0], u)
        np.testing.assert_array_equal(other[1]["n_steps"], stats["n_steps"])


def test_chains_in_machine_code_run_side_by_side(monkeypatch):
    runs = simulate_runs()
    spec = specify(runs, law="chinchilla", discrepancy=None)
    compiled, data = compile_model(spec, runs), model_data(spec, runs)
    seen = []

    class Result(Chains):
        def __init__(self, *args, cores, **options):
            seen.append(cores)
            super().__init__(*args, cores=cores, **options)

    monkeypatch.setattr(nutpie_chains, "Chains", Result)
    how = {"draws": 100, "tune": 100, "target_accept": 0.9, "random_seed": 1}
    for chains in (4, 2):
        sample_nuts(compiled, spec, data, report=lambda *_: None, chains=chains, **how)
    assert seen == [4, 2]  # all can be judged while they run


THREADS = """
import threading
import warnings
import bayesscale as bs
from tests.simulate import simulate_runs
warnings.simplefilter("ignore")
runs, fits = simulate_runs(), []
how = {"law": "chinchilla", "discrepancy": None, "draws": 100, "tune": 100, "random_seed": 1}
go = lambda: fits.append(bs.fit(runs, progress=False, **how).summary())
threads = [threading.Thread(target=go) for _ in range(3)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(fits), all(fits[0].equals(fit) for fit in fits))
"""


def test_the_first_fits_of_a_process_may_be_in_several_threads():
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "3 True\n", (done.returncode, done.stderr)


LIGHT = """
import sys
import bayesscale as bs
from tests.simulate import simulate_runs
import warnings; warnings.simplefilter("ignore")
fit = bs.fit(simulate_runs(), law="chinchilla", draws=100, tune=200, chains=2, random_seed=1,
             progress=False)
assert fit.draws["sample_stats"].attrs["density"] == "fused"
fit.summary()
print("LOADED", *sorted({"pymc", "pytensor", "numba", "nutpie", "arviz", "arviz_plots",
                         "matplotlib"} & set(sys.modules)))
import nutpie  # and the package may still come later
assert nutpie.ChainProgress and nutpie._lib
"""


def test_a_traced_fit_imports_neither_pymc_nor_nutpies_package():
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("LOADED")


def test_pytensors_density_gives_the_same_posterior():
    runs = simulate_runs()
    how = {"law": "chinchilla", "discrepancy": None, "progress": False}
    fused = bs.fit(runs, random_seed=1, **how)
    asked = bs.fit(runs, random_seed=1, density="pytensor", **how)
    assert asked.draws["sample_stats"].attrs["density"] == "pytensor"
    for name in ("E", "alpha_N", "sigma"):
        a, b = (fit.summary().loc[name] for fit in (fused, asked))
        assert abs(a["mean"] - b["mean"]) < 0.2 * a["sd"]
        assert a["sd"] == pytest.approx(b["sd"], rel=0.1)


def test_what_falls_back_is_said(capsys):
    beta = {"slope_N": bs.Prior("Beta", alpha=2, beta=30)}
    fit = bs.fit(simulate_runs(), law="chinchilla", discrepancy=None, priors=beta, random_seed=1)
    assert fit.draws["sample_stats"].attrs["density"] == "pytensor"
    assert "the prior of slope_N" in capsys.readouterr().err
