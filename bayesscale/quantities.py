"""Every number that a run can have, named once: what it is, its unit, where it is found.

Tables, reference points, axes, summaries, files and options of the command line take names, units
and words from here. An input that bayesscale does not know is a `Quantity` that a law brings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from bayesscale._format import loss as write_loss, scientific, short_number, si_count
from bayesscale.errors import DomainError, unknown_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Scale = Literal["log", "logit", "identity", "simplex"]
type Role = Literal["input", "response", "error", "label"]
type Style = Literal["count", "flops", "loss", "number"]

LossUnit = Literal["nats/token", "bits/token", "bits/byte"]
"""What a loss can be given in."""

ShownLoss = Literal["nats/token", "bits/token", "bits/byte", "perplexity"]
"""What a loss can be shown in."""

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
        Names of columns in which it is found without being told; by default its name.
    scale
        Scale on which laws take it, relative to the centre of the runs: ``"log"`` for a positive
        number, ``"logit"`` for a share in (0, 1), ``"identity"`` for any number, ``"simplex"``
        for shares from 0 to 1 that add up to 1 with the table's other shares.
    role
        ``"input"`` of laws, ``"response"``, its standard ``"error"``, or ``"label"``.
    style
        How numbers are written: ``"count"`` (1.2B), ``"flops"`` (1.0e24), ``"loss"`` (2.315) or
        ``"number"``.

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

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of columns in which it is found without being told."""
        return (self.name,) if self.known_as is None else self.known_as

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and largest value: open on log and logit, else closed. No error is negative."""
        return (0.0, math.inf) if self.role == "error" else _BOUNDS[self.scale]

    @property
    def domain(self) -> str:
        """What values are allowed, in words."""
        if self.role == "error":
            return "finite and not negative"
        return {
            "log": "positive and finite", "logit": "between 0 and 1", "identity": "finite",
            "simplex": "from 0 to 1",
        }[self.scale]  # fmt: skip

    def write(self, value: float) -> str:
        """Write a value as people do, without its unit."""
        return _WRITERS[self.style](value)

    def admits(self, values: NDArray[Any]) -> NDArray[Any]:
        """Tell which values, any shape, lie in the domain."""
        import numpy as np

        low, high = self.bounds
        if self.scale in ("log", "logit"):
            inside = (values > low) & (values < high)
        else:
            inside = (values >= low) & (values <= high)
        return inside & np.isfinite(values)

    def on_scale(self, values: Any) -> Any:
        """Return values on this quantity's scale, same shape."""
        import numpy as np
        from scipy.special import logit

        return {"log": np.log, "logit": logit}.get(self.scale, np.asarray)(values)

    def centre(self, values: NDArray[Any]) -> float:
        """Return the mean of values, shape ``(run,)``, taken on this quantity's scale."""
        import numpy as np
        from scipy.special import expit

        mean = np.mean(self.on_scale(values))
        return float({"log": np.exp, "logit": expit}.get(self.scale, float)(mean))

    def centred(self, values: Any, reference: float) -> Any:
        """Return the distance of values from a reference on this quantity's scale, same shape."""
        if self.scale == "log":
            return self.on_scale(values / reference)
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
