"""The options of a fit, declared once, and the checked job that every sweep repeats."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, TypedDict, Unpack, get_args

import numpy as np

from bayesscale import model as models
from bayesscale._arguments import choice, probability, random_seed as check_seed, whole_number
from bayesscale._documented import documented
from bayesscale._environment import available_memory, check_memory
from bayesscale._interrupts import interrupts_held
from bayesscale._progress import PROGRESS, Report
from bayesscale.errors import BayesScaleWarning
from bayesscale.inference.compiled import DensityKind
from bayesscale.inference.like import priors_like
from bayesscale.inference.result import Fit, SamplingSpec
from bayesscale.laws import Law
from bayesscale.runs import Runs, Table, as_runs


class FitOptions(TypedDict, total=False):
    """Options of a fit; every function that fits passes them on unopened."""

    law: str | Law
    noise: str
    discrepancy: str | None
    priors: Mapping[str, models.Prior] | None
    like: Fit | None
    draws: int | None
    tune: int
    chains: int
    target_accept: float
    random_seed: int | None
    density: DensityKind


DEFAULTS: FitOptions = {
    "law": "unified", "noise": "student_t", "discrepancy": "drift", "priors": None, "like": None,
    "draws": None, "tune": 1000, "chains": 4, "target_accept": 0.9, "random_seed": None,
    "density": "fused",
}  # fmt: skip

MODEL = ("law", "noise", "discrepancy", "priors")
"""The options that say what is fitted; the others say how."""

MEANINGS = {
    "runs": """The training runs, at least as many as the law has parameters; a frame is read as by
`Runs.from_frame`.""",
    **models.MODEL_MEANINGS,
    "like": """A fit of the same law to a similar ladder, such as of another corpus. The prior of
slopes, exponents, irreducible share and noise is then its posterior, widened by as much as such
ladders differ; ``priors`` override it, and fewer runs than parameters are enough.""",
    "draws": """Draws kept in each chain, at least 100. None keeps as many as the checks of
convergence need, 500 to 1,000.""",
    "tune": "Draws discarded in each chain while it adapts, at least 100.",
    "chains": "Chains, at least 2: one alone cannot show that it converged.",
    "target_accept": """Acceptance rate that the step size is tuned to, in (0, 1); higher is slower
and safer.""",
    "random_seed": """The same seed gives the same draws, whatever the number of cores. None takes a
new one, which the result records, or that of the store where there is one.""",
    "ci_prob": "Probability of the equal-tailed intervals, in (0, 1).",
    "density": """``"fused"`` compiles the formulas themselves, which takes a tenth of a second;
models that it cannot compile, such as with other PyMC priors, are left to PyMC. ``"pytensor"``
samples PyMC's graph: the same posterior, ten times slower.""",
    "store": """Folder that keeps finished fits. A rerun with the same arguments continues
from there. On a cluster, workers must share it.""",
    **PROGRESS,
}
"""What arguments mean that many functions take."""

RAISES = """RunsError
    If there are fewer runs than parameters of the law.
UnknownNameError
    If a law, noise, discrepancy or prior has an unknown name.
PriorError
    If a prior is malformed, or excludes the observed losses.
DomainError
    If an option is outside its domain.
FileError
    If a store cannot be read or written, or holds results of something else.
SamplerError
    If the sampler stops."""


def takes_fit_options[**P, T](
    *, without: tuple[str, ...] = (), **defaults: Any
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Complete signature and docstring of a function that passes fit options on."""
    shown = {k: v for k, v in {**DEFAULTS, **defaults}.items() if k not in without}
    return documented(MEANINGS, options=FitOptions, defaults=shown, sections={"Raises": RAISES})


LONGEST = 4.0
"""Chains that mix, but are short of effective draws, go on up to so many times as long."""

CAREFUL = 0.98
"""Chains that do not mix start anew with twice the tuning and steps tuned to this acceptance rate:
they mostly failed in corners that longer steps diverge in. Of 18 simulated ladders that a longer
run did not cure, it cured 17."""

DRAWS_WORTH_MORE = 250
"""With fewer draws per chain, the user wants an answer soon rather than a posterior."""


@dataclass(frozen=True, eq=False)
class Setup:
    """A checked fit to make, the job of every sweep; its centre need not be that of the runs."""

    runs: Runs
    spec: models.ModelSpec
    sampling: SamplingSpec
    density: DensityKind = "fused"

    @classmethod
    def of(cls, runs: Runs | Table, **options: Unpack[FitOptions]) -> Setup:
        """Check the options of a fit against the runs, before anything is compiled."""
        unknown = [name for name in options if name not in DEFAULTS]
        if unknown:
            raise TypeError(f"got an unexpected keyword argument {unknown[0]!r}")
        every: dict[str, Any] = {**DEFAULTS, **options}
        runs = as_runs(runs)
        sibling, seed, draws = every["like"], every["random_seed"], every["draws"]
        model = {name: every[name] for name in MODEL}
        spec = models.specify(runs, **model, few=sibling is not None)
        if sibling is not None:
            overrides = priors_like(sibling, spec) | dict(every["priors"] or {})
            spec = replace(spec, priors=models.resolve_priors(spec.coordinates, overrides))
        seed = np.random.default_rng().integers(2**31) if seed is None else seed
        sampling = SamplingSpec(
            draws=None if draws is None else whole_number("draws", draws, least=100),
            tune=whole_number("tune", every["tune"], least=100),
            chains=whole_number("chains", every["chains"], least=2),
            target_accept=probability("target_accept", every["target_accept"]),
            random_seed=check_seed(seed),
        )
        choice("density", every["density"], get_args(DensityKind.__value__))
        return cls(runs, spec, sampling, every["density"])

    def settings(self) -> dict[str, Any]:
        """Return what distinguishes one model's fits from another's, as plain JSON types."""
        spec = self.spec.as_dict()
        model = {k: spec[k] for k in ("law", "discrepancy", "noise", "priors", "formula")}
        return model | asdict(self.sampling)

    def checked(self) -> Setup:
        """Return a checked setup, with standard errors where losses hold no noise."""
        models.check_priors_admit(self.runs, self.spec)
        spec, runs = models.with_noise_floor(self.spec, self.runs)
        return replace(self, spec=spec, runs=runs)

    def fit(self, *, published: bool = True, report: Report = lambda *_: None) -> Fit:
        """Check that priors and losses admit a fit, sample it, and run its checks; no warnings."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BayesScaleWarning)
            result = self.checked().sample(published=published, report=report)
            _ = result.checks  # computed here, where warnings are held
        return result

    def sample(self, *, published: bool = True, report: Report = lambda *_: None) -> Fit:
        """Sample the model, and again where the chains do not mix.

        Without ``published`` the closest law is not computed: it takes a fourth of the time.
        """
        with interrupts_held():
            with suppress(ImportError):
                import dask.array  # noqa: F401 - xarray does so at its first variable
            from bayesscale.inference.compiled import compile_model, is_compiled
            from bayesscale.inference.draws import assemble_draws
            from bayesscale.inference.sampler import MOST_DRAWS, memory_needed, sample_nuts
            from bayesscale.model import model_data

        spec, runs, sampling, density = self.spec, self.runs, self.sampling, self.density
        length = {"draws": sampling.draws, "tune": sampling.tune, "chains": sampling.chains}
        check_memory(
            f"Sampling {', '.join(f'{k}={v}' for k, v in length.items())}",
            memory_needed(spec, **length),
            remedy="Use fewer: 1,000 draws per chain are enough for intervals.",
        )
        patient = (sampling.draws or MOST_DRAWS) >= DRAWS_WORTH_MORE and (
            memory_needed(spec, **length, longest=LONGEST) <= available_memory()
        )
        if not is_compiled(spec, density):
            report(f"Compiling the law {spec.law.name!r} (once per process; refits reuse it)")
        compiled = compile_model(spec, runs, density)
        if compiled.note:
            report(f"Sampling PyMC's density, the slower one: {compiled.note}")
        data = model_data(spec, runs)

        def sampled(*, longest: float, **changed: Any) -> Fit:
            settings = {**asdict(sampling), "longest": longest if patient else 1.0, **changed}
            u, stats = sample_nuts(compiled, spec, data, report=report, **settings)
            report("Summarising the draws")
            seed = sampling.random_seed
            draws = assemble_draws(spec, runs, u, stats, random_seed=seed, published=published)
            result = Fit(spec=spec, runs=runs, draws=draws, sampling=sampling)
            return replace(result, draws=result.to_tree())

        # steps on PyMC's density are dear: those chains go on only where they do not mix
        result = sampled(longest=LONGEST if compiled.kind == "fused" else 1.0)
        if patient and not result.convergence.passed:
            report("The chains have not mixed: sampling again with smaller steps")
            careful = max(sampling.target_accept, CAREFUL)
            result = sampled(longest=LONGEST, target_accept=careful, tune=2 * sampling.tune)
        return result
