"""Average laws: the weight of each of them."""

import warnings
from collections.abc import Mapping

import pandas as pd

from bayesscale._format import write_share
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale.checks import CheckResult
from bayesscale.comparison.scores import SCORES, check_fits, check_seed, compares, score
from bayesscale.errors import PACKAGE, DomainError, unknown_name
from bayesscale.inference import Average, Fit, check_refits


@compares
def average(
    fits: Mapping[str, Fit], *, by: str = "loo", factor: float = 10.0, group: str | None = None,
    random_seed: int | None = None, progress: ProgressOption = "auto",
) -> Average:  # fmt: skip
    r"""Average fits of several laws to the same runs, weighted by how well they predict.

    The average is accepted in place of a fit by functions of predicted losses:
    :func:`~bayesscale.extrapolate`, :func:`~bayesscale.allocate`,
    :func:`~bayesscale.required_flops`, :func:`~bayesscale.required_tokens` and
    :func:`~bayesscale.gain`. The result is the mixture of the laws' results: where they disagree,
    its interval is as wide as their disagreement.

    Parameters
    ----------
    by
        ``"loo"``: stacking on how well each run is predicted by the others; seconds. It concerns
        runs like those in the table. ``"largest"``: partial Bayes factors, the joint predictive
        density of all runs with the largest compute given the smaller ones, from one refit per law.
        They concern extrapolation, but a single instance of it, and depend less on the priors than
        ``"evidence"``. ``"evidence"``: posterior probabilities of the laws at equal prior odds.
        They concentrate on one law with many runs, even if no law is correct, and depend on the
        priors.
    group
        For ``"loo"``: column of labels (``read_runs(path, group=...)``). Runs of one label, such as
        checkpoints of one training, are left out together and scored jointly. None leaves out every
        run by itself, with all its rows where the runs have clusters.
    random_seed
        Seed of the bridge (``"evidence"``), of the errors of the weights, and of the choice of
        draws that represent each fit; by default the first fit's. Refits have the seed of the fit
        that they repeat.

    Notes
    -----
    Stacking maximises the log score of the mixture on what was left out,

    .. math:: \max_w \sum_i \ln \sum_k w_k p_k(y_i | y_{-i}),
              \quad w_k \ge 0, \; \sum_k w_k = 1

    with densities of log loss. A law has similar errors for all of the largest runs: they count as
    one observation, and under ``"largest"`` the weights are

    .. math:: w_k \propto p_k(y_{large} | y_{small}) = p_k(y_{all}) / p_k(y_{small})

    by two evidences per law; ``weight_se`` holds their Monte Carlo errors alone.

    Leaving one out is done by Pareto-smoothed importance sampling; runs (clusters) for which it is
    unreliable are refitted without, at most 50 a fit.

    The default was chosen on 8 public ladders, averages of ``kaplan``, ``chinchilla`` and
    ``unified`` without discrepancy, fitted without the largest decade of compute and scored on it.
    Mean log score of a held-out run, and mean coverage of 90 % intervals: ``"loo"`` 1.80 and .74,
    ``"evidence"`` 1.86 and .59, equal weights 1.75 and .91. The scores differ by less than their
    errors, and ``"evidence"`` gives the narrowest intervals.

    References
    ----------
    .. [1] Yao, Vehtari, Simpson and Gelman (2018), Bayesian Analysis 13(3), 917-1007,
       doi:10.1214/17-BA1091.
    .. [2] O'Hagan (1995), JRSS B 57(1), 99-138, partial Bayes factors.
    .. [3] Vehtari, Gelman and Gabry (2017), Statistics and Computing 27, 1413-1432,
       doi:10.1007/s11222-016-9696-4.

    Examples
    --------
    >>> m = bs.average({"kaplan": fit_k, "chinchilla": fit_c})    # doctest: +SKIP
    >>> m.summary                                                 # doctest: +SKIP
    >>> bs.extrapolate(m, params=70e9, tokens=1.4e12).summary     # doctest: +SKIP
    """
    kept, convergence = _check(fits, by, group)
    seed = check_seed(random_seed, fits)
    with progress_reporter(progress) as report:
        scores = score(kept, by, factor=factor, group=group, random_seed=random_seed, report=report)
    laws = [fit.law.name for fit in kept.values()]
    weighed = {"law": laws, "weight": scores.weights, "weight_se": scores.weight_se}
    table = pd.DataFrame(weighed, scores.table.index).join(scores.table).rename_axis(index="fit")
    text = _in_words(by, table, scores.pointwise, factor)
    for check in (convergence, check_refits(table)):
        if check.warns:
            warnings.warn(check.text, check.warning, skip_file_prefixes=(PACKAGE,))
    return Average(
        fits=kept, weights=dict(zip(kept, map(float, scores.weights), strict=True)), by=by,
        summary=table, pointwise=scores.pointwise, random_seed=seed,
        text=f"{text} {convergence.text}" if convergence.warns else text,
    )  # fmt: skip


def _in_words(by: str, table: pd.DataFrame, pointwise: pd.DataFrame | None, factor: float) -> str:
    """Return a sentence for a report."""
    if by == "largest":
        how = (
            "the joint predictive density, after fits to the smaller runs, of the "
            f"{table['n_largest'].iloc[0]} within {factor:g}x of the largest compute"
        )
    elif pointwise is None:
        how = "evidence (posterior probabilities at equal prior odds)"
    else:
        what = "run" if pointwise.index.name == "run" else f"{pointwise.index.name!r}"
        how = f"leave-one-{what}-out ({len(pointwise)} left out, {table['n_refits'].sum()} refits)"
    ranked = table["weight"].sort_values(ascending=False)
    shares = [f"{name} {'<1 %' if w < 0.005 else write_share(w)}" for name, w in ranked.items()]
    return f"Laws averaged by {how}: {', '.join(shares)}."


def _check(
    fits: Mapping[str, Fit], by: str, group: str | None
) -> tuple[dict[str, Fit], CheckResult]:
    """Refuse what cannot be averaged; see :func:`check_fits`."""
    if not isinstance(by, str) or by not in SCORES:
        raise unknown_name("criterion", by, SCORES)
    if by != "loo" and group is not None:
        raise DomainError(
            f"Under by={by!r} runs are scored all together, and groups of them are not left out. "
            'Leave group out, or use by="loo".'
        )
    kept, convergence = check_fits(fits, what="An average", least=1)
    first, *others = kept.items()
    for name, fit in others:
        if set(fit.law.quantities) != set(first[1].law.quantities):
            raise DomainError(
                f"{first[0]!r} predicts from {' and '.join(first[1].law.quantities)} and {name!r} "
                f"from {' and '.join(fit.law.quantities)}, so they cannot be averaged. Average "
                "laws of the same inputs."
            )
    return kept, convergence
