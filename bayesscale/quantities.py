"""Every number that a run can have, named once: what it is, its unit, where it is found.

Tables, reference points, axes, summaries, files and options of the command line take names, units
and words from here. An input that bayesscale does not know is a `Quantity` that a law brings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from bayesscale import _arguments
from bayesscale._format import list_some, loss as write_loss, scientific, short_number, si_count
from bayesscale.errors import DomainError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Scale = Literal["log", "logit", "identity", "simplex"]
type Role = Literal["input", "response", "error", "label"]
type Style = Literal["count", "flops", "loss", "number"]

LossUnit = Literal["nats/token", "bits/token", "bits/byte", "bits/character", "perplexity"]
"""What a loss can be given in, and shown in."""

_BOUNDS: dict[Scale, tuple[float, float]] = {
    "log": (0.0, math.inf),
    "logit": (0.0, 1.0),
    "identity": (-math.inf, math.inf),
    "simplex": (0.0, 1.0),
}
_WRITERS = {"count": si_count, "flops": scientific, "loss": write_loss, "number": short_number}


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or a label that every run has.

    Parameters
    ----------
    name
        Name in tables, laws and arguments, such as ``"experts"``; a Python identifier.
    symbol
        Letter in equations.
    unit
        Unit, or ``"1"`` for a pure number.
    noun
        What sentences call it; by default its name.
    known_as
        Names of columns in which it is found without being told, in any case and with or without
        ``/ . _ -`` and spaces, but for single letters; by default its name.
    scale
        Scale on which laws take it, relative to the centre of the runs: ``"log"`` for a positive
        number, ``"logit"`` for a share in (0, 1), ``"identity"`` for any number, ``"simplex"``
        for shares from 0 to 1 that add up to 1 with the table's other shares.
    role
        ``"input"`` of laws, ``"response"``, its standard ``"error"``, or ``"label"``, of which laws
        take the number of the level.
    style
        How numbers are written: ``"count"`` (1.2B), ``"flops"`` (1.0e24), ``"loss"`` (2.315) or
        ``"number"``.
    levels
        Labels that there are, the first numbered 0; by default those of the runs, sorted.
    least, most
        Smallest and largest value; None for those of the scale.
    whole
        Whether values are whole numbers.

    Raises
    ------
    DomainError
        If the name is no Python identifier.
    UnknownNameError
        If scale, role or style does not exist.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.Quantity("experts", symbol="X").noun
    'experts'
    """

    name: str
    symbol: str = ""
    unit: str = "1"
    noun: str = ""
    known_as: tuple[str, ...] | None = None
    scale: Scale = "log"
    role: Role = "input"
    style: Style = "number"
    levels: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.isidentifier()):
            raise DomainError(
                f"A quantity's name is also that of an argument, so it must be a Python name such "
                f"as 'experts', not {self.name!r}."
            )
        for what, value, known in (
            ("scale", self.scale, get_args(Scale.__value__)),
            ("role", self.role, get_args(Role.__value__)),
            ("style", self.style, get_args(Style.__value__)),
        ):
            if value not in known:
                raise unknown_name(what, value, known)
        object.__setattr__(self, "noun", self.noun or self.name.replace("_", " "))
        object.__setattr__(self, "levels", tuple(self.levels))
        if self.known_as is not None:
            object.__setattr__(self, "known_as", tuple(self.known_as))
        if self.role == "label":
            object.__setattr__(self, "scale", "identity")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of columns in which it is found without being told."""
        return (self.name,) if self.known_as is None else self.known_as

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and largest value: those of log and logit are open. No error is negative."""
        low, high = (0.0, math.inf) if self.role == "error" else _BOUNDS[self.scale]
        return low if self.least is None else self.least, high if self.most is None else self.most

    @property
    def domain(self) -> str:
        """What values are allowed, in words."""
        if self.role == "error":
            return "finite and not negative"
        if self.role == "label":
            return f"among {list_some([*map(repr, self.levels)])}"
        if self.least is not None:
            most = "" if self.most is None else f" and at most {self.most:g}"
            return f"{'whole and ' * self.whole}at least {self.least:g}{most}"
        return {
            "log": "positive and finite", "logit": "between 0 and 1", "identity": "finite",
            "simplex": "from 0 to 1",
        }[self.scale]  # fmt: skip

    def write(self, value: float) -> str:
        """Write a value as people do, without its unit."""
        return str(value) if self.role == "label" else _WRITERS[self.style](value)

    def admits(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return which values, any shape, lie in the domain."""
        import numpy as np

        if self.role == "label":
            return np.isin(np.asarray(values).astype(str), self.levels)
        low, high = self.bounds
        with np.errstate(divide="ignore", invalid="ignore"):
            inside = (values >= low) & (values <= high) & np.isfinite(self.on_scale(values))
        return inside & ((values == np.round(values)) if self.whole else True)

    def on_scale(self, values: Any) -> Any:
        """Return values on this quantity's scale, same shape; of labels, numbers of levels."""
        import numpy as np
        from scipy.special import logit

        if self.role == "label":
            order = np.argsort(self.levels)
            at = np.searchsorted(np.array(self.levels)[order], np.asarray(values).astype(str))
            return order[at].astype(float)
        return {"log": np.log, "logit": logit}.get(self.scale, np.asarray)(values)

    def centre(self, values: NDArray[Any]) -> float:
        """Return the mean of values, shape ``(run,)``, on this quantity's scale; of labels, 0."""
        import numpy as np
        from scipy.special import expit

        if self.role == "label":
            return 0.0
        mean = np.mean(self.on_scale(values))
        return float({"log": np.exp, "logit": expit}.get(self.scale, float)(mean))

    def centred(self, values: Any, reference: float) -> Any:
        """Return the distance of values from a reference on this quantity's scale, same shape."""
        if self.scale == "log":
            return self.on_scale(values / reference)
        if self.role == "label":
            return self.on_scale(values)
        return self.on_scale(values) - self.on_scale(reference)


PARAMS = Quantity(
    "params", "N", "parameters", "parameters",
    ("params", "n_params", "num_params", "parameters", "N"), style="count",
)  # fmt: skip
TOKENS = Quantity(
    "tokens", "D", "tokens", "tokens", ("tokens", "n_tokens", "num_tokens", "D"), style="count"
)
FLOPS = Quantity("flops", "C", "FLOP", "compute", ("flops", "compute", "C"), style="flops")
PARAMS_NON_EMBEDDING = Quantity(
    "params_non_embedding", "N_-", "parameters", "non-embedding parameters",
    ("params_non_embedding", "n_params_non_embedding", "n_params_nonembed"), style="count",
)  # fmt: skip
LOSS = Quantity(
    "loss", "L", "nats/token", "loss", ("loss", "final_loss", "L"), role="response", style="loss"
)
LOSS_SE = Quantity(
    "loss_se", "s", "nats/token", "standard error of the loss", None, "identity", "error", "loss"
)
EPOCHS = Quantity("epochs", known_as=(), scale="log")
"""How often a run saw its data: above 1 where tokens are repeated. See `runs.checks.epochs_of`."""
UNIQUE_TOKENS = Quantity(
    "unique_tokens", "U", "tokens", "unique tokens", known_as=(), style="count"
)
"""Those that a run saw at least once: never more than its tokens."""
EXPERTS = Quantity(
    "experts", "M", "experts", "experts", known_as=(), style="count", least=1, whole=True
)
WEIGHT_BITS, ACTIVATION_BITS = (
    Quantity(f"{of}_bits", f"P_{of[0]}", "bits", f"{of} bits", known_as=(), least=1, most=16)
    for of in ("weight", "activation")
)
INPUTS = {q.name: q for q in (UNIQUE_TOKENS, EXPERTS, WEIGHT_BITS, ACTIVATION_BITS)}
"""Further inputs that are known by name alone."""
SEED = Quantity("seed", scale="identity", role="label")
CLUSTER = Quantity("cluster", known_as=(), scale="identity", role="label")
"""Never found by its name alone: a column of that name may hold computers."""
RUN_ID = Quantity("run_id", known_as=("run_id", "id"), scale="identity", role="label")

QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        PARAMS, TOKENS, FLOPS, LOSS, LOSS_SE, PARAMS_NON_EMBEDDING, SEED, CLUSTER, RUN_ID,
    )
}  # fmt: skip
"""What bayesscale knows by name. Adding an input is adding an entry."""


def quantity(name: str | Quantity) -> Quantity:
    """Return a quantity as it is, by name, or as a positive number of that name."""
    if isinstance(name, Quantity):
        return name
    return QUANTITIES[name] if name in QUANTITIES else Quantity(name)


def nats_per_token(loss_unit: str, *, bytes_per_token: float | None = None) -> float:
    """Describe what one unit of loss is in nats per token.

    >>> round(0.6526 * nats_per_token("bits/byte", bytes_per_token=4.2), 2)
    1.9
    """
    if bytes_per_token is not None:
        bytes_per_token = _arguments.number("bytes_per_token", bytes_per_token, above=0)
    match loss_unit:
        case "bits/token":
            return math.log(2)
        case "bits/byte" | "bits/character":
            if bytes_per_token is None:
                what = loss_unit.removeprefix("bits/")
                raise DomainError(
                    f'loss_unit="{loss_unit}" needs bytes_per_token: the mean number of {what}s in '
                    "a token of your tokenizer on the evaluation text, e.g. bytes_per_token=4.2 "
                    "(on the command line --bytes-per-token 4.2)."
                )
            return math.log(2) * bytes_per_token
    return 1.0


@dataclass(frozen=True)
class LossScale:
    """The unit that losses are shown in.

    ``nats`` is what one unit is in nats/token; a perplexity has none.
    """

    unit: str
    nats: float
    response: Quantity = LOSS

    @classmethod
    def of(cls, runs: Any, unit: LossUnit | None = None) -> LossScale:
        """Take the unit of the source of the runs, or another one that they can be shown in."""
        if runs.response != LOSS:
            if unit is not None:
                raise DomainError(
                    f"The response is {runs.response.noun}, which has no unit but its own: leave "
                    f"unit={unit!r} out."
                )
            q = runs.response
            return cls(q.noun if q.unit == "1" else q.unit, 1.0, q)
        shown: LossUnit = runs.loss_unit if unit is None else unit
        _arguments.choice("loss unit", shown, get_args(LossUnit))
        per_text = shown in ("bits/byte", "bits/character")
        if per_text and runs.bytes_per_token is None:
            raise DomainError(
                f'unit="{shown}" needs to know how many {shown.removeprefix("bits/")}s make a '
                "token: read the runs with bytes_per_token=4.2 or what it is for your tokenizer."
            )
        per_byte = runs.bytes_per_token if per_text else None
        return cls(shown, nats_per_token(shown, bytes_per_token=per_byte))

    @property
    def noun(self) -> str:
        """What an axis is called."""
        return self.word if self.unit == self.word else f"{self.word} ({self.unit})"

    @property
    def word(self) -> str:
        """What heads a column."""
        return self.unit if self.unit == "perplexity" else self.response.noun

    @property
    def in_words(self) -> str:
        """The unit behind what is in it."""
        named = self.unit == "perplexity" or self.response != LOSS
        return f"as {self.noun}" if named else f"in {self.unit}"

    @property
    def of_differences(self) -> str:
        """Unit of differences: those of perplexities say little, so they stay in nats/token."""
        return "nats/token" if self.unit == "perplexity" else self.unit

    def show(self, nats: Any) -> Any:
        """Return losses, nats/token, any shape, in this unit."""
        import numpy as np

        return np.exp(nats) if self.unit == "perplexity" else nats / self.nats

    def read(self, shown: Any) -> Any:
        """Return losses in this unit, any shape, in nats/token."""
        import numpy as np

        return np.log(shown) if self.unit == "perplexity" else shown * self.nats

    def write(self, nats: float) -> str:
        """Write a loss, nats/token, in this unit, without its name."""
        shown = self.show(nats)
        return f"{shown:.4g}" if self.unit == "perplexity" else self.response.write(shown)

    def say(self, nats: float) -> str:
        """Say a loss, nats/token: ``a loss of 2.315 nats/token``, ``a perplexity of 10.12``."""
        behind = "" if self.unit == self.word else f" {self.unit}"
        article = "an" if self.word[0] in "aeiou" else "a"
        return f"{article} {self.word} of {self.write(nats)}{behind}"

    def difference(self, nats: Any) -> Any:
        """Return differences of losses, nats/token, any shape, in their unit."""
        return nats / self.nats
