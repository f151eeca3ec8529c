"""The loss of runs that have not been trained."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesscale._sections import Section
from bayesscale.checks import size_in_words
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import (
    Answer,
    alike,
    stated,
    target_frame,
)
from bayesscale.forecast.cost import runs_cost
from bayesscale.forecast.mixture import Mixture, Question
from bayesscale.forecast.reach import reach, unit_of, warn_if_far
from bayesscale.forecast.sections import prediction_sections
from bayesscale.forecast.sensitivity import check_answers
from bayesscale.inference.average import Average
from bayesscale.inference.result import Fit, interval_tails
from bayesscale.laws.law import SPLIT
from bayesscale.model.posterior import Posterior
from bayesscale.quantities import LOSS

type Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Prediction(Answer):
    """Predicted losses.

    Parameters
    ----------
    summary
        One row a target: its size; ``loss`` (median) with ``loss_lower`` and ``loss_upper`` for a
        new run, ``law_loss…`` for the law without run noise, nats/token; ``reach_…``, the size as
        a multiple of the largest among the fitted runs.
    draws
        ``loss`` and ``law_loss``, dims ``(chain, draw, target)``, nats/token.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    def sections(self) -> list[Section]:
        """Return whom it is of, whether that may be used, and the answer."""
        return prediction_sections(self)


def extrapolate(
    fit: Fit | Average,
    *,
    params: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    flops: ArrayLike | None = None,
    loss_se: ArrayLike | None = None,
    ci_prob: float = 0.9,
    random_seed: int | None = None,
    **inputs: ArrayLike,
) -> Prediction:
    r"""Predict the loss of runs outside the fitted range.

    Pushes every posterior draw through the fitted law, then adds the noise of a new run.

    Parameters
    ----------
    fit
        A fitted law, or an average of several.
    params
        Parameters N in the count of the fitted runs, > 0, shape ``(target,)`` or a scalar.
    tokens
        Training tokens D, > 0, shape ``(target,)`` or a scalar.
    flops
        Training compute C in FLOP, > 0, for laws of compute alone.
    loss_se
        Standard error of measuring each target's loss, nats/token, >= 0, shape ``(target,)`` or a
        scalar: it widens ``loss``, what one would measure, and not ``law_loss``. By default 0.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    random_seed
        Seed of the run noise; by default derived from the fit's.
    **inputs
        Further inputs of a law that has them, by name, such as ``experts=8``.

    Returns
    -------
    Prediction
        ``summary``, one row a target, and ``draws``, dims ``(chain, draw, target)``.

    Raises
    ------
    DomainError
        If an input of the law is missing, is not one of its inputs, is not positive and finite,
        ``loss_se`` is negative or not finite, the lengths differ, or ``random_seed`` is not a
        whole number from 0.

    Warns
    -----
    ExtrapolationWarning
        If a target's compute, or the law's only input, is more than 30 times that of the largest
        fitted run; if an input is more than 1000 times above the runs' or below them; or if the
        predicted loss is worse than guessing among 256,000 tokens.

    Notes
    -----
    What the law may get wrong is in these intervals if the fit has a discrepancy. Of an average,
    each law is asked with its share of the draws, and the intervals are those of the mixture. The
    noise of a measured run in log loss has the scale
    :math:`\sqrt{\sigma^2 + (\mathrm{loss\_se} / L)^2}`, as in the fit.

    Examples
    --------
    >>> bs.extrapolate(fit, params=70e9, tokens=1.4e12).summary   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture = Mixture.of(fit)
    host = mixture.host
    asked = {"params": params, "tokens": tokens, "flops": flops, **inputs}
    targets = stated(host.law, asked, wanted=host.law.quantities)
    targets = alike({**targets, "loss_se": _standard_errors(loss_se)})
    errors = targets.pop("loss_se")

    def about(some: slice) -> Question:
        at = {name: values[some] for name, values in targets.items()}

        def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
            log_loss = posterior.log_loss(at)
            loss = posterior.new_runs(log_loss, at, rng, errors[some])
            return {"loss": loss, "law_loss": np.exp(log_loss)}

        return question

    def log_loss(posterior: Posterior, some: NDArray[np.intp]) -> dict[str, Array]:
        return {"the loss of": posterior.log_loss({name: v[some] for name, v in targets.items()})}

    columns, drawn, every = mixture.ask_all(
        about, len(errors), ci_prob=ci_prob, random_seed=random_seed
    )
    sizes = dict(targets)
    if set(SPLIT) <= set(targets):
        sizes["flops"] = runs_cost(host.runs).flops(targets["params"], targets["tokens"])
    warn_if_far(host, sizes, loss=columns["law_loss"])
    return Prediction(
        summary=target_frame("target", sizes | columns | reach(host, sizes)),
        draws=mixture.dataset(
            {name: (drawn[name], LOSS.unit) for name in ("loss", "law_loss")},
            "target",
            {name: (values, unit_of(host.law, name)) for name, values in sizes.items()},
            every=every,
        ),
        ci_prob=ci_prob,
        of=mixture.asked,
        sensitivity=check_answers(
            mixture,
            log_loss,
            [
                size_in_words({name: v[i] for name, v in targets.items()}, host.law)
                for i in range(len(errors))
            ],
            what="predicted losses",
        ),
    )


def _standard_errors(loss_se: ArrayLike | None) -> Array:
    """Return standard errors as a one-dimensional array of finite numbers from 0."""
    try:
        errors = np.atleast_1d(np.asarray(0.0 if loss_se is None else loss_se, dtype=float))
    except (TypeError, ValueError, OverflowError):
        errors = np.full(1, np.nan)
    if errors.ndim != 1 or not np.all(np.isfinite(errors) & (errors >= 0)):
        raise DomainError(
            "loss_se must be a number or a list of finite numbers from 0 (nats/token), "
            f"not {loss_se!r}."
        )
    return errors
