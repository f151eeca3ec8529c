r"""How the log loss of a run scatters around the law.

Every noise is written once, for residuals that may be clustered: a lone row is a cluster of
one. ``xp`` is :data:`MATHS` for arrays and ``pytensor.tensor`` where the density is compiled.

On most public ladders small runs scatter more than large ones, and runs on few tokens per
parameter more than others. So the scale of run i is

.. math:: \sigma_i = \sigma \exp\left(\gamma_C \ln\frac{N_i D_i}{N_0 D_0}
                     + \gamma_R \ln\frac{D_i / N_i}{D_0 / N_0}\right)

with σ that of a run at the centre of the runs. A law of one variable has the first slope alone, in
that variable; a law of neither compute, nor parameters and tokens, has one scale for all.
"""

from collections.abc import Mapping
from math import log, pi, sqrt
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import chdtri, erfc, erfcx, fdtrc, gammaln, log_ndtr, ndtri, ndtri_exp, stdtrit

from bayesscale._arguments import choice
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.laws import SPLIT, Coordinate, Law, population
from bayesscale.model.rows import Residuals, Rows
from bayesscale.quantities import FLOPS, PARAMS, TOKENS

SIGMA = Coordinate(
    "sigma", "log", *population.SIGMA, "log loss", "scale of a run's log loss around the law"
)
NU_MINUS_ONE = Coordinate(
    "nu_minus_one",
    "log",
    *population.NU_MINUS_ONE,
    "1",
    "degrees of freedom of the noise above 1: small means heavy tails, and 0 that outliers "
    "have no mean",
)
MEAN_EXCESS = Coordinate(
    "mean_excess", "log", log(0.02), 1.2, "log loss",
    "mean excess of an under-tuned run's log loss over that of a well-tuned one",
)  # fmt: skip
UNDERTUNED_SHARE = Coordinate(
    "undertuned_share", "logit", log(0.2 / 0.8), 1.5, "1", "share of runs that are under-tuned"
)

MATHS = SimpleNamespace(
    log=np.log, log1p=np.log1p, where=np.where, maximum=np.maximum, minimum=np.minimum,
    erfc=erfc, erfcx=erfcx, gammaln=gammaln, softplus=lambda x: np.logaddexp(0, x),
)  # fmt: skip
"""What PyTensor has under the same names."""

TINY, ROUNDING = 1e-300, 1e-16

HEAVIEST_NU = 2.0
"""Tails of Student-t noise heavier than with these degrees of freedom are not noise."""


class Noise:
    r"""Normal noise, and what every noise answers to.

    Attributes
    ----------
    name
        Name by which ``fit(noise=...)`` knows it.
    distribution
        The PyMC distribution of a lone row, which takes ``mu``, ``sigma`` and the
        :meth:`shape`; None where the density here is the only one.
    coordinates
        Sampled quantities, ``sigma`` first.
    """

    name: str = "normal"
    distribution: str | None = "Normal"
    coordinates: tuple[Coordinate, ...] = (SIGMA,)

    def shape(self, c: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters besides location and scale, from coordinates."""
        return {}

    def density(self, r: Residuals, c: Mapping[str, Any], xp: Any) -> Any:
        """Return the joint log density of the residuals of every cluster."""
        return -0.5 * (r.size * log(2 * pi) + r.log_det + r.square)

    def log_density(self, rows: Rows, residual: Array, c: Mapping[str, Array]) -> Array:
        """Return log densities of residuals ``(..., run)`` of log loss: ``(..., cluster)``."""
        return self.density(rows.residuals(residual, c, MATHS), c, MATHS)

    def draw(
        self, rng: np.random.Generator, size: tuple[int, ...], c: Mapping[str, Array]
    ) -> Array:
        """Draw the noise of lone rows in log loss; coordinates broadcast to ``size``."""
        widening, excess = self.draw_effect(rng, size, c)
        return widening * c["sigma"] * rng.standard_normal(size) + excess

    def draw_rows(
        self, rng: np.random.Generator, rows: Rows, size: tuple[int, ...], c: Mapping[str, Array]
    ) -> Array:
        """Draw the noise of the rows of a table in log loss, of shape ``size``, ``(..., run)``."""
        if not rows.share_effect:
            return self.draw(rng, size, {**c, "sigma": np.hypot(c["sigma"], rows.log_loss_se)})
        clusters = (*size[:-1], len(rows.size))
        common = np.sqrt(c["cluster_share"]) * rng.standard_normal(clusters)
        scale = np.sqrt((1 - c["cluster_share"]) * c["sigma"] ** 2 + np.square(rows.log_loss_se))
        widening, excess = (
            np.broadcast_to(a, clusters)[..., rows.codes]
            for a in self.draw_effect(rng, clusters, c)
        )
        shared = c["sigma"] * common[..., rows.codes]
        return widening * (shared + scale * rng.standard_normal(size)) + excess

    def draw_effect(
        self, rng: np.random.Generator, size: tuple[int, ...], c: Mapping[str, Array]
    ) -> tuple[Any, Any]:
        """Draw what makes a run's noise other than normal: a factor, and what is added."""
        return 1.0, 0.0

    # How a fit's noise is judged, of residuals that were made uncorrelated and of unit scale.

    def common_scores(self, pull: Array, precision: Array, c: Mapping[str, Array]) -> Array:
        """Return normal-like scores of how far clusters lie above the law, ``(draw, cluster)``."""
        return pull

    def scores(self, y: Array, rows: Rows, c: Mapping[str, Array]) -> Array:
        """Return the standard normal scores of residuals ``(draw, run)``."""
        return y

    def threshold(self, share: float, c: Mapping[str, Array]) -> Array:
        """Return how many scales off the law at most a share of rows lies, ``(draw, 1)``."""
        return np.asarray(-ndtri(share / 2))


class StudentT(Noise):
    """Student-t noise, which down-weights outliers; clustered rows are one draw of a joint t."""

    name = "student_t"
    distribution = "StudentT"
    coordinates = (SIGMA, NU_MINUS_ONE)

    def shape(self, c):
        return {"nu": 1 + c["nu_minus_one"]}

    def density(self, r, c, xp):
        nu = 1 + c["nu_minus_one"]
        constant = xp.gammaln((nu + r.size) / 2) - xp.gammaln(nu / 2)
        volume = 0.5 * (r.size * xp.log(nu * pi) + r.log_det)
        return constant - volume - (nu + r.size) / 2 * xp.log1p(r.square / nu)

    def draw(self, rng, size, c):
        return c["sigma"] * rng.standard_t(np.broadcast_to(1 + c["nu_minus_one"], size))

    def draw_effect(self, rng, size, c):
        nu = np.broadcast_to(1 + c["nu_minus_one"], size)
        return np.sqrt(nu / rng.chisquare(nu)), 0.0

    def scores(self, y, rows, c):
        size, length2 = rows.size, np.maximum(rows.sums(y**2), TINY)
        beyond = np.maximum(fdtrc(size, self.shape(c)["nu"], length2 / size), TINY)
        alone = size == 1  # the same, by a faster way
        normal2 = np.empty(beyond.shape)
        normal2[:, alone] = ndtri(beyond[:, alone] / 2) ** 2
        normal2[:, ~alone] = chdtri(size[~alone], beyond[:, ~alone])
        return y * np.sqrt(normal2 / length2)[:, rows.codes]

    def threshold(self, share, c):
        return -stdtrit(np.maximum(self.shape(c)["nu"], HEAVIEST_NU), share / 2)


class OneSided(Noise):
    r"""Bad runs are only worse: a share of the runs has an exponential excess over the law.

    The law is then the loss of well-tuned runs, the frontier, and with the share p and the mean
    excess η of the under-tuned

    .. math:: r = \epsilon + b x, \quad \epsilon \sim \mathcal N(0, \Sigma), \quad
              b \sim \mathrm{Bernoulli}(p), \quad x \sim \mathrm{Exponential}(1 / \eta).

    A cluster is well or badly tuned as a whole. Its density is that of normal noise times

    .. math:: 1 - p + \frac{p}{\eta \sqrt A} M(a), \quad
              a = \frac{1 / \eta - B}{\sqrt A}, \quad M(a) = \frac{\Phi(-a)}{\varphi(a)},

    with :math:`A = 1^\top \Sigma^{-1} 1` and :math:`B = 1^\top \Sigma^{-1} r`, for the excess
    integrates out. As p goes to 1, this is the exponentially modified normal.

    References
    ----------
    .. [1] Kumbhakar, Parmeter and Tsionas (2013), Journal of Econometrics 172(1), 66-76, a zero
       inefficiency stochastic frontier model.
    """

    name = "one_sided"
    distribution = None
    coordinates = (SIGMA, MEAN_EXCESS, UNDERTUNED_SHARE)

    def shape(self, c):
        return {name: c[name] for name in ("mean_excess", "undertuned_share")}

    def density(self, r, c, xp):
        share, rate = c["undertuned_share"], 1 / c["mean_excess"]
        root = r.precision**0.5
        excess = log_mills((rate - r.pull) / root, xp) + xp.log(rate / root)
        well_tuned = xp.log1p(-share)
        log_odds = xp.log(share) - well_tuned
        return super().density(r, c, xp) + well_tuned + xp.softplus(log_odds + excess)

    def draw_effect(self, rng, size, c):
        under_tuned = rng.random(size) < c["undertuned_share"]
        return 1.0, under_tuned * c["mean_excess"] * rng.standard_exponential(size)

    def common_scores(self, pull, precision, c):
        share, rate = c["undertuned_share"], 1 / (c["mean_excess"] * np.sqrt(precision))
        with_excess = np.log(share) + rate**2 / 2 - rate * pull + log_ndtr(pull - rate)
        log_beyond = np.logaddexp(log_ndtr(-pull), with_excess)
        return -np.asarray(ndtri_exp(np.minimum(log_beyond, -ROUNDING)), dtype=np.float64)


def log_mills(a: Any, xp: Any) -> Any:
    """Return the log of Mills' ratio Φ(-a) / φ(a), accurate in both tails, in maths of ``xp``."""
    above, below = xp.maximum(a, 0.0), xp.minimum(a, 0.0)
    return xp.where(
        a > 0, xp.log(xp.erfcx(above / sqrt(2))) + 0.5 * log(pi / 2),
        xp.log1p(-0.5 * xp.erfc(-below / sqrt(2))) + 0.5 * below**2 + 0.5 * log(2 * pi),
    )  # fmt: skip


NOISES: dict[str, Noise] = {noise.name: noise for noise in (StudentT(), Noise(), OneSided())}


def get_noise(noise: Any) -> Noise:
    """Return a noise by name."""
    if not isinstance(noise, str):
        raise DomainError(f"noise must be a name, one of {list(NOISES)}, not {noise!r}.")
    return NOISES[choice("noise", noise, NOISES)]


SLOPE_IN_COMPUTE = Coordinate(
    "sigma_slope_C", "identity", *population.SIGMA_SLOPE_C, "d ln sigma / d ln C",
    "how the log of the noise's scale changes with the log of compute, or of the only input",
)  # fmt: skip
SLOPE_IN_RATIO = Coordinate(
    "sigma_slope_ratio", "identity", *population.SIGMA_SLOPE_RATIO, "d ln sigma / d ln(D/N)",
    "how the log of the noise's scale changes with the log of tokens per parameter",
)  # fmt: skip


def scale_coordinates(law: Law) -> tuple[Coordinate, ...]:
    """Return what is sampled of how noise changes with size."""
    if set(SPLIT) <= set(law.quantities):
        return SLOPE_IN_COMPUTE, SLOPE_IN_RATIO
    return (SLOPE_IN_COMPUTE,) if _size(law) else ()


def _size(law: Law) -> str:
    """Return the input of a law that stands for the size of a run; empty if there is none."""
    if FLOPS.name in law.quantities:
        return FLOPS.name
    alone = [name for name, q in law.quantities.items() if q.scale == "log"]
    return alone[0] if len(law.quantities) == len(alone) == 1 else ""


def scale_at(law: Law, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> Any:
    """Return the scale of log loss at centred inputs, in maths of ``xp``: it broadcasts."""
    if set(SPLIT) <= set(law.quantities):
        n, d = x[PARAMS.name], x[TOKENS.name]
        by_size = c[SLOPE_IN_COMPUTE.name] * (n + d) + c[SLOPE_IN_RATIO.name] * (d - n)
    elif size := _size(law):
        by_size = c[SLOPE_IN_COMPUTE.name] * x[size]
    else:
        return c["sigma"]
    return c["sigma"] * xp.exp(by_size)
