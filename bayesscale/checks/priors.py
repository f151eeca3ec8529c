r"""Prior sensitivity of results.

The priors of the law, of its discrepancy and of the noise are raised to a power α each, apart from
the others; 2 counts what a group says twice, and makes its normal priors narrower by √2. On the
scale where every prior is a standard normal, ln p = -½ z², and an answer q moves by

.. math:: \frac{d \, \mathrm E[q]}{d \log_2 \alpha} = - \ln 2 \;
          \mathrm{Cov}\left(q, \tfrac12 \sum_{k \in g} z_k^2\right)

which needs no other draws than those at hand, and no weights that could run away [1]_. In normal
theory the variance of q shrinks by a share

.. math:: - \frac{d \ln \mathrm{Var}[q]}{d \ln \alpha}
          = \sum_{k \in g} \frac{\mathrm{Cov}(q, z_k)^2}{\mathrm{Var}[q]}

and the shares of all priors and of the likelihood add up to one: that is how much of what is known
of the answer each of them has contributed.

References
----------
.. [1] Kallioinen, Paananen, Bürkner and Vehtari (2024), Detecting and diagnosing prior and
   likelihood sensitivity with power-scaling, Statistics and Computing 34, 57,
   doi:10.1007/s11222-023-10366-5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bayesscale._format import list_some, percent, write_share
from bayesscale._sections import CheckResult
from bayesscale._types import Array
from bayesscale.checks.design import curing_runs, design_flaw
from bayesscale.errors import PriorWarning
from bayesscale.model import LINKS, SIGMA, Posterior
from bayesscale.runs import Runs

GROUPS = ("law", "discrepancy", "noise")

MOSTLY = 0.5
"""Share of what is known of an answer from which on priors have supplied most of it."""

HARDLY_NARROWER = 0.7
"""An interval wider than this share of its width under the priors alone was hardly narrowed: the
runs have not halved the variance."""

FAR = 1.0
"""Posterior standard deviations that an answer may move where the power of a prior doubles."""

ROUNDING = 1e-12
"""An answer that varies by no more is the same for all draws."""

PRIOR_DRAWS, SEED = 20_000, 0

CENTRAL = (0.05, 0.95)

MOVES = [f"{group}_moves" for group in GROUPS]
SHARES = [f"from_{group}" for group in GROUPS]


@dataclass(frozen=True)
class Answers:
    """Draws of answers, ``(draw, answer)``, and of the priors alone, on comparable scales."""

    labels: Sequence[str]
    posterior: Array
    prior: Array | None


def prior_scores(posterior: Posterior) -> dict[str, Array]:
    """Return coordinates where priors are standard normal, ``(draw, coordinate)`` by group."""
    spec, flat = posterior.spec, posterior.flat()
    z = {name: values[:, 0] for name, values in spec.space.scores(flat.c).items()}
    others = [k.name for k in spec.coordinates if k.name not in z]
    if others:
        drawn = spec.space.draw(np.random.default_rng(SEED), PRIOR_DRAWS)
        levels = ndtri((np.arange(PRIOR_DRAWS) + 0.5) / PRIOR_DRAWS)
        z |= {k: np.interp(flat.c[k][:, 0], np.sort(drawn[k]), levels) for k in others}
    groups = (spec.law.coordinates, spec.discrepancy.coordinates(spec.law), spec.noise_coordinates)
    return {
        group: np.stack([z[k.name] for k in members], axis=-1)
        for group, members in zip(GROUPS, groups, strict=True)
        if members
    }


def prior_power(posterior: Posterior, answers: Answers) -> pd.DataFrame:
    """Return how much results depend on the priors, one row per result.

    Columns: ``law_moves``, ``discrepancy_moves`` and ``noise_moves``, posterior standard deviations
    that the answer moves by where the power of these priors doubles; ``from_law``,
    ``from_discrepancy`` and ``from_noise``, the share of what is known of the answer that these
    have contributed; ``width``, that of the 90 % interval as a share of the one under the priors
    alone, NaN where that is not known; ``decided``, whether priors decide the answer.
    """
    q = answers.posterior - answers.posterior.mean(axis=0)
    sd = q.std(axis=0)
    varies = sd > ROUNDING * np.maximum(np.abs(answers.posterior.mean(axis=0)), 1)
    q = np.where(varies, q / np.where(varies, sd, 1.0), 0.0)
    columns = dict.fromkeys([*MOVES, *SHARES], np.zeros(len(sd)))
    for group, z in prior_scores(posterior).items():
        square = 0.5 * np.sum(z**2, axis=1)
        columns[f"{group}_moves"] = -np.log(2) * (q.T @ (square - square.mean())) / len(q)
        along = (z - z.mean(axis=0)).T @ q / len(q)
        columns[f"from_{group}"] = np.sum(along**2, axis=0)
    width = np.full(len(sd), np.nan)
    if answers.prior is not None:
        width = _widths(answers.posterior) / np.maximum(_widths(answers.prior), 1e-300)
    columns["width"] = width
    table = pd.DataFrame(columns, index=pd.Index(answers.labels, name="answer"))
    mostly = table[SHARES].sum(axis=1) > MOSTLY
    far = table[MOVES].abs().max(axis=1) > FAR
    table["decided"] = (mostly & (width > HARDLY_NARROWER)) | far
    return table


def check_prior_power(
    table: pd.DataFrame, posterior: Posterior, runs: Runs, *, what: str
) -> CheckResult:
    """Check the prior sensitivity of ``what``, given the table of :func:`prior_power`."""
    decided = table[table["decided"]]
    if len(decided):
        reasons = [_reason(label, row) for label, row in decided.iterrows()]
        text = (
            f"Prior-sensitive: {'; '.join(reasons[:3])}"
            f"{f'; and {len(reasons) - 3} more results' if len(reasons) > 3 else ''}."
            f"{design_flaw(runs, posterior.spec.law)} "
            f"Most informative would be: {curing_runs(posterior, runs)}."
        )
        return CheckResult("prior sensitivity", "caution", text, table, PriorWarning)
    moves = [
        f"{most:.2f} ({group})"
        for group, most in zip(GROUPS, table[MOVES].abs().max(), strict=True)
        if (table[f"from_{group}"] > 0).any()
    ]
    text = (
        f"With the priors raised to the power 2, {what} would shift by at most {', '.join(moves)} "
        "posterior standard deviations."
    )
    mostly = table[SHARES].sum(axis=1) > MOSTLY
    if mostly.any():
        named = list_some(table.index[mostly], limit=3)
        text += f" Priors contribute more than half of the information about {named}."
    return CheckResult("prior sensitivity", "ok", text, table, PriorWarning)


def _reason(label: object, row: pd.Series) -> str:
    moves = {group: abs(row[f"{group}_moves"]) for group in GROUPS}
    group = max(moves, key=lambda name: moves[name])
    if moves[group] > FAR:
        return (
            f"{label} shifts by {moves[group]:.1f} posterior standard deviations when the "
            f"{group}'s priors are raised to the power 2"
        )
    return (
        f"the posterior interval of {label} is {percent(round(min(row['width'], 1.0), 2))} as wide "
        "as its prior interval"
    )


def _widths(draws: Array) -> Array:
    return np.diff(np.quantile(draws, CENTRAL, axis=0), axis=0)[0]


LEARNED = 0.5
"""The runs inform a parameter if its posterior has less than half the variance of its prior."""


def check_weakly_known(posterior: Posterior, runs: Runs, *, cure: bool = True) -> CheckResult:
    """Name in a note the weakly known coordinates of the law, and with ``cure`` runs that help.

    The table has ``posterior_sd``, in prior standard deviations on the scale where the prior is
    normal, and the contraction 1 - posterior_sd², by coordinate.
    """
    law = posterior.spec.law
    sd = prior_scores(posterior)["law"].std(axis=0)
    table = pd.DataFrame(
        {"posterior_sd": sd, "contraction": 1 - sd**2},
        index=pd.Index([k.name for k in law.coordinates], name="coordinate"),
    )
    weak = [k for k, contraction in zip(law.coordinates, table["contraction"], strict=True)
            if not contraction >= LEARNED]  # fmt: skip
    if not weak:
        least = str(table["contraction"].idxmin())
        width = write_share(float(np.sqrt(1 - table["contraction"].min())))
        text = (
            f"All parameters of law {law.name!r} are informed by the runs, least of all {least}: "
            f"its posterior is {width} as wide as its prior."
        )
        return CheckResult("weakly known", "ok", text, table, PriorWarning)
    named = "; ".join(
        f"{k.name} ({k.meaning}), {write_share(float(table['posterior_sd'][k.name]))}" for k in weak
    )
    text = (
        f"The runs add little information on {len(weak)} of {len(law.coordinates)} parameters of "
        f"the law {law.name!r} (posterior width relative to the prior: {named}). Predictions may "
        "still be well determined."
    )
    if cure:
        text += f" Most informative would be {curing_runs(posterior, runs)}."
    return CheckResult("weakly known", "note", text, table, PriorWarning)


CENTRAL_MASS = 0.999
"""A posterior median outside this central part of its prior is a contradiction."""

Z = float(ndtri((1 + CENTRAL_MASS) / 2))


def check_prior_conflict(posterior: Posterior) -> CheckResult:
    """Check that medians lie in the central 99.9 % of the priors of law and noise scale."""
    spec, tails = posterior.spec, [(1 - CENTRAL_MASS) / 2, (1 + CENTRAL_MASS) / 2]
    rows = {}
    drawn = None
    # the shape of the noise is not judged: taking up tails heavier than expected is its purpose
    for coordinate in (*spec.law.coordinates, SIGMA):
        if coordinate.name in spec.space.normals:
            mu, sigma = spec.space.normals[coordinate.name]
            ends = np.array([mu - Z * sigma, mu + Z * sigma])
            lower, upper = LINKS[coordinate.link].backward(ends)
        else:
            drawn = drawn or spec.space.draw(np.random.default_rng(SEED), PRIOR_DRAWS)
            lower, upper = np.quantile(drawn[coordinate.name], tails)
        rows[coordinate.name] = float(np.median(posterior.c[coordinate.name])), lower, upper
    columns = ["median", "prior_lower", "prior_upper"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    outside = table[~table["median"].between(table["prior_lower"], table["prior_upper"])]
    if outside.empty:
        text = "Priors and data agree: posterior medians lie in the central 99.9 % of their priors."
        return CheckResult("prior conflict", "ok", text, table, PriorWarning)
    listed = "; ".join(
        f"the posterior median of {name}, {row['median']:.3g}, lies outside the central 99.9 % of "
        f"its prior, {row['prior_lower']:.3g} to {row['prior_upper']:.3g}"
        for name, row in outside.iterrows()
    )
    text = f"Prior-data conflict: {listed}. Widen the prior, or check the runs for errors."
    return CheckResult("prior conflict", "caution", text, table, PriorWarning)
