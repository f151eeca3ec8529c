"""The loss of runs that have not been trained."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesscale._arguments import number
from bayesscale._format import percent
from bayesscale._sections import Section
from bayesscale._types import Array
from bayesscale.checks import size_in_words
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import Answer, alike, stated, target_frame
from bayesscale.forecast.cost import runs_cost
from bayesscale.forecast.mixture import Mixture, Question
from bayesscale.forecast.reach import reach, unit_of, warn_if_far
from bayesscale.forecast.sections import prediction_sections
from bayesscale.forecast.sensitivity import check_answers
from bayesscale.inference import Average, Fit, interval_tails
from bayesscale.laws import SPLIT
from bayesscale.model import Posterior
from bayesscale.quantities import LOSS


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
    assumed
        What else the answer takes for granted, a sentence each.
    """

    assumed: tuple[str, ...] = ()

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
    recipe_shift: float = 0.0,
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
    recipe_shift
        Standard deviation of what another recipe than the fitted runs' does to log loss, >= 0, the
        same for all targets: ``0.02`` says that new data, another optimiser or another architecture
        may well move the loss by 2 %, up or down. By default 0: runs made as the fitted ones were.
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
        ``loss_se`` or ``recipe_shift`` is negative or not finite, the lengths differ, or
        ``random_seed`` is not a whole number from 0.

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
    :math:`\sqrt{\sigma_i^2 + (\mathrm{loss\_se} / L)^2}`, as in the fit. A recipe of its own adds
    to the log loss of all targets, of ``law_loss`` and ``loss``, one draw of
    :math:`\mathcal N(0, \mathrm{recipe\_shift}^2)`.

    Examples
    --------
    >>> bs.extrapolate(fit, params=70e9, tokens=1.4e12).summary   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    recipe_shift = check_recipe_shift(recipe_shift)
    mixture = Mixture.of(fit)
    host = mixture.host
    asked = {"params": params, "tokens": tokens, "flops": flops, **inputs}
    targets = stated(host.law, asked, wanted=host.law.quantities)
    targets = alike({**targets, "loss_se": _standard_errors(loss_se)})
    errors = targets.pop("loss_se")
    seed = mixture.random_seed if random_seed is None else random_seed

    def about(some: slice) -> Question:
        at = {name: values[some] for name, values in targets.items()}

        def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
            log_loss = posterior.log_loss(at) + recipe_shifts(recipe_shift, seed, len(posterior))
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
        assumed=_recipe_in_words(recipe_shift),
    )


def check_recipe_shift(recipe_shift: float) -> float:
    """Return the standard deviation of what a recipe does to log loss, a number from 0."""
    shift = number("recipe_shift", recipe_shift)
    if shift < 0:
        raise DomainError(
            f"recipe_shift is a standard deviation of log loss, a number from 0, not {shift:g}. "
            "Write .02 if another recipe may well move the loss by 2 %."
        )
    return shift


def recipe_shifts(recipe_shift: float, random_seed: int, draws: int) -> Array:
    """Draw what a recipe does to log loss, the same for all targets, shape ``(draw, 1)``."""
    rng = np.random.default_rng([random_seed, 9])  # apart from the noise of runs
    return recipe_shift * rng.standard_normal((draws, 1))


def _recipe_in_words(recipe_shift: float) -> tuple[str, ...]:
    if not recipe_shift:
        return ()
    return (
        f"Assumed: the recipe of these runs moves their loss by some {percent(recipe_shift)}, up "
        "or down, all alike.",
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
