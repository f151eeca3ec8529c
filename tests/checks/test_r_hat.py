"""R-hat and effective sample sizes are ArviZ's; chains that go on are judged by them."""

import numpy as np
import pytest
import xarray as xr
from arviz_stats.sampling_diagnostics import ess, rhat

from bayesscale.checks import chains_state, diagnostics


def autoregressive(correlation, chains=4, draws=1000, seed=0):
    """Return draws ``(chain, draw, quantity)`` of unit variance, one quantity a correlation."""
    rng, rho = np.random.default_rng(seed), np.asarray(correlation, dtype=float)
    u = rng.standard_normal((chains, draws, len(rho)))
    for t in range(1, draws):
        u[:, t] = rho * u[:, t - 1] + np.sqrt(1 - rho**2) * u[:, t]
    return u


@pytest.mark.parametrize("draws", [100, 251, 1000])
def test_they_are_arviz_s(draws):
    u = autoregressive([-0.5, 0, 0.3, 0.9, 0.99], draws=draws)
    u[0, :, 2] += 0.2
    u[:, 5:9, 3] = u[:, 4:5, 3]  # ties
    sampled = xr.Dataset({f"q{i}": (("chain", "draw"), u[..., i]) for i in range(u.shape[-1])})
    table = diagnostics(sampled)
    for column, theirs in (
        ("r_hat", rhat(sampled)),
        ("ess_bulk", ess(sampled, method="bulk")),
        ("ess_tail", ess(sampled, method="tail", prob=(0.05, 0.95))),
    ):
        expected = [float(theirs[name]) for name in table.index]
        np.testing.assert_allclose(table[column], expected, rtol=1e-9, err_msg=column)


@pytest.mark.parametrize(
    ("correlation", "shift", "diverging", "margin", "state"),
    [(0.2, 0, 0, 1.0, "converged"), (0.2, 0, 0, 99.0, "short"), (0.85, 0, 0, 1.0, "short"),
     (0.97, 0, 0, 1.0, "stuck"), (0.2, 0.5, 0, 1.0, "stuck"), (0.2, 0, 9, 1.0, "stuck"),
     (0.2, 0, 1, 1.0, "converged")],
)  # fmt: skip
def test_chains_converge_or_mix_or_do_not(correlation, shift, diverging, margin, state):
    u = autoregressive([correlation, 0])
    u[0] += shift
    energy = np.random.default_rng(1).standard_normal((4, 1000))
    diverged = np.zeros((4, 1000), dtype=bool)
    diverged[0, :diverging] = True
    found = chains_state(u, diverging=diverged, energy=energy, margin=margin)
    assert found == state
