"""Fits without uncertainty at published constants."""

from dataclasses import replace

import numpy as np

from bayesscale.inference import Fit
from bayesscale.model import specify
from tests.simulate import TRUTH, fit_at, on_slopes, simulate_runs

BESIROGLU = (np.exp(0.597112), np.exp(6.177956), np.exp(7.642732), 0.347813, 0.365854)
"""Besiroglu et al. (2024), arXiv:2404.10102: E, A, B, alpha, beta at the maximum."""


def fit_of_published(law: str, c: dict[str, float], reference: dict[str, float], draws=50) -> Fit:
    """Return a fit without uncertainty at coordinates that refer to a given point."""
    runs = simulate_runs()
    spec = replace(specify(runs, law=law, discrepancy=None), reference=reference)
    return fit_at(runs, law, truth=TRUTH | c, spec=spec, draws=draws)


def chinchilla_at(e: float, a: float, b: float, alpha: float, beta: float, draws: int = 50) -> Fit:
    """Return Chinchilla's law at published constants."""
    n0, d0 = 1e9, 2e10
    terms = np.array([e, a * n0**-alpha, b * d0**-beta])
    floor, share = float(terms[0] / terms.sum()), float(terms[1] / terms[1:].sum())
    c = {
        "level": float(terms.sum()), "irreducible_share": floor,
        **on_slopes(share, alpha, beta, floor),
    }  # fmt: skip
    reference = {"params": n0, "tokens": d0, "flops": 6 * n0 * d0, "loss": 1.0}
    return fit_of_published("chinchilla", c, reference, draws)
