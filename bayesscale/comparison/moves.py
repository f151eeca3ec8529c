"""How particles of sequential Monte Carlo move between two stages: until they forget."""

import numpy as np
from pymc.smc.kernels import MH, Pearson

CORRELATION_MAX = 0.1
"""Particles move until no coordinate correlates more with where it was when the stage began."""

ROUNDS_MAX = 100


class Forgetting(MH):
    """PyMC's random-walk Metropolis, which does not stop early.

    PyMC's own rule stops as soon as nine tenths of the coordinates no longer change by much in one
    move, which is after a few moves of many that would be needed. Particles then still sit where
    resampling put them, and each stage loses some mass: the evidence of a law with drift came out
    a nat too low.
    """

    def mutate(self) -> None:
        """Move in rounds of PyMC's, until the particles have forgotten where they were."""
        start, rates = Pearson(self.tempered_posterior), []
        for _ in range(ROUNDS_MAX):
            super().mutate()
            rates.append(self.chain_acc_rate)
            if np.max(start.get(self.tempered_posterior)) < CORRELATION_MAX:
                break
        self.chain_acc_rate = np.mean(rates, axis=0)
