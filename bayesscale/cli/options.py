"""Options that several commands take: how to read a table, what to fit, sizes, intervals."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click

import bayesscale as bs
from bayesscale._arguments import read_size
from bayesscale._python import call, made_by
from bayesscale.cli.own_law import get_law
from bayesscale.quantities import LossUnit

_INTERVAL = re.compile(r"(?P<lower>[^:@()]+):(?P<upper>[^:@()]+)(@(?P<mass>[^:@()]+))?")
_FAMILY = re.compile(r"(?P<family>\w+)\((?P<parameters>.*)\)")
_FIELDS: dict[str, Callable[[str], Any]] = {"devices": int, "currency": str}
"""What the words for a machine are, besides numbers."""

_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


class Read[T](click.ParamType):
    """Text of the form ``name`` that ``read`` turns into a value."""

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        self.name, self.read = name, read

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Read text; click hands defaults over a second time, already read."""
        return self.read(value) if isinstance(value, str) else value


def _named_prior(value: str) -> tuple[str, Any]:
    from bayesscale.model import Prior

    name, _, written = (part.strip() for part in value.partition("="))
    try:
        if interval := _INTERVAL.fullmatch(written):
            given = {k: float(v) for k, v in interval.groupdict().items() if v is not None}
            return name, Prior.between(**given)
        if family := _FAMILY.fullmatch(written):
            pairs = [p.partition("=") for p in family["parameters"].split(",") if p.strip()]
            return name, Prior(family["family"], **{k.strip(): float(v) for k, _, v in pairs})
    except ValueError as error:
        if type(error) is not ValueError:  # a PriorError explains itself
            raise
    raise click.BadParameter(
        f"{value!r} is not a prior. Write an interval and the probability that it holds, "
        "slope_N=0.03:0.1@0.9, or a PyMC distribution, 'slope_N=LogNormal(mu=-3, sigma=0.4)'."
    )


def _sizes(value: str) -> tuple[float, ...]:
    """Read ``70B`` or ``350M,1e9``; device-hours are of the machine that was given before."""
    if _GROUPED.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} would be several sizes, because commas separate them. Write one number as "
            f"{value.replace(',', '')}, or several with spaces after the commas."
        )
    machine: Any = click.get_current_context().params.get("machine")
    sizes = []
    for part in map(str.strip, value.split(",")):
        hours = "hour" in part and isinstance(machine, bs.Machine)
        sizes.append(machine.flops(part) if hours else read_size(part))
        if sizes[-1] is None:
            raise click.BadParameter(
                f"{part!r} is not a size. Write 70e9, 70B, 1.4T or 350M, and compute also as "
                "100PF-days or, with --machine, '1000 H100-hours'."
            )
    return tuple(sizes)


def _named_sizes(value: str) -> tuple[str, tuple[float | str, ...]]:
    """Read ``experts=8,64``, or labels where nothing is a size."""
    name, equals, sizes = value.partition("=")
    if not (equals and name.strip().isidentifier()):
        raise click.BadParameter(f"{value!r} is not NAME=SIZE, such as experts=8.")
    parts = tuple(map(str.strip, sizes.split(",")))
    return name.strip(), _sizes(sizes) if any(map(read_size, parts)) else parts


def _machine(value: str) -> "bs.Machine":
    """Read ``peak=989e12,utilization=0.4,price_per_hour=2,devices=512``."""
    pairs = [part.partition("=") for part in value.split(",")]
    given = {name.strip(): number.strip() for name, _, number in pairs}
    names = {field.name for field in fields(bs.Machine)}
    if set(given) - names or not {"peak", "utilization"} <= set(given):
        raise click.BadParameter(
            f"{value!r} is not a machine. Write peak=989e12,utilization=0.4 and optionally "
            "price_per_hour=2,currency=USD,devices=512."
        )
    try:
        return bs.Machine(**{name: _FIELDS.get(name, float)(x) for name, x in given.items()})
    except ValueError as error:
        if type(error) is not ValueError:  # a DomainError explains itself
            raise
        raise click.BadParameter(f"{value!r} has a value that is not a number.") from None


LAW = Read("NAME|FILE.py:NAME", get_law)
SIZES = Read("SIZE[,SIZE...]", _sizes)


def by_name(why_not_twice: str) -> Callable[..., dict[str, Any]]:
    """Return a callback that makes a mapping of pairs, and refuses two of one name."""

    def as_mapping(
        ctx: click.Context, param: click.Parameter, value: Sequence[tuple[str, Any]]
    ) -> dict[str, Any]:
        if len(dict(value)) < len(value):
            raise click.BadParameter(why_not_twice, ctx, param)
        return dict(value)

    return as_mapping


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value not in (None, [], (), {})}


def gathered(into: str, options: Mapping[str, Callable]) -> Callable[[Callable], Callable]:
    """Return a decorator that adds options; the command receives those given in one dict."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def gather(**values: Any) -> None:
            chosen = {name: values.pop(name) for name in options}
            command(**values, **{into: given(chosen)})

        for option in [*options.values()][::-1]:
            gather = option(gather)
        return gather

    return decorate


def sizes_option(name: str, text: str, *, into: str | None = None, **settings: Any) -> Callable:
    """Make an option for sizes; the command receives a flat list, empty if none was given."""
    return click.option(
        *((name,) if into is None else (name, into)), type=SIZES, multiple=True, help=text,
        callback=lambda ctx, param, groups: [size for group in groups for size in group],
        **settings,
    )  # fmt: skip


def size_option(name: str, text: str, **settings: Any) -> Callable:
    """Make an option for one size; the command receives it, or None."""

    def single(ctx: click.Context, param: click.Parameter, sizes: Any) -> float | None:
        if sizes is not None and len(sizes) != 1:
            raise click.BadParameter("one size, not several.", ctx, param)
        return None if sizes is None else sizes[0]

    return click.option(name, type=SIZES, metavar="SIZE", callback=single, help=text, **settings)


TERMS = {
    "served": size_option("--served", "Tokens served in deployment; budgets include their cost."),
    "params_min": size_option("--params-min", "Minimum parameters, e.g. 1B."),
    "params_max": size_option("--params-max", "Maximum parameters, e.g. 8B for memory or latency."),
    "tokens_max": size_option("--tokens-max", "Maximum training tokens."),
    "unique_tokens": size_option("--unique-tokens", "Unique tokens; beyond them data repeat."),
    "within": click.option(
        "--within", type=click.FloatRange(0, 1, min_open=True), show_default="0.001",
        help="Losses within this fraction of the best count as equally good.",
    ),
    "given": click.option(
        "--given", type=Read("NAME=SIZE[,SIZE...]", _named_sizes), multiple=True,
        callback=by_name("two values for one name."),
        help="Value of a further input of the law, e.g. experts=8; repeatable.",
    ),
}  # fmt: skip


def terms_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of :class:`~bayesscale.Terms`; the command receives ``terms``, or None."""

    @functools.wraps(command)
    def with_terms(terms: dict[str, Any], **options: Any) -> None:
        limits = {k: terms.pop(k) for k in ("params_min", "params_max", "tokens_max") if k in terms}
        if limits:
            terms["limits"] = bs.Limits(**limits)
        if "served" in terms:
            terms["cost"] = bs.LifetimeCost(tokens_served=terms.pop("served"))
        if "unique_tokens" in terms:
            terms["repetition"] = bs.Repetition(unique_tokens=terms.pop("unique_tokens"))
        if "given" in terms:
            terms["given"] = {k: v[0] if len(v) == 1 else [*v] for k, v in terms["given"].items()}
        command(**options, terms=bs.Terms(**terms) if terms else None)

    return gathered("terms", TERMS)(with_terms)


PATH = click.Path(path_type=Path)
FACTOR = click.FloatRange(1, min_open=True)

fit_argument = click.argument("fit", type=PATH)
fits_argument = click.argument("fits", metavar="FIT...", nargs=-1, required=True, type=PATH)
runs_argument = click.argument("runs", type=PATH)


def names_of(fits: Sequence[Path]) -> dict[str, Path]:
    """Name files by their stems, by their whole paths where stems are the same."""
    stems = [path.stem for path in fits]
    names = stems if len(set(stems)) == len(stems) else [str(path) for path in fits]
    return dict(zip(names, fits, strict=True))


def output_option(text: str, **settings: Any) -> Callable:
    """Make the option that says where to write."""
    return click.option("-o", "--output", type=PATH, help=text, **settings)


def hold_out_option(default: str) -> Callable:
    """Make the option of a test on the largest runs of a table."""
    return click.option(
        "--hold-out", type=FACTOR, show_default=default,
        help="With RUNS: test on those within this factor of the largest compute.",
    )  # fmt: skip


losses_in_option = click.option(
    "--losses-in", "unit", type=click.Choice(get_args(LossUnit)),
    help="Unit of the losses shown; by default that of the runs.",
)  # fmt: skip

machine_option = click.option(
    "--machine", type=Read("NAME=NUMBER,...", _machine), is_eager=True,
    help="Show what budgets cost on a machine: peak in FLOP per second, utilization, and "
    "optionally price_per_hour and devices.",
)  # fmt: skip

own_law_option = click.option(
    "--law", type=LAW, help="The custom law that was fitted, as FILE.py:NAME."
)

ci_prob_option = click.option(
    "--ci-prob", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.9,
    show_default=True, help="Probability of the intervals.",
)  # fmt: skip

recipe_shift_option = click.option(
    "--recipe-shift", type=click.FloatRange(0), show_default="0",
    help="SD of the shift in log loss from another recipe, e.g. 0.02.",
)  # fmt: skip

force_option = click.option(
    "--force", is_flag=True, help="Overwrite an existing file, whatever it is."
)


def _name(option: str, text: str, default: str | None = None) -> Callable:
    """Make an option for a name, which is checked by the function that is called."""
    return click.option(option, metavar="NAME", show_default=default, help=text)


def _sibling(path: str) -> Any:
    return made_by(bs.load_fit(path), call("bs.load_fit", Path(path)))


SAMPLING: dict[str, Callable] = {
    "law": click.option(
        "--law", type=LAW, show_default="unified",
        help="unified, chinchilla, kaplan, ..., or a custom law: my_law.py:MyLaw.",
    ),
    "noise": _name("--noise", "student_t, normal or one_sided.", "student_t"),
    "discrepancy": _name(
        "--discrepancy", "Model discrepancy: drift, or none where the law is assumed exact.",
        "drift",
    ),
    "priors": click.option(
        "--prior", "priors", type=Read("NAME=PRIOR", _named_prior), multiple=True,
        callback=by_name("two priors for one name."),
        help="slope_N=0.03:0.1@0.9 (90 % in that interval) or 'slope_N=Beta(alpha=2, beta=30)'; "
        "repeatable.",
    ),
    "like": click.option(
        "--like", type=Read("FIT", _sibling),
        help="Saved fit of a similar ladder, whose widened posterior is the prior.",
    ),
    "draws": click.option(
        "--draws", type=int, help="Draws kept per chain; by default as many as are needed."
    ),
    "tune": click.option("--tune", type=int, show_default="1000", help="Tuning draws per chain."),
    "chains": click.option("--chains", type=int, show_default="4", help="Chains."),
    "target_accept": click.option(
        "--target-accept", type=float, show_default="0.9", help="Higher is slower and safer."
    ),
    "random_seed": click.option("--seed", "random_seed", type=int, help="Seed of the draws."),
}  # fmt: skip


def sampling_options(*names: str) -> Callable[[Callable], Callable]:
    """Add options of ``fit``, by default all; the command receives those given as ``sampling``."""
    return gathered("sampling", {name: SAMPLING[name] for name in names or SAMPLING})


def _pair(name: str, example: str) -> Read[tuple[str, str]]:
    """Make the type of two texts with an equals sign between them."""

    def read(value: str) -> tuple[str, str]:
        left, equals, right = value.partition("=")
        if not (left.strip() and equals):
            raise click.BadParameter(f"{value!r} is not {name}, such as {example}.")
        return left.strip(), right.strip()

    return Read(name, read)


def _number_or_column(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _response(text: str) -> Any:
    name, equals, unit = map(str.strip, text.partition("="))
    if not (equals and name.isidentifier()):
        raise click.BadParameter(f"{text!r} is not NAME=UNIT, such as error_rate=1.")
    return bs.Quantity(name, unit=unit or "1", role="response")


def _column(option: str, what: str, **settings: Any) -> Callable:
    name = option.strip("-").removesuffix("-column").replace("-", "_")
    return click.option(option, name, metavar="COL", help=f"Column {what}.", **settings)


READING: dict[str, Callable] = {
    "params": _column("--params-column", "of the parameters"),
    "tokens": _column(
        "--tokens-column", "of the training tokens, or a product: 'steps * 512 * seq_len'"
    ),
    "loss": _column("--loss-column", "of the final loss"),
    "flops": _column("--flops-column", "of the training compute, FLOP"),
    "loss_se": _column("--loss-se-column", "of the losses' standard errors"),
    "seed": _column("--seed-column", "that distinguishes replicates"),
    "group": _column("--group", "to keep as a label; repeatable", multiple=True),
    "cluster": _column("--cluster", "of the training run or sweep that several rows belong to"),
    "run_id": _column("--run-id", "that names the runs"),
    "params_non_embedding": _column("--params-non-embedding", "of the non-embedding parameters"),
    "param_count": _name(
        "--param-count", "What N counts: total, non_embedding, active or other.", "total"
    ),
    "flop_rule": _name("--flop-rule", "FLOP are 6ND, 6ND_non_embedding or column."),
    "loss_unit": _name(
        "--loss-unit", "nats/token, bits/token, bits/byte, bits/character or perplexity.",
        "nats/token",
    ),
    "response": click.option(
        "--response", type=Read("NAME=UNIT", _response),
        help="What the law describes in place of a loss: error_rate=1, with its unit or 1.",
    ),
    "bytes_per_token": click.option(
        "--bytes-per-token", type=_number_or_column, metavar="NUMBER|COL",
        help="Mean bytes per token, for bits/byte; a column of it where tokenizers differ.",
    ),
    "units": click.option(
        "--unit", "units", type=_pair("NAME=UNIT", "params=M"), multiple=True,
        callback=by_name("two units for one column."),
        help="Unit of a column: params=M, tokens=B, tokens=log10, flops=PFLOP-days; repeatable.",
    ),
    "inputs": click.option(
        "--input", "inputs", type=_pair("NAME=COL", "experts=n_experts"), multiple=True,
        callback=by_name("two columns for one input."),
        help="Further input of a law and its column; repeatable.",
    ),
    "where": click.option(
        "--where", metavar="CONDITION", multiple=True,
        help="Keep only rows that satisfy it: corpus=c4, 'loss < 8', 'size in 70m, 160m', with =, "
        "!=, <, <=, >, >= or in; repeatable.",
    ),
    "reading": _name("--reading", "Where a run has several rows: last, best or mean."),
    "drop_incomplete": click.option(
        "--drop-incomplete", is_flag=True, default=None,
        help="Drop rows with missing numbers, and list them.",
    ),
    "params_from": _column("--params-from", "of names that contain the parameters: pythia-160m"),
    "decimal": click.option(
        "--decimal", metavar="SIGN", show_default=".", help="Decimal sign in text: . or ,"
    ),
}  # fmt: skip

reading_options = gathered("reading", READING)
"""Adds the options; the command receives those that were given as ``reading``."""
