"""The loss of runs that have not been trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bayesscale._arguments import interval_tails, number
from bayesscale._format import interval, percent
from bayesscale._random import Stream, generator
from bayesscale._sections import Paragraph, Section, Table
from bayesscale._types import Array
from bayesscale.checks import size_in_words
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import (
    Answer,
    admitted,
    asks,
    broadcast,
    check_inputs,
    described,
    quantity_of,
    reach,
    target_frame,
    title,
    warn_if_far,
    writer,
)
from bayesscale.forecast.mixture import Mixture, Question, check_answers
from bayesscale.forecast.purchase import law_inputs, priced
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit, log_loss_of
from bayesscale.laws import SPLIT
from bayesscale.model import Posterior
from bayesscale.quantities import LOSS, LOSS_SE


@described
@dataclass(frozen=True, repr=False)
class Prediction(Answer):
    """Predicted losses.

    Parameters
    ----------
    summary
        One row per target: its size; ``loss`` (median) with ``loss_lower`` and ``loss_upper`` for a
        new run, ``law_loss…`` for the law without run noise, nats/token; ``reach_…``, the size as
        a multiple of the largest among the fitted runs.
    draws
        ``loss`` and ``law_loss``, dims ``(chain, draw, target)``, nats/token.
    """

    assumed: tuple[str, ...] = ()

    def body(self) -> list[Section]:
        """Return predicted losses, one row per target."""
        frame = self.summary
        names = [str(name) for name in frame]
        sizes = [name.removeprefix("reach_") for name in names if name.startswith("reach_")]
        reach = "flops" if "flops" in sizes else sizes[0]
        columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
            title(name): writer(name) for name in names[: names.index("loss")]
        }
        scale = self.scale
        columns |= {
            scale.word: lambda row: scale.write(row["loss"]),
            f"{percent(self.ci_prob)} interval": lambda row: interval(
                row["loss_lower"], row["loss_upper"], scale.write
            ),
            "extrapolation": lambda row: f"{row[f'reach_{reach}']:.3g}×",
        }
        note = (
            f"Loss of a new run {scale.in_words}. Extrapolation: "
            f"{title(reach)} over that of the largest fitted run."
        )
        assumed = (Paragraph(text) for text in self.assumed)
        return [Table.of(frame, columns, note), *assumed]


@asks
def extrapolate(
    fit: Fit | Average, *, params: ArrayLike | None = None, tokens: ArrayLike | None = None,
    flops: ArrayLike | None = None, loss_se: ArrayLike | None = None, recipe_shift: float = 0.0,
    terms: Terms | None = None, ci_prob: float = 0.9, random_seed: int | None = None,
    **inputs: ArrayLike,
) -> Prediction:  # fmt: skip
    r"""Predict the loss of runs outside the fitted range.

    Pushes every posterior draw through the fitted law, then adds the noise of a new run.

    Parameters
    ----------
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
        Standard deviation of the shift in log loss between the recipe of the targets and that of
        the fitted runs, >= 0, the same shift for all targets: ``0.02`` if new data, another
        optimiser or another architecture may change the loss by about 2 %. By default 0: the same
        recipe.

    Notes
    -----
    The intervals include model discrepancy if the fit has one. For an average, each law is
    evaluated with its share of the draws, and the intervals are those of the mixture. The noise of
    a measured run in log loss has the scale :math:`\sqrt{\sigma_i^2 + (\mathrm{loss\_se} / L)^2}`,
    as in the fit. A shift of recipe adds to the log loss of all targets, of ``law_loss`` and
    ``loss``, one draw of :math:`\mathcal N(0, \mathrm{recipe\_shift}^2)`.

    Examples
    --------
    >>> bs.extrapolate(fit, params=70e9, tokens=1.4e12).summary   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    recipe_shift = check_recipe_shift(recipe_shift)
    mixture = Mixture.of(fit)
    reference = mixture.reference
    law = reference.law
    terms = priced(reference, terms, spends=False)
    sizes = {"params": params, "tokens": tokens, "flops": flops}
    targets = check_inputs(law, {**terms.given, **sizes, **inputs}, wanted=law.quantities)
    targets = broadcast(
        {**targets, "loss_se": admitted(LOSS_SE, 0.0 if loss_se is None else loss_se)}
    )
    errors = targets.pop("loss_se")
    seed = mixture.random_seed if random_seed is None else random_seed

    def some(block: Any) -> dict[str, Any]:
        return {name: values[block] for name, values in targets.items()}

    def log_loss(posterior: Posterior, block: Any) -> Array:
        return log_loss_of(posterior, law_inputs(posterior, some(block), terms))

    def about(block: slice) -> Question:
        def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
            # the same shift for all targets
            shift = generator(seed, Stream.RECIPE).standard_normal((len(posterior), 1))
            shifted = log_loss(posterior, block) + recipe_shift * shift
            loss = posterior.new_runs(shifted, some(block), rng, errors[block])
            return {"loss": loss, "law_loss": np.exp(shifted)}

        return question

    columns, drawn, every = mixture.evaluate_all(
        about, len(errors), ci_prob=ci_prob, random_seed=random_seed
    )
    sizes = dict(targets)
    if set(SPLIT) <= set(targets):
        sizes["flops"] = terms.cost_at(targets).flops(targets["params"], targets["tokens"])
    outside = warn_if_far(reference, sizes, loss=columns["law_loss"])
    assumed = (
        "Assumed: a difference in recipe shifts the loss of all these runs together, with a "
        f"standard deviation of {percent(recipe_shift)}."
    )
    return Prediction(
        summary=target_frame("target", sizes | columns | reach(reference, sizes)),
        draws=mixture.dataset(
            {name: (drawn[name], LOSS.unit) for name in ("loss", "law_loss")},
            "target",
            {name: (v, quantity_of(law, name).unit) for name, v in sizes.items()},
            every=every,
        ),
        ci_prob=ci_prob,
        of=mixture.asked,
        sensitivity=check_answers(
            mixture,
            lambda posterior, block: {"the loss of": log_loss(posterior, block)},
            [size_in_words(some(i), law) for i in range(len(errors))],
            what="predicted losses",
        ),
        outside=outside,
        assumed=(assumed,) if recipe_shift else (),
    )


RECIPE_SHIFT_MAX = 1.0
"""A recipe that moves the loss by a factor e is another task; above it stand per cent."""


def check_recipe_shift(recipe_shift: float) -> float:
    """Return the standard deviation of what a recipe does to log loss, a number from 0 to 1."""
    shift = number("recipe_shift", recipe_shift)
    if not 0 <= shift <= RECIPE_SHIFT_MAX:
        raise DomainError(
            f"recipe_shift is a standard deviation of log loss, from 0 to {RECIPE_SHIFT_MAX:g}, "
            f"not {shift:g}. Write .02 if another recipe may shift the loss by about 2 %."
        )
    return shift
