"""Streams of random numbers: what one seed gives to each of those who draw with it."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """Numbers of streams: another number is another answer to the same seed.

    Two pairs have one number each. The bridge's seed is another one than that of new runs, and
    baselines and weights are drawn of different things.
    """

    BRIDGE = LOSSES_OF_NEW_RUNS = 1
    CHOICE_OF_DRAWS = 2
    BASELINES = STACKING = 4
    SIMULATED_TRUTHS = 5
    SIMULATED_FITS = 6
    PREDICTIVE = 7
    PILOT = 8
    RECIPE = 9
    TASKS = 10


def generator(seed: int, stream: Stream, *further: int) -> np.random.Generator:
    """Return a generator of a stream of its own, or of parts of it by further numbers."""
    return np.random.default_rng([seed, stream, *further])
