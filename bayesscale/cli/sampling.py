"""Options that say what to fit and how to sample."""

import functools
import re
from collections.abc import Callable
from typing import Any

import click

_INTERVAL = re.compile(r"(?P<lower>[^:@()]+):(?P<upper>[^:@()]+)(@(?P<mass>[^:@()]+))?")
_FAMILY = re.compile(r"(?P<family>\w+)\((?P<parameters>.*)\)")


class _NamedPrior(click.ParamType):
    """``NAME=LOWER:UPPER[@MASS]`` or ``NAME=Family(parameter=value, ...)``."""

    name = "NAME=PRIOR"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        from bayesscale.model.priors import Prior

        name, _, said = (part.strip() for part in value.partition("="))
        try:
            if interval := _INTERVAL.fullmatch(said):
                given = {k: float(v) for k, v in interval.groupdict().items() if v is not None}
                return name, Prior.between(**given)
            if family := _FAMILY.fullmatch(said):
                pairs = [p.partition("=") for p in family["parameters"].split(",") if p.strip()]
                return name, Prior(family["family"], **{k.strip(): float(v) for k, _, v in pairs})
        except ValueError as error:
            if type(error) is not ValueError:  # a PriorError explains itself
                raise
        raise click.BadParameter(
            f"{value!r} is not a prior. Write an interval and the probability that it holds, "
            "alpha_N=0.2:0.5@0.9, or a PyMC distribution, 'alpha_N=LogNormal(mu=-1.1, sigma=0.4)'.",
            ctx,
            param,
        )


def _by_name(ctx: click.Context, param: click.Parameter, value: Any) -> dict[str, Any]:
    priors = dict(value)
    if len(priors) < len(value):
        raise click.BadParameter("two priors for one name.", ctx, param)
    return priors


_OPTIONS: dict[str, Callable] = {
    "law": click.option(
        "--law", metavar="NAME", show_default="unified", help="unified, chinchilla, kaplan, ..."
    ),
    "noise": click.option(
        "--noise", metavar="NAME", show_default="student_t",
        help="student_t, normal or one_sided.",
    ),
    "discrepancy": click.option(
        "--discrepancy", metavar="NAME", show_default="drift",
        help="What the law may get wrong: drift, quadratic, or none to take it for true.",
    ),
    "priors": click.option(
        "--prior", "priors", type=_NamedPrior(), multiple=True, callback=_by_name,
        help="alpha_N=0.2:0.5@0.9 (90 % in that interval) or 'alpha_N=Beta(alpha=3, beta=6)'; "
        "repeatable.",
    ),
    "draws": click.option("--draws", type=int, show_default="1000", help="Draws kept a chain."),
    "tune": click.option("--tune", type=int, show_default="1000", help="Draws to tune, a chain."),
    "chains": click.option("--chains", type=int, show_default="4", help="Chains."),
    "target_accept": click.option(
        "--target-accept", type=float, show_default="0.9", help="Higher is slower and safer."
    ),
    "random_seed": click.option("--seed", "random_seed", type=int, help="Makes draws repeatable."),
}  # fmt: skip


def sampling_options(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add some of the options, by default all.

    The command receives those that were given as ``sampling``, arguments of ``fit``; the others
    keep the defaults that ``fit`` has.
    """
    chosen = names or tuple(_OPTIONS)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_sampling(**options: Any) -> None:
            given = {name: options.pop(name) for name in chosen}
            command(**options, sampling={k: v for k, v in given.items() if v not in (None, {})})

        for name in reversed(chosen):
            with_sampling = _OPTIONS[name](with_sampling)
        return with_sampling

    return decorate
