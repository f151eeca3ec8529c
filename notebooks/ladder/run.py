"""What a training run is told, and what it comes to."""

from dataclasses import dataclass

from shapes import CONTEXT, Shape


@dataclass(frozen=True)
class Run:
    """What is trained.

    Attributes
    ----------
    shape
        Width and depth.
    steps
        Optimiser steps.
    sequences
        Windows of ``CONTEXT`` tokens in a batch.
    seed
        Tells replicates apart: initial weights, choice and order of the data.
    learning_rate
        Peak of the schedule.
    epochs
        How often the run sees each of its unique tokens.
    """

    shape: Shape
    steps: int
    sequences: int
    seed: int
    learning_rate: float
    epochs: int = 1

    @property
    def entropy(self) -> tuple[int, ...]:
        """Where random numbers start: no two runs share any, whatever their seed."""
        return self.seed, self.shape.width, self.shape.depth, self.steps, self.epochs

    @property
    def tokens(self) -> int:
        """Tokens seen, repeated ones counted every time."""
        return self.steps * self.sequences * CONTEXT


@dataclass(frozen=True)
class Outcome:
    """What a run comes to.

    Attributes
    ----------
    loss
        Mean over the held-out windows, nats a token.
    evaluation_se
        Its standard error from the choice of held-out packages. All runs share these: it is an
        error of the ladder's level, and cancels in large part between runs.
    bytes_per_token
        Of the held-out windows: what turns ``loss`` into bits a byte.
    unique_tokens
        Different training tokens seen.
    processor
        ``cpu``, or the name of the GPU.
    seconds
        CPU time of training and evaluation.
    """

    loss: float
    evaluation_se: float
    bytes_per_token: float
    unique_tokens: int
    processor: str
    seconds: float
