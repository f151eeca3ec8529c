r"""Noise that knows its scale: how much a run's log loss scatters depends on how large the run is.

Small runs scatter more than large ones, and runs on few tokens per parameter more than others: on
most public ladders the noise of the largest runs is a fraction of that of the smallest. One scale
for all would be too wide where a forecast is asked for, and heavy tails would have to absorb the
rest. So the scale of run i is

.. math:: \sigma_i = \sigma \exp\left(\gamma_C \ln\frac{N_i D_i}{N_0 D_0}
                     + \gamma_R \ln\frac{D_i / N_i}{D_0 / N_0}\right)

with σ that of a run at the centre of the runs. A law of one variable has the first slope alone, in
that variable; a law of neither compute, nor parameters and tokens, has one scale for all.
"""

from collections.abc import Mapping
from typing import Any

from bayesscale.laws import Coordinate, Law, population
from bayesscale.quantities import FLOPS, PARAMS, TOKENS

SLOPE_IN_COMPUTE = Coordinate(
    "sigma_slope_C", "identity", *population.SIGMA_SLOPE_C, "d ln sigma / d ln C",
    "how the log of the noise's scale changes with the log of compute",
)  # fmt: skip
SLOPE_IN_RATIO = Coordinate(
    "sigma_slope_ratio", "identity", *population.SIGMA_SLOPE_RATIO, "d ln sigma / d ln(D/N)",
    "how the log of the noise's scale changes with the log of tokens per parameter",
)  # fmt: skip


def scale_coordinates(law: Law) -> tuple[Coordinate, ...]:
    """Return what is sampled of how noise changes with size."""
    if {PARAMS.name, TOKENS.name} <= set(law.quantities):
        return SLOPE_IN_COMPUTE, SLOPE_IN_RATIO
    return (SLOPE_IN_COMPUTE,) if FLOPS.name in law.quantities else ()


def scale_at(law: Law, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> Any:
    """Return the scale of log loss at centred inputs, in maths of ``xp``: it broadcasts."""
    if {PARAMS.name, TOKENS.name} <= set(law.quantities):
        n, d = x[PARAMS.name], x[TOKENS.name]
        by_size = c[SLOPE_IN_COMPUTE.name] * (n + d) + c[SLOPE_IN_RATIO.name] * (d - n)
    elif FLOPS.name in law.quantities:
        by_size = c[SLOPE_IN_COMPUTE.name] * x[FLOPS.name]
    else:
        return c["sigma"]
    return c["sigma"] * xp.exp(by_size)
