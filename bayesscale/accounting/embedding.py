r"""From parameters without embeddings to all of them, and back.

Embeddings are a table of vocabulary times width, and in a family of models of one aspect the width
grows with the third root of the other parameters, so that

.. math:: N_T = N_{\setminus E} + \omega N_{\setminus E}^{1/3}

Pearce & Song (2024), arXiv:2406.12907.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from bayesscale import _arguments
from bayesscale._documented import documented
from bayesscale._types import Array
from bayesscale.accounting.rules import counted
from bayesscale.accounting.transformer import Transformer
from bayesscale.errors import DomainError

PEARCE_SONG = 47_491.0
"""ω of the models of Hoffmann et al. (2022), as fitted by Pearce & Song (2024)."""


_inferring = documented(
    {"architectures": "Models of one family."},
    sections={
        "Returns": "EmbeddingShare\n    ω with its standard error.",
        "Raises": "DomainError\n    If there are no models, or no total above its other count.",
    },
)


@counted
@dataclass(frozen=True, kw_only=True)
class EmbeddingShare:
    """How many of a model's parameters are embeddings, as a function of its size.

    Parameters
    ----------
    omega
        ω, parameters^(2/3), > 0.
    scale, models
        Standard error of ln ω, 0 where ω is known, and how many models it was inferred from.

    Examples
    --------
    >>> import bayesscale as bs
    >>> share = bs.EmbeddingShare()
    >>> f"{float(share.total(1e6)):.3g} {float(share.non_embedding(share.total(1e6))):.3g}"
    '5.75e+06 1e+06'
    """

    omega: float = PEARCE_SONG
    scale: float = 0.0
    models: int = 0

    def __post_init__(self) -> None:
        _arguments.number("omega", self.omega, above=0)
        if _arguments.number("scale", self.scale) < 0:
            raise DomainError(f"scale must not be negative, but is {self.scale!r}.")

    @classmethod
    @_inferring
    def infer(cls, non_embedding: ArrayLike, total: ArrayLike) -> Self:
        r"""Infer ω from models whose parameters are known in both counts.

        Parameters
        ----------
        non_embedding, total
            Parameters without embeddings and all of them, > 0, shape ``(model,)``; the second
            larger in each.

        Notes
        -----
        With :math:`z = \ln(N_T - N) - \tfrac13 \ln N` normal around ln ω and flat priors, ln ω is
        Student-t around the mean of z, with n - 1 degrees of freedom.

        Examples
        --------
        >>> import bayesscale as bs
        >>> bs.EmbeddingShare.infer([1e6, 8e6], [3e6, 12e6]).omega.__round__()
        20000
        """
        inner = _arguments.positive_array("non_embedding", non_embedding, "parameters")
        all_ = _arguments.positive_array("total", total, "parameters")
        if inner.shape != all_.shape or not (all_ > inner).all():
            raise DomainError(
                "Each model needs its parameters without embeddings and, larger, all of them, but "
                f"got {inner.size} and {all_.size}, of which "
                f"{int((all_[: inner.size] <= inner[: all_.size]).sum())} are not larger."
            )
        z = np.log(all_ - inner) - np.log(inner) / 3
        error = float(z.std(ddof=1) / np.sqrt(z.size)) if z.size > 1 else 0.0
        return cls(omega=float(np.exp(z.mean())), scale=error, models=int(z.size))

    @classmethod
    @_inferring
    def of(cls, architectures: Sequence[Transformer]) -> Self:
        """Infer ω from architectures of one family."""
        counts = ("non_embedding", "total")
        return cls.infer(*([a.params(count) for a in architectures] for count in counts))

    def draws(self, n: int) -> Array:
        """Return n values of ω, shape ``(n, 1)``: evenly spread quantiles in a random order."""
        if not self.scale:
            return np.full((n, 1), self.omega)
        order = np.random.default_rng(0).permutation(n)
        t = stdtrit(max(self.models - 1, 1), (order + 0.5) / n)
        return self.omega * np.exp(self.scale * t)[:, None]

    def total(self, non_embedding: ArrayLike, omega: Array | None = None) -> Array:
        """Return all parameters of models with so many besides embeddings, same shape."""
        inner = np.asarray(non_embedding, float)
        return inner + (self.omega if omega is None else omega) * np.cbrt(inner)

    def non_embedding(self, total: ArrayLike, omega: Array | None = None) -> Array:
        """Return the parameters besides embeddings of models with so many in all, same shape."""
        omega = np.asarray(self.omega if omega is None else omega, float)
        total = np.asarray(total, float)
        # x = N^(1/3) solves x³ + ωx = N_T, whose only real root is a hyperbolic sine
        unit = np.sqrt(omega / 3)
        return (2 * unit * np.sinh(np.arcsinh(total / (2 * unit**3)) / 3)) ** 3


@counted
@dataclass(frozen=True)
class Counting:
    """Use a fit with another count of parameters than that of its runs.

    Budgets, sizes and results are in this count; to evaluate the law they are converted to the
    count of the fitted runs, ``runs.param_count``.

    Parameters
    ----------
    params
        The count of arguments and results: ``"total"`` or ``"non_embedding"``.
    share
        How many parameters are embeddings.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.Counting("non_embedding").params
    'non_embedding'
    """

    params: Literal["total", "non_embedding"]
    share: EmbeddingShare = EmbeddingShare()

    def __post_init__(self) -> None:
        _arguments.choice("parameter count", self.params, ("total", "non_embedding"))
        if not isinstance(self.share, EmbeddingShare):
            raise DomainError(
                f"share must be an EmbeddingShare, not {_arguments.shown(self.share)}."
            )

    @property
    def other(self) -> str:
        """The other count, that of the runs."""
        return "total" if self.params == "non_embedding" else "non_embedding"

    def to_other(self, params: Array, omega: Array) -> Array:
        """Return sizes of the question in the other count; ``omega`` broadcasts."""
        to_total = self.other == "total"
        return (self.share.total if to_total else self.share.non_embedding)(params, omega)
