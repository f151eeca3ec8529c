"""One training run: a shape, a number of tokens, a learning rate and a seed make one row."""

import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from corpus import Corpus
from run import Outcome, Run
from shapes import CONTEXT, VOCABULARY
from transformer import Transformer

WARM_UP = 0.05  # share of the steps
FINAL_RATE = 0.05  # the learning rate at the end, of its peak
BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.1
CLIP = 1.0  # norm of the gradient
EVALUATED = 96  # windows a held-out package


def train(run: Run, corpus: Corpus) -> Outcome:
    """Train to the end of the schedule, then evaluate.

    Raises
    ------
    FloatingPointError
        If the run diverged.
    """
    start = time.process_time()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    weights, data = np.random.SeedSequence(run.entropy).spawn(2)
    torch.manual_seed(int(weights.generate_state(1)[0]))
    model = Transformer(run.shape)
    optimiser = torch.optim.AdamW(
        model.parameters(), betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True
    )
    windows = windows_of(corpus.training)
    order, unique = data_order(run, len(windows), np.random.default_rng(data))
    for step in range(run.steps):
        for group in optimiser.param_groups:
            group["lr"] = run.learning_rate * schedule(step, run.steps)
        batch = torch.from_numpy(
            windows[order[step * run.sequences : (step + 1) * run.sequences]].astype(np.int64)
        )
        loss = losses(model, batch).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
    evaluated = evaluation_windows(corpus.evaluation)
    loss, error = evaluate(model, evaluated)
    if not math.isfinite(loss):
        raise FloatingPointError(f"{run} diverged: its loss is {loss}")
    return Outcome(
        loss=loss,
        evaluation_se=error,
        bytes_per_token=float(corpus.byte_lengths[evaluated[..., 1:]].mean()),
        unique_tokens=unique * CONTEXT,
        seconds=time.process_time() - start,
    )


def windows_of(text: np.ndarray) -> np.ndarray:
    """Cut a text into windows of ``CONTEXT + 1`` tokens that share their end tokens alone."""
    return np.lib.stride_tricks.sliding_window_view(text, CONTEXT + 1)[::CONTEXT]


def data_order(run: Run, available: int, shuffle: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return the window of every sequence of a run, and how many different windows these are.

    A run of one epoch sees no window twice while the text lasts; each epoch has its own order.
    """
    needed = run.steps * run.sequences
    unique = min(math.ceil(needed / run.epochs), available)
    chosen = shuffle.permutation(available)[:unique]
    epochs = [shuffle.permutation(chosen) for _ in range(math.ceil(needed / unique))]
    return np.concatenate(epochs)[:needed], unique


def schedule(step: int, steps: int) -> float:
    """Return the learning rate of a step, of its peak: linear warm-up, then half a cosine."""
    warm_up = max(1, round(WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    done = (step - warm_up) / max(1, steps - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2


def losses(model: Transformer, windows: torch.Tensor) -> torch.Tensor:
    """Return the loss of every token but the first, nats, shape (windows, CONTEXT)."""
    logits = model(windows[:, :-1])
    flat = F.cross_entropy(
        logits.reshape(-1, VOCABULARY), windows[:, 1:].reshape(-1), reduction="none"
    )
    return flat.view(len(windows), CONTEXT)


def evaluation_windows(packages: list[np.ndarray]) -> np.ndarray:
    """Return as many evenly spaced windows of each package, (packages, windows, CONTEXT + 1)."""
    cut = [windows_of(text) for text in packages]
    return np.stack(
        [
            windows[np.linspace(0, len(windows) - 1, EVALUATED).round().astype(int)]
            for windows in cut
        ]
    )


@torch.no_grad()
def evaluate(model: Transformer, windows: np.ndarray) -> tuple[float, float]:
    """Return the mean loss of windows (packages, windows, CONTEXT + 1), and its standard error.

    Windows of one package are alike: the error is that of a mean over packages, not over windows.
    """
    means = np.array(
        [
            float(losses(model, torch.from_numpy(each.astype(np.int64))).double().mean())
            for each in windows
        ]
    )
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(len(means)))
