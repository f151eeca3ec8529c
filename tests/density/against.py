"""PyMC's graph as the definition that densities are held to, run in Python without optimising."""

from collections.abc import Callable

import numpy as np
import pymc as pm
from pytensor.compile.mode import Mode

from bayesscale.inference import density_graph
from bayesscale.laws import get_law
from bayesscale.model import ModelSpec, model_data
from bayesscale.runs import Runs
from tests.simulate import repeated_runs, simulate_runs


def pymc_density(spec: ModelSpec, runs: Runs) -> Callable[[np.ndarray], np.ndarray]:
    """Return value and gradient, one after the other, at a point."""
    model, u, value, gradient = density_graph(spec, model_data(spec, runs))
    with model:
        plain = Mode(linker="py", optimizer=None)
        function = pm.pytensorf.compile((u,), [value, gradient], mode=plain)
    return lambda at: np.append(*function(at))


def runs_with(*, errors: bool, clusters: bool, n_rows: int | None = None, **options) -> Runs:
    """Simulate a ladder, with standard errors, and clusters between rows of their own."""
    rng = np.random.default_rng(3)
    inputs = get_law(options.get("law", "chinchilla")).quantities
    if "experts" in inputs:
        options["law"] = "chinchilla"
    runs = repeated_runs(options["law"]) if "unique_tokens" in inputs else simulate_runs(**options)
    frame, named = runs.frame.iloc[:n_rows].copy(), {k: k for k in runs.inputs}
    if "experts" in inputs:
        frame["experts"], named["experts"] = 2.0 ** (np.arange(len(frame)) % 5), "experts"
    if errors:
        frame["loss_se"] = rng.uniform(0.002, 0.02, len(frame))
    if not clusters:
        return Runs.from_frame(frame, inputs=named)
    number = np.arange(len(frame))
    frame["run"] = np.where(number % 20 == 7, "", (number % 9).astype(str))
    return Runs.from_frame(frame, cluster="run", inputs=named)


def points(spec: ModelSpec, n: int, *, seed: int = 0) -> np.ndarray:
    """Draw points around the middle of the priors, shape ``(n, coordinate)``."""
    rng = np.random.default_rng(seed)
    loc, scale = (np.array([getattr(k, a) for k in spec.coordinates]) for a in ("loc", "scale"))
    return loc + 0.5 * np.minimum(scale, 1.0) * rng.standard_normal((n, len(loc)))


def assert_same(got: np.ndarray, expected: np.ndarray, *, rtol: float = 1e-11) -> None:
    """Compare values and gradients; an entry may be small by cancellation of larger ones."""
    size = np.abs(expected).max()
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=1e-3 * rtol * size)
