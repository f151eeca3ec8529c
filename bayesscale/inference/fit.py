"""Fit a law to runs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, get_args

import numpy as np

from bayesscale._arguments import choice, probability, random_seed as check_seed, whole_number
from bayesscale._interrupts import interrupts_held
from bayesscale._memory import available_memory, check_memory
from bayesscale._progress import ProgressOption, Report, progress_reporter
from bayesscale.errors import RunsWarning
from bayesscale.inference.compiled import DensityKind
from bayesscale.inference.noiseless import check_noise
from bayesscale.inference.result import Fit, SamplingSpec
from bayesscale.model import ModelSpec, check_priors_admit, specify
from bayesscale.runs import Runs

if TYPE_CHECKING:
    from bayesscale.laws import Law
    from bayesscale.model import Prior


def fit(
    runs: Runs,
    *,
    law: str | Law = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
    density: DensityKind = "fused",
) -> Fit:
    r"""Sample the posterior of a scaling law given training runs.

    Parameters
    ----------
    runs
        The training runs, at least as many as the law has unknowns.
    law
        ``"unified"``, ``"chinchilla"``, ``"kaplan"``, ... (``bayesscale.laws.LAWS``), or an
        instance of your own :class:`~bayesscale.Law`.
    noise
        Scatter of log loss around the law, whose scale changes with compute and with tokens per
        parameter: ``"student_t"`` forgives outliers, ``"normal"``
        does not; ``"one_sided"`` says that bad runs are only worse, so that the law is the loss
        of well-tuned runs, and some runs are above it.
    discrepancy
        What the law itself may get wrong. ``"drift"``: its slopes wander with scale, which is
        what makes extrapolations honest; ``"quadratic"``: a shrunken quadratic in ln N and ln D;
        None takes the law for true.
    priors
        Overrides of default priors by name of sampling coordinate, such as
        ``{"slope_N": Prior.between(0.03, 0.1, mass=0.9)}``.
    draws, tune
        Draws kept and discarded in each chain, at least 100.
    chains
        Chains, at least 2: one alone cannot show that it converged.
    target_accept
        Acceptance rate that the step size is tuned to, in (0, 1); higher is slower and safer.
    random_seed
        The same seed gives the same draws, whatever the number of cores. None takes a new one,
        which the fit records.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    density
        ``"fused"`` compiles the formulas themselves, which takes a tenth of a second; what it
        does not know, such as a prior of PyMC's own, it leaves to PyMC. ``"pytensor"`` samples
        PyMC's graph, for whoever doubts: the same posterior, ten times slower.

    Returns
    -------
    Fit
        The posterior, with its checks.

    Raises
    ------
    RunsError
        If there are fewer runs than unknowns.
    UnknownNameError
        If a law, noise, discrepancy or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from what was observed.
    DomainError
        If an option is outside its domain.
    SamplerError
        If the sampler stops.

    Warns
    -----
    ConvergenceWarning
        If the draws are not a posterior yet.
    PriorWarning
        If the posterior lies where a prior had all but excluded it, or priors decide the exponent
        of the compute-optimal split.
    LackOfFitWarning
        If the law does not describe the runs. Of several findings the gravest one warns, once.
    RunsWarning
        If the runs have groups, which are fitted as one ladder.

    Notes
    -----
    .. math:: \ln L_i \sim \mathrm{noise}(\ln L(N_i, D_i), \sigma_i), \quad
              \sigma_i = \sigma \, C_i^{\gamma_C} (D_i / N_i)^{\gamma_R}

    sampled by NUTS in coordinates at the centre of the runs, which C, D and N are relative to; see
    :mod:`bayesscale.laws.coordinates` for what they mean, :mod:`bayesscale.laws.population` for the
    default priors, and :mod:`bayesscale.model.noise_scale` for the noise.

    Chains that have not mixed are run once more, with twice the tuning, four times the steps a draw
    and steps small enough for an acceptance of .98, before the checks have their say.

    Rows that ``read_runs(cluster=...)`` says are readings of one run share an effect on their log
    loss, so that a thousand checkpoints do not count as a thousand runs; see
    :mod:`bayesscale.model.rows`.

    References
    ----------
    .. [1] Hoffman and Gelman (2014), JMLR 15, the No-U-Turn sampler.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.read_runs("runs.csv")                           # doctest: +SKIP
    >>> bs.fit(runs, law="chinchilla", random_seed=1).summary()   # doctest: +SKIP
    """
    spec = specify(runs, law=law, noise=noise, discrepancy=discrepancy, priors=priors)
    sampling = check_sampling(draws, tune, chains, target_accept, random_seed)
    choice("density", density, get_args(DensityKind.__value__))
    with progress_reporter(progress) as report:
        check_priors_admit(runs, spec)
        check_noise(spec, runs)
        result = fit_spec(spec, runs, sampling, report=report, density=density)
        _ = result.checks  # while there is somebody to tell of it
    if runs.pooled_groups() is not None:
        warnings.warn(str(runs.pooled_groups()), RunsWarning, stacklevel=2)
    warn_of_checks(result)
    return result


def warn_of_checks(result: Fit) -> None:
    """Warn once that the checks found something. What it is, the fit says where it is shown."""
    gravest = [c for c in result.checks if c.warns and c.severity == result.severity]
    if gravest:
        line = result.verdict
        text = f"{result.spec.in_words()}. {line.marked} Print the fit to read what was found."
        warnings.warn(gravest[0].warning(text, line.text), stacklevel=3)


LONGER = 2
"""Chains that mix, and are but short of effective draws, are run once more, so many times as long:
nine fits of nine on three ladders converged then."""

MUCH_LONGER = 4
"""Chains that do not mix are run so many times as long, with more tuning, too."""

CAREFUL = 0.98
"""The acceptance rate that their steps are then tuned to: they mostly failed in corners that longer
steps diverge in. Of 18 simulated ladders that the longer run alone did not cure, it cured 17."""

DRAWS_WORTH_MORE = 250
"""With fewer draws a chain, the user wants an answer soon rather than a posterior."""


def fit_spec(
    spec: ModelSpec, runs: Runs, sampling: SamplingSpec, *, report: Report,
    density: DensityKind = "fused",
) -> Fit:  # fmt: skip
    """Sample a model that is already specified, whose reference point need not be the centre of
    these runs: what a sweep of many fits repeats.
    """  # noqa: D205
    with interrupts_held():
        from bayesscale.checks import short_of_draws
        from bayesscale.inference.compiled import compile_model, is_compiled
        from bayesscale.inference.draws import assemble_draws
        from bayesscale.inference.sampler import memory_needed, sample_nuts
        from bayesscale.model import model_data

    length = {"draws": sampling.draws, "tune": sampling.tune, "chains": sampling.chains}
    check_memory(
        f"Sampling {', '.join(f'{k}={v:,}' for k, v in length.items())}",
        memory_needed(spec, **length),
        remedy="Ask for less: 1,000 draws a chain are enough for intervals.",
    )
    if not is_compiled(spec, density):
        report(f"Compiling the law {spec.law.name!r} (once per process; refits reuse it)")
    compiled = compile_model(spec, runs, density)
    if compiled.note:
        report(f"Sampling PyMC's density, the slower one: {compiled.note}")
    data = model_data(spec, runs)

    def sampled(effort: int, target_accept: float) -> Fit:
        settings = asdict(replace(sampling, target_accept=target_accept))
        u, stats = sample_nuts(compiled, spec, data, report=report, effort=effort, **settings)
        report("Summarising the draws")
        draws = assemble_draws(spec, runs, u, stats, random_seed=sampling.random_seed)
        return Fit(spec=spec, runs=runs, draws=draws, sampling=sampling)

    careful = max(sampling.target_accept, CAREFUL)
    result = sampled(1, sampling.target_accept)
    for effort, target_accept in ((LONGER, sampling.target_accept), (MUCH_LONGER, careful)):
        if result.convergence.passed or sampling.draws < DRAWS_WORTH_MORE:
            break
        if effort == LONGER and not short_of_draws(
            result.convergence, result.draws["sample_stats"].dataset
        ):
            continue
        if memory_needed(spec, **length, effort=effort) > available_memory():
            break
        report(f"Too few effective draws: sampling again, {effort} times as long")
        result = sampled(effort, target_accept)
    return result


def check_sampling(
    draws: int, tune: int, chains: int, target_accept: float, random_seed: int | None
) -> SamplingSpec:
    """Check how to sample; no seed takes a new one."""
    seed = np.random.default_rng().integers(2**31) if random_seed is None else random_seed
    return SamplingSpec(
        draws=whole_number("draws", draws, least=100),
        tune=whole_number("tune", tune, least=100),
        chains=whole_number("chains", chains, least=2),
        target_accept=probability("target_accept", target_accept),
        random_seed=check_seed(seed),
    )
