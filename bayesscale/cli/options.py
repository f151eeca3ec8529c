"""Options that several commands take: what to fit and how to sample, sizes, intervals."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, get_args

import click

from bayesscale.cli.own_law import get_law
from bayesscale.quantities import ShownLoss

_INTERVAL = re.compile(r"(?P<lower>[^:@()]+):(?P<upper>[^:@()]+)(@(?P<mass>[^:@()]+))?")
_FAMILY = re.compile(r"(?P<family>\w+)\((?P<parameters>.*)\)")
_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_FIELDS: dict[str, Callable[[str], Any]] = {"devices": int, "currency": str}
"""What the words for a machine are, besides numbers."""

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


class _Law(click.ParamType):
    """A law's name, or a file and the name of a law in it."""

    name = "NAME|FILE.py:NAME"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        return get_law(value) if isinstance(value, str) else value


class _NamedPrior(click.ParamType):
    """``NAME=LOWER:UPPER[@MASS]`` or ``NAME=Family(parameter=value, ...)``."""

    name = "NAME=PRIOR"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        from bayesscale.model import Prior

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
            "slope_N=0.03:0.1@0.9, or a PyMC distribution, 'slope_N=LogNormal(mu=-3, sigma=0.4)'.",
            ctx,
            param,
        )


class _Sizes(click.ParamType):
    """One size or several, separated by commas: ``70B``, ``1.4T``, ``350M,1e9``."""

    name = "SIZE[,SIZE...]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        if _GROUPED.fullmatch(value):
            self.fail(
                f"{value!r} would be several sizes, for commas separate them. Write one number "
                f"as {value.replace(',', '')}, or several with spaces after the commas.",
                param,
                ctx,
            )
        return tuple(self._size(part.strip(), param, ctx) for part in value.split(","))

    def _size(self, text: str, param: Any, ctx: Any) -> float:
        scale = _SUFFIXES.get(text[-1:].lower(), 1.0)
        try:
            return float(text[:-1] if scale > 1 else text) * scale
        except ValueError:
            self.fail(f"{text!r} is not a size. Write 70e9, 70B, 1.4T or 350M.", param, ctx)


class _Given(_Sizes):
    """``NAME=SIZE[,SIZE...]``."""

    name = "NAME=SIZE[,SIZE...]"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if isinstance(value, tuple):
            return value
        name, equals, sizes = value.partition("=")
        if not (equals and name.strip().isidentifier()):
            self.fail(f"{value!r} is not NAME=SIZE, such as experts=8.", param, ctx)
        return name.strip(), super().convert(sizes, param, ctx)


class _Machine(click.ParamType):
    """``peak=989e12,utilization=0.4,price_per_hour=2,devices=512``."""

    name = "NAME=NUMBER,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        import bayesscale as bs

        pairs = [part.partition("=") for part in value.split(",")]
        given = {name.strip(): number.strip() for name, _, number in pairs}
        known = {field.name: field for field in fields(bs.Machine)}
        if set(given) - set(known) or not {"peak", "utilization"} <= set(given):
            self.fail(
                f"{value!r} is no machine. Write peak=989e12,utilization=0.4 and, if wanted, "
                "price_per_hour=2,currency=USD,devices=512.",
                param,
                ctx,
            )
        try:
            return bs.Machine(**{name: _FIELDS.get(name, float)(x) for name, x in given.items()})
        except ValueError as error:
            if type(error) is not ValueError:  # a DomainError explains itself
                raise
            self.fail(f"{value!r} has something that is no number.", param, ctx)


def _single(name: str, sizes: Sequence[float]) -> float:
    if len(sizes) != 1:
        raise click.BadParameter(f"one number for {name}, not {len(sizes)}.")
    return sizes[0]


def _by_name(
    ctx: click.Context, param: click.Parameter, value: Sequence[tuple[str, Any]]
) -> dict[str, Any]:
    named = dict(value)
    if len(named) < len(value):
        raise click.BadParameter(f"two {param.human_readable_name} for one name.", ctx, param)
    return named


def sizes_option(name: str, text: str, *, into: str | None = None, **settings: Any) -> Callable:
    """Make an option for sizes; the command receives a flat list, empty if none was given."""
    return click.option(
        *((name,) if into is None else (name, into)),
        type=_Sizes(),
        multiple=True,
        callback=lambda ctx, param, groups: [size for group in groups for size in group],
        help=text,
        **settings,
    )


def size_option(name: str, text: str, **settings: Any) -> Callable:
    """Make an option for one size; the command receives it, or None."""

    def single(ctx: click.Context, param: click.Parameter, sizes: Any) -> float | None:
        if sizes is not None and len(sizes) != 1:
            raise click.BadParameter("one size, not several.", ctx, param)
        return None if sizes is None else sizes[0]

    return click.option(name, type=_Sizes(), metavar="SIZE", callback=single, help=text, **settings)


input_option = click.option(
    "--input", "inputs", type=_Given(), multiple=True,
    callback=lambda *about: {name: [*sizes] for name, sizes in _by_name(*about).items()},
    help="A further input of the law, e.g. experts=8; repeatable.",
)  # fmt: skip

given_option = click.option(
    "--given", type=_Given(), multiple=True,
    callback=lambda *about: {name: _single(name, at) for name, at in _by_name(*about).items()},
    help="A further input of the law to answer for, e.g. experts=8; repeatable.",
)  # fmt: skip

losses_in_option = click.option(
    "--losses-in", "unit", type=click.Choice(get_args(ShownLoss)),
    help="Unit of the losses that are told; by default that of the runs.",
)  # fmt: skip

machine_option = click.option(
    "--machine", type=_Machine(), help="Say what budgets cost on a machine: its peak in FLOP a "
    "second, the share that training reaches, and if wanted price_per_hour and devices.",
)  # fmt: skip

own_law_option = click.option(
    "--law", type=_Law(), help="The law of your own that was fitted, as FILE.py:NAME."
)

ci_prob_option = click.option(
    "--ci-prob", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.9,
    show_default=True, help="Probability of the intervals.",
)  # fmt: skip

recipe_shift_option = click.option(
    "--recipe-shift", type=click.FloatRange(0), default=0.0, show_default=True,
    help="How far the recipe of larger runs may move log loss, e.g. 0.02.",
)  # fmt: skip

force_option = click.option(
    "--force", is_flag=True, help="Write over a file that is there, whatever it is."
)

quiet_option = click.option("-q", "--quiet", is_flag=True, help="Tell of warnings and errors only.")

_OPTIONS: dict[str, Callable] = {
    "law": click.option(
        "--law", type=_Law(), show_default="unified",
        help="unified, chinchilla, kaplan, ..., or a law of your own: my_law.py:MyLaw.",
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
        help="slope_N=0.03:0.1@0.9 (90 % in that interval) or 'slope_N=Beta(alpha=2, beta=30)'; "
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
