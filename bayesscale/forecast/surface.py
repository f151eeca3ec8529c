"""The fitted loss surface: a law's loss at any size, for every posterior draw."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bayesscale._format import list_some
from bayesscale.errors import DomainError
from bayesscale.inference.result import Fit, interval_tails
from bayesscale.laws import Law

type Array = NDArray[np.float64]

SAMPLE_DIMS = ("chain", "draw")

UNITS = {"params": "parameters", "tokens": "tokens", "flops": "FLOP"}


@dataclass(frozen=True)
class Surface:
    """Posterior draws of a law, ready to be evaluated.

    Parameters
    ----------
    fit
        The fit.
    c
        Draws of every coordinate, shape ``(chain, draw, 1)``, to broadcast over targets.
    """

    fit: Fit
    c: Mapping[str, Array]

    @classmethod
    def of(cls, fit: Fit) -> "Surface":
        """Take the draws of a fit."""
        if not isinstance(fit, Fit):
            raise DomainError(
                f"Expected a Fit, as bs.fit or bs.load_fit returns, not {type(fit).__name__}."
            )
        posterior = fit.coordinates
        return cls(
            fit, {k.name: np.asarray(posterior[k.name])[..., None] for k in fit.spec.coordinates}
        )

    def log_loss(self, inputs: Mapping[str, Array]) -> Array:
        """Return the law's log loss (nats/token), inputs in counts and FLOP, broadcast."""
        reference = self.fit.spec.reference
        x = {name: np.log(inputs[name] / getattr(reference, name)) for name in self.fit.law.inputs}
        return np.log(reference.loss) + self.fit.spec.log_loss(self.c, x, np)

    def new_run(
        self, log_loss: Array, random_seed: int | None, loss_se: Array | float = 0.0
    ) -> Array:
        """Return the loss of new runs: the law's loss with the noise of a run.

        Parameters
        ----------
        log_loss
            The law's log loss, shape ``(chain, draw, target)``.
        random_seed
            Seed of the noise, or None for one that follows from the fit's.
        loss_se
            Standard error of measuring each loss, nats/token.

        Raises
        ------
        DomainError
            If the seed is not a whole number from 0.
        """
        seed = self.fit.sampling.random_seed if random_seed is None else random_seed
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise DomainError(f"random_seed must be a whole number from 0, not {seed!r}.")
        rng = np.random.default_rng([seed, 1])  # a stream of its own, apart from the sampler's
        noise = {k.name: self.c[k.name] for k in self.fit.spec.noise.coordinates}
        # as in the model: the scale of log loss, to first order d ln L = dL / L
        noise["sigma"] = np.hypot(noise["sigma"], loss_se / np.exp(log_loss))
        return np.exp(log_loss + self.fit.spec.noise.draw(rng, log_loss.shape, noise))


def positive_1d(name: str, values: ArrayLike, unit: str) -> Array:
    """Return an argument as a one-dimensional array of positive, finite numbers.

    Raises
    ------
    DomainError
        If something else was given.
    """
    try:
        array = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        raise DomainError(f"{name} must be numbers ({unit}), not {values!r}.") from None
    bad = ~(np.isfinite(array) & (array > 0))
    if array.ndim != 1 or array.size == 0:
        raise DomainError(
            f"{name} must be a number or a list of numbers ({unit}), but has shape {array.shape}."
        )
    if bad.any():
        raise DomainError(
            f"{name} must be positive and finite ({unit}), but got {list_some(array[bad])}."
        )
    return array


def positive_scalar(name: str, value: ArrayLike, unit: str) -> float:
    """Return an argument as one positive, finite number.

    Raises
    ------
    DomainError
        If something else was given.
    """
    array = positive_1d(name, value, unit)
    if array.size != 1:
        raise DomainError(f"{name} must be one number ({unit}), but got {array.size}.")
    return float(array[0])


def check_inputs(law: Law, given: Mapping[str, object]) -> None:
    """Refuse what is not exactly the inputs of a law; None is not given.

    Raises
    ------
    DomainError
        If an input is missing, or something is none of the law's inputs.
    """
    names = [name for name, value in given.items() if value is not None]
    if set(names) != set(law.inputs):
        raise DomainError(
            f"The law {law.name!r} predicts from {' and '.join(law.inputs)}, but got "
            f"{' and '.join(names) or 'nothing'}."
        )


def summarise(draws: Array, ci_prob: float) -> dict[str, Array]:
    """Return median, lower and upper of draws, shape ``(chain, draw, target)``, by target."""
    quantiles = np.quantile(draws, [0.5, *interval_tails(ci_prob)], axis=(0, 1))
    return dict(zip(("median", "lower", "upper"), quantiles, strict=True))


def summary_columns(name: str, draws: Array, ci_prob: float) -> dict[str, Array]:
    """Return ``name``, ``name_lower`` and ``name_upper``: median and interval by target."""
    s = summarise(draws, ci_prob)
    return {name: s["median"], f"{name}_lower": s["lower"], f"{name}_upper": s["upper"]}


def draws_dataset(
    fit: Fit,
    variables: Mapping[str, tuple[Array, str]],
    dim: str,
    targets: Mapping[str, tuple[Array, str]],
    *,
    index: Array | None = None,
) -> xr.Dataset:
    """Put draws of shape ``(chain, draw, target)`` into a Dataset with units."""
    posterior = fit.draws["posterior"]
    coords: dict = {name: posterior[name].to_numpy() for name in SAMPLE_DIMS}
    if index is not None:
        coords[dim] = index
    coords |= {name: (dim, values, {"unit": unit}) for name, (values, unit) in targets.items()}
    return xr.Dataset(
        {
            name: ((*SAMPLE_DIMS, dim), values, {"unit": unit})
            for name, (values, unit) in variables.items()
        },
        coords=coords,
    )


def target_frame(name: str, columns: Mapping[str, Array]) -> pd.DataFrame:
    """Return a table with one row a target."""
    frame = pd.DataFrame(dict(columns))
    frame.index.name = name
    return frame
