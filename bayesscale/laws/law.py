"""What a scaling law is: one formula, and what its letters mean."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws.coordinates import Coordinate
from bayesscale.laws.cost import PowerCost

type Input = Literal["params", "tokens", "flops"]


@dataclass(frozen=True, slots=True)
class Reference:
    """The point that a fit's coordinates refer to: the geometric centre of its runs.

    Parameters
    ----------
    params
        Parameters N₀, count.
    tokens
        Training tokens D₀, count.
    flops
        Training compute C₀, FLOP.
    loss
        Loss, nats/token.
    """

    params: float
    tokens: float
    flops: float
    loss: float

    @classmethod
    def of(
        cls, *, params: NDArray[np.float64], tokens: NDArray[np.float64],
        flops: NDArray[np.float64], loss: NDArray[np.float64],
    ) -> "Reference":  # fmt: skip
        """Take the geometric means of arrays of shape ``(run,)``, all positive."""
        return cls(*(float(np.exp(np.mean(np.log(v)))) for v in (params, tokens, flops, loss)))

    def as_dict(self) -> dict[str, float]:
        """Return the four numbers by name, for a file."""
        return asdict(self)


class Law(ABC):
    """A scaling law. A subclass states its names once and writes its formula once.

    The same ``log_loss`` is sampled by NUTS (``xp`` is ``pytensor.tensor``), evaluated on
    posterior draws (``xp`` is ``numpy``) and tested in plain NumPy, so it may use operators and
    functions that both namespaces have (``exp``, ``log``, ``sqrt``, ...) and nothing else.

    Attributes
    ----------
    name
        Name by which ``fit(law=...)`` knows it.
    equation
        The published equation, in LaTeX.
    citation
        Where it comes from, with the equation's number.
    inputs
        What the loss depends on, a subset of ``("params", "tokens", "flops")``.
    coordinates
        The quantities that are sampled, with their default priors.
    published_units
        Units of what :meth:`published` returns, in the order of the paper.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesscale.laws import Law, LEVEL, ALPHA_D
    >>> class DataOnly(Law):
    ...     name = "data_only"
    ...     inputs = ("tokens",)
    ...     coordinates = (LEVEL, ALPHA_D)
    ...     def log_loss(self, c, x, xp):
    ...         return xp.log(c["level"]) - c["alpha_D"] * x["tokens"]
    >>> float(DataOnly().log_loss({"level": 1.0, "alpha_D": 0.5}, {"tokens": 2.0}, np))
    -1.0
    """

    name: ClassVar[str]
    inputs: ClassVar[tuple[Input, ...]]
    coordinates: ClassVar[tuple[Coordinate, ...]]
    equation: ClassVar[str] = ""
    citation: ClassVar[str] = ""
    published_units: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def log_loss(self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> Any:
        """Return the log of the loss, relative to the reference loss.

        Parameters
        ----------
        c
            Value of every coordinate, by name; arrays broadcast against the inputs.
        x
            ``ln(input / reference input)`` for every input, by name.
        xp
            Namespace of mathematical functions, ``numpy`` or ``pytensor.tensor``.
        """

    def published(
        self, c: Mapping[str, NDArray[np.float64]], reference: Reference
    ) -> dict[str, NDArray[np.float64]]:
        """Translate coordinates into the parameters that the paper names.

        Parameters
        ----------
        c
            Value of every coordinate, any shape.
        reference
            The reference point of the fit.

        Returns
        -------
        dict
            The keys of ``published_units``; none unless the law says so.
        """
        return {}

    def optimum(
        self, c: Mapping[str, NDArray[np.float64]], x_flops: NDArray[np.float64], cost: PowerCost
    ) -> "Optimum | None":
        """Return the compute-optimal split in closed form, or None where the law has none.

        Parameters
        ----------
        c
            Value of every coordinate, any shape that broadcasts with ``x_flops``.
        x_flops
            ``ln(C / C₀)``, where C₀ is the cost of the reference parameters and tokens.
        cost
            The cost C = κ N^p D^q.
        """
        return None


@dataclass(frozen=True, slots=True)
class Optimum:
    """A compute-optimal split in centred logs, with its local exponents.

    Parameters
    ----------
    x_params, x_tokens
        ``ln(N* / N₀)`` and ``ln(D* / D₀)``.
    params_exponent, tokens_exponent
        ``d ln N* / d ln C`` and ``d ln D* / d ln C``.
    """

    x_params: NDArray[np.float64]
    x_tokens: NDArray[np.float64]
    params_exponent: NDArray[np.float64]
    tokens_exponent: NDArray[np.float64]
