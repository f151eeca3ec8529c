"""Problems whose evidence is known: a density, draws from it, the exact answer.

Where the posterior can be drawn directly, the draws are independent and exact, so that only the
estimate of the evidence is on trial. The others are written in PyMC and sampled by NUTS. The
measured data lie outside the repository: ``files`` is their folder.
"""

import json
from math import cos, exp, hypot, log, log1p, pi, prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.replace import clone_replace
from pytensor.tensor.shape import specify_shape
from scipy.special import gammaln

SIZE = (4, 1000)
"""Chains and draws of each; more where the normal proposal meets little of the posterior."""


class Problem(NamedTuple):
    """What is bridged, and the log evidence to be found."""

    target: Any
    draws: Any
    exact: float
    se: float = 0.0  # standard error of "exact", where no closed form or quadrature is at hand


def _shaped(points, size):
    """Cut what a rejection sampler kept to (chain, draw, dimension)."""
    return points[: size[0] * size[1]].reshape(*size, -1)


# ---- drawn directly


def kernel():
    draws = np.random.default_rng(1).normal(size=(*SIZE, 2))
    return Problem(lambda u: -0.5 * u @ u, draws, log(2 * pi))


def beta_binomial():
    """2 of 10, uniform prior; on the logit scale."""

    def log_density(u):
        log_p, log_q = -np.logaddexp(0, -u[0]), -np.logaddexp(0, u[0])
        return log(45) + (2 + 1) * log_p + (8 + 1) * log_q  # Jacobian p q

    p = np.random.default_rng(1).beta(3, 9, size=(*SIZE, 1))
    return Problem(log_density, np.log(p / (1 - p)), -log(11))


def correlated_gaussian(d):
    """Uniform prior on [-10, 10]^d, of which the posterior fills the middle only."""
    covariance = 0.05 * np.eye(d) + 0.95
    precision, root = np.linalg.inv(covariance), np.linalg.cholesky(covariance)
    constant = -0.5 * d * log(2 * pi) - np.log(np.diag(root)).sum() - d * log(20)
    draws = np.random.default_rng(1).normal(size=(*SIZE, d)) @ root.T
    return Problem(lambda u: constant - 0.5 * u @ precision @ u, draws, -d * log(20))


def student(size=SIZE, seed=1):
    """Five dimensions with tails of a t distribution."""
    d, nu = 5, 5.0
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(*size, d)) / np.sqrt(rng.chisquare(nu, size=(*size, 1)) / nu)
    exact = gammaln(nu / 2) - gammaln((nu + d) / 2) + 0.5 * d * log(nu * pi)
    return Problem(lambda u: -0.5 * (nu + d) * np.log1p(u @ u / nu), draws, exact)


def skewed(d, shape, size=SIZE, seed=1):
    """Logs of gamma variates."""
    draws = np.log(np.random.default_rng(seed).gamma(shape, size=(*size, d)))
    return Problem(lambda u: float((shape * u - np.exp(u)).sum()), draws, d * gammaln(shape))


def shells(size=SIZE):
    """Two thin rings on the plane."""
    centre, radius, width = 3.5, 2.0, 0.1
    constant = -2 * log(12) - 0.5 * log(2 * pi) - log(width)

    def log_density(u):
        x, y = u.tolist()
        if max(abs(x), abs(y)) > 6:
            return -np.inf
        a, b = (-0.5 * ((hypot(x - c, y) - radius) / width) ** 2 for c in (-centre, centre))
        return constant + max(a, b) + log1p(exp(-abs(a - b)))

    rng, n = np.random.default_rng(1), size[0] * size[1]
    r = rng.normal(radius, width, size=2 * n)
    r = r[3 * rng.uniform(size=2 * n) < r][:n]  # weighted by the circumference
    angle, side = rng.uniform(0, 2 * pi, n), rng.choice([-centre, centre], n)
    points = np.column_stack([side + r * np.cos(angle), r * np.sin(angle)])
    return Problem(log_density, _shaped(points, size), -1.7456418845)


def eggbox(size=SIZE):
    """18 sharp peaks, 10 of them cut by the edge of the box; on the logit scale."""
    side = 10 * pi

    def log_likelihood(a, b):
        return (2 + np.cos(a) * np.cos(b)) ** 5

    def log_density(u):
        a, b = (0.5 * side / (1 + exp(-v)) for v in u.tolist())
        jacobian = sum(-abs(v) - 2 * log1p(exp(-abs(v))) for v in u.tolist())
        return (2 + cos(a) * cos(b)) ** 5 + jacobian

    # Up to 1 from a peak, in a = x / 2 and b = y / 2, the log likelihood lies below the paraboloid
    # 243 - 120 distance^2; what lies farther has no mass in double precision.
    rng, n = np.random.default_rng(1), 4 * size[0] * size[1]
    peaks = pi * np.array([(i, j) for i in range(6) for j in range(6) if (i + j) % 2 == 0])
    offset = rng.normal(size=(n, 2)) / np.sqrt(240)
    points = rng.choice(peaks, n) + offset
    log_bound = 243 - 120 * (offset**2).sum(axis=1)
    keep = np.log(rng.uniform(size=n)) < log_likelihood(*points.T) - log_bound
    shares = 2 * points[keep] / side
    shares = shares[((shares > 0) & (shares < 1)).all(axis=1)]
    return Problem(log_density, _shaped(np.log(shares / (1 - shares)), size), 235.8559403)


def rosenbrock(size=SIZE, seed=1):
    """A banana, cut by the box."""

    def log_density(u):
        x, y = u.tolist()
        if max(abs(x), abs(y)) > 10:
            return -np.inf
        return -0.5 * ((1 - x) ** 2 + 100 * (y - x * x) ** 2) - 2 * log(20)

    rng, n = np.random.default_rng(seed), 2 * size[0] * size[1]
    x = rng.normal(1, 1, n)
    points = np.column_stack([x, rng.normal(x * x, 0.1)])
    points = points[(np.abs(points) < 10).all(axis=1)]
    return Problem(log_density, _shaped(points, size), -6.4716173534)


def conjugate_regression(design, y, mean, precision, shape, rate, size=SIZE, seed=1):
    """Normal-gamma regression on orthogonal columns; coordinates are slopes and ln tau."""
    n, d = design.shape
    constant = (
        -0.5 * (n + d) * log(2 * pi) + 0.5 * np.log(precision).sum()
        + shape * log(rate) - gammaln(shape)
    )  # fmt: skip

    def log_density(u):
        slopes, log_tau = u[:-1], u[-1]
        e, shift = y - design @ slopes, slopes - mean
        half = rate + 0.5 * (e @ e + precision @ shift**2)
        return constant + (0.5 * (n + d) + shape) * log_tau - half * np.exp(log_tau)

    weight = (design**2).sum(axis=0) + precision
    centre = (design.T @ y + precision * mean) / weight
    e, shift = y - design @ centre, centre - mean
    shape_n, rate_n = shape + n / 2, rate + 0.5 * (e @ e + precision @ shift**2)
    rng = np.random.default_rng(seed)
    tau = rng.gamma(shape_n, 1 / rate_n, size=(*size, 1))
    slopes = centre + rng.normal(size=(*size, d)) / np.sqrt(weight * tau)
    exact = (
        gammaln(shape_n) - gammaln(shape) + shape * log(rate) - shape_n * log(rate_n)
        + 0.5 * np.log(precision / weight).sum() - 0.5 * n * log(2 * pi)
    )  # fmt: skip
    return Problem(log_density, np.concatenate([slopes, np.log(tau)], axis=-1), exact)


def normal_gamma(precision):
    """Unknown mean and precision; a small ``precision`` is a vague prior."""
    y = np.random.default_rng(5).normal(1, 2, size=30)
    return conjugate_regression(
        np.ones((30, 1)), y, np.zeros(1), np.array([precision]), shape=1.5, rate=2.0
    )


def radiata(files: Path, covariate, size=SIZE, seed=1):
    """Strength of pines on their density (x) or their density without resin (z)."""
    _, y, x, z = np.loadtxt(files / "radiata_pine.dat").T
    c = {"x": x, "z": z}[covariate]
    problem = conjugate_regression(
        np.column_stack([np.ones_like(y), c - c.mean()]), y,
        np.array([3000.0, 185.0]), np.array([0.06, 6.0]), shape=3.0, rate=2 * 300.0**2,
        size=size, seed=seed,
    )  # fmt: skip
    name = {"x": "ln_evidence_model1_x_density", "z": "ln_evidence_model2_z_resin_adjusted"}
    return problem._replace(exact=_json(files, "radiata_pine")[name[covariate]])


# ---- sampled by NUTS


def _json(files: Path, name):
    return json.loads((files / f"{name}.json").read_text())


def _sampled(model, exact, se=0.0, **compile_kwargs):
    with model:
        tree = pm.sample(
            draws=1000, tune=1000, chains=4, cores=1, random_seed=1,
            nuts_sampler="nutpie", compile_kwargs=compile_kwargs,
            progressbar=False, compute_convergence_checks=False,
        )  # fmt: skip
    return Problem(*_points(model, tree["posterior"]), exact, se)


def _points(model, posterior):
    """Return the log density of points of the unconstrained space, and the draws as points."""
    given = {rv: rv.type() for rv in model.free_RVs}
    transformed = []
    for rv in model.free_RVs:
        transform = model.rvs_to_transforms[rv]
        transformed.append(rv if transform is None else transform.forward(rv, *rv.owner.inputs))
    point = clone_replace(pt.concatenate([pt.flatten(v) for v in transformed]), given)
    to_point = pm.pytensorf.compile([*given.values()], point, on_unused_input="ignore")
    values = [posterior[rv.name].transpose("chain", "draw", ...).to_numpy() for rv in given]
    n_chains, n_draws = values[0].shape[:2]
    draws = [
        [to_point(*(v[i, j] for v in values)) for j in range(n_draws)] for i in range(n_chains)
    ]

    u, start, replaced, at = pt.dvector("u"), model.initial_point(), {}, 0
    for variable in model.value_vars:
        shape = start[variable.name].shape
        entries = u[at : at + prod(shape)].reshape(shape)
        replaced[variable] = specify_shape(entries, shape)
        at += prod(shape)
    written = clone_replace(model.logp(), replaced, rebuild_strict=False)
    log_density = pm.pytensorf.compile([u], written)
    return lambda u: float(log_density(u)), np.array(draws)


def hierarchical_normal(files: Path, hypothesis):
    """20 means in common (H0: about 0; H1: about an unknown mean)."""
    data = _json(files, "hierarchical_normal")
    with pm.Model() as model:
        mean = pm.Normal("mean", 0, 1) if hypothesis == "H1" else 0.0
        variance = pm.InverseGamma("variance", 1, 1)
        theta = pm.Normal("theta", mean, pt.sqrt(variance), shape=20)
        pm.Normal("y", theta, 1, observed=data["y"])
    return _sampled(model, data[f"exact_logml_{hypothesis}"])


def t_test(files: Path, hypothesis):
    """Effect size of a paired comparison: 0 (H0), Cauchy (H1), or a positive Cauchy (Hplus)."""
    data = _json(files, "sleep_ttest")
    with pm.Model() as model:
        sd = pt.exp(0.5 * pm.Flat("log_variance"))  # 1 / variance, exactly 1 on the log scale
        effect = {
            "H0": lambda: 0.0,
            "H1": lambda: pm.Cauchy("effect", 0, 0.5**0.5),
            "Hplus": lambda: pm.HalfCauchy("effect", 0.5**0.5),
        }[hypothesis]()
        pm.Normal("y", effect * sd, sd, observed=data["y"])
    return _sampled(model, data[f"exact_logml_{hypothesis}"])


def turtles(files: Path, hypothesis):
    """Survival of hatchlings on birth weight; H1 adds 31 clutches."""
    y, x, clutch = np.loadtxt(files / "turtles.csv", delimiter=",", skiprows=1).T
    with pm.Model() as model:
        a = pm.Normal("a", 0, 10**0.5, shape=2)
        eta = a[0] + a[1] * x
        if hypothesis == "H1":
            # a density (1 + s)^-2 of a variance is logistic on its log
            log_variance = pm.Logistic("log_variance", 0, 1)
            clutches = pm.Normal("clutches", 0, 1, shape=31)
            eta = eta + pt.exp(0.5 * log_variance) * clutches[clutch.astype(int) - 1]
        pm.Potential("likelihood", pm.logcdf(pm.Normal.dist(), (2 * y - 1) * eta).sum())
    return _sampled(model, _json(files, "turtles")[f"logml_{hypothesis}_quadrature"])


def factors(files: Path, k):
    """Six exchange rates on k factors.

    Flipping the signs of a column of loadings would change nothing, were its diagonal not
    positive. So there are 2^k modes, all but one cut off at a diagonal of 0, and smaller ones:
    chains that start anywhere are caught there. Here they start among positive loadings. For k = 2
    the published answer is of that mode alone; another has 22 % of the mass and would add .25.
    With k = 3 chains cross over, and only the spread of published repeats is known.
    """
    y = np.loadtxt(files / "ier.csv", delimiter=",", skiprows=1)
    row, column = np.tril_indices(6, -1, k)
    with pm.Model() as model:
        diagonal = pm.HalfNormal("diagonal", 1, shape=k)
        below = pm.Normal("below", 0, 1, shape=row.size)
        variance = pm.InverseGamma("variance", 1.1, 0.05, shape=6)
        loadings = pt.zeros((6, k))[row, column].set(below)
        loadings = loadings[np.arange(k), np.arange(k)].set(diagonal)
        pm.MvNormal("y", pt.zeros(6), loadings @ loadings.T + pt.diag(variance), observed=y)
    exact, se = {1: (-1014.270, 0.001), 2: (-903.46, 0.01), 3: (-905.271, 0.1)}[k]
    start = {"below": np.array([0.5, 0.7, 0.3])[column], "diagonal": np.full(k, 0.5)}
    return _sampled(model, exact, se, initial_points=start, jitter_rvs=set())


def pima(files: Path, which, tau):
    """Diabetes on four covariates (M1), or on age as well (M2)."""
    data = np.loadtxt(files / "pima_indian.dat")
    x = data[:, {"M1": [1, 2, 5, 6], "M2": [1, 2, 5, 6, 7]}[which]]
    with pm.Model() as model:
        theta = pm.Normal("theta", 0, tau**-0.5, shape=x.shape[1] + 1)
        pm.Bernoulli("y", logit_p=theta[0] + x @ theta[1:], observed=data[:, 0])
    exact, se = {
        ("M1", 0.01): (-257.2324, 0.0002),
        ("M2", 0.01): (-259.858, 0.001),
        ("M1", 1.0): (-247.303, 0.001),
        ("M2", 1.0): (-247.562, 0.001),
    }[which, tau]
    return _sampled(model, exact, se)
