"""Fit a law to runs."""

import warnings
from typing import Unpack

from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale.errors import PACKAGE, RunsWarning
from bayesscale.inference.result import Fit
from bayesscale.inference.setup import FitOptions, Setup, takes_fit_options
from bayesscale.runs import Runs, Table


@takes_fit_options()
def fit(
    runs: Runs | Table, *, progress: ProgressOption = "auto", **options: Unpack[FitOptions]
) -> Fit:
    r"""Sample the posterior of a scaling law given training runs.

    Warns
    -----
    ConvergenceWarning
        If the chains did not converge.
    PriorWarning
        If the posterior lies in the tails of a prior, or the exponent of the compute-optimal split
        is sensitive to the priors.
    LackOfFitWarning
        If the checks find lack of fit. Only the most severe finding is warned of, once.
    RunsWarning
        If the runs have groups, which are fitted as one ladder.

    Notes
    -----
    .. math:: \ln L_i \sim \mathrm{noise}(\ln L(N_i, D_i), \sigma_i), \quad
              \sigma_i = \sigma \, C_i^{\gamma_C} (D_i / N_i)^{\gamma_R}

    sampled by NUTS in coordinates at the centre of the runs, which C, D and N are relative to; see
    :mod:`bayesscale.laws.coordinates` for what they mean, :mod:`bayesscale.laws.population` for the
    default priors, and :mod:`bayesscale.model.noise` for the noise.

    Chains that have not mixed are run once more, with twice the tuning, four times the steps per
    draw and steps small enough for an acceptance of .98, before the checks.

    Rows that belong to one run by ``read_runs(cluster=...)`` share an effect on their log loss, so
    that a thousand checkpoints do not count as a thousand runs; see :mod:`bayesscale.model.rows`.

    References
    ----------
    .. [1] Hoffman and Gelman (2014), JMLR 15, the No-U-Turn sampler.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.read_runs("runs.csv")                           # doctest: +SKIP
    >>> bs.fit(runs, law="chinchilla", random_seed=1).summary()   # doctest: +SKIP
    """
    setup = Setup.of(runs, **options)
    with progress_reporter(progress) as report:
        result = setup.fit(report=report)
    if (pooled := setup.runs.pooled_groups(setup.spec.law.quantities)) is not None:
        warnings.warn(pooled, RunsWarning, skip_file_prefixes=(PACKAGE,))
    gravest = [c for c in result.checks if c.warns and c.severity == result.severity]
    if gravest:  # one warning: what was found, the fit says where it is shown
        line = result.verdict
        text = f"{result.spec.in_words()}. {line.marked} Print the fit to read what was found."
        warnings.warn(gravest[0].warning(text, line.text), skip_file_prefixes=(PACKAGE,))
    return result
