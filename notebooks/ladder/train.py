"""One training run: a shape, a number of tokens, a learning rate and a seed make one row."""

import math
import time

import numpy as np
import torch
from corpus import Corpus
from run import Outcome, Run
from shapes import CONTEXT
from step import optimiser_step
from transformer import Transformer
from windows import losses, windows_of

WARM_UP = 0.05  # share of the steps
FINAL_RATE = 0.05  # the learning rate at the end, of its peak
EVALUATED = 96  # windows a held-out package
MATRIX_PRODUCTS = "high"  # on a GPU: inputs are rounded to 10 bits, sums are in single precision


def train(run: Run, corpus: Corpus, device: str = "cpu") -> Outcome:
    """Train to the end of the schedule on ``cpu`` or ``cuda``, then evaluate.

    Weights and data start from the same random numbers on both.

    Raises
    ------
    FloatingPointError
        If the run diverged.
    """
    start = time.process_time()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if device == "cuda":
        torch.set_float32_matmul_precision(MATRIX_PRODUCTS)
    weights, data = np.random.SeedSequence(run.entropy).spawn(2)
    torch.manual_seed(int(weights.generate_state(1)[0]))
    model = Transformer(run.shape).to(device)
    windows = windows_of(as_tensor(corpus.training).to(device))
    chosen, unique = data_order(run, len(windows), np.random.default_rng(data))
    order = torch.from_numpy(chosen).to(device).split(run.sequences)
    take = optimiser_step(model)
    for number, batch in enumerate(order):
        take(windows[batch].long(), run.learning_rate * schedule(number, run.steps))
    evaluated = evaluation_windows(corpus.evaluation)
    loss, error = evaluate(model, evaluated)
    if not math.isfinite(loss):
        raise FloatingPointError(f"{run} diverged: its loss is {loss}")
    return Outcome(
        loss=loss,
        evaluation_se=error,
        bytes_per_token=float(corpus.byte_lengths[evaluated[..., 1:]].mean()),
        unique_tokens=unique * CONTEXT,
        processor=torch.cuda.get_device_name() if device == "cuda" else "cpu",
        seconds=time.process_time() - start,
    )


def as_tensor(tokens: np.ndarray) -> torch.Tensor:
    """Return tokens as PyTorch takes them: it has few operations for unsigned integers."""
    return torch.from_numpy(tokens.view(np.int16))


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


def evaluation_windows(packages: list[np.ndarray]) -> np.ndarray:
    """Return as many evenly spaced windows of each package, (packages, windows, CONTEXT + 1)."""
    cut = [windows_of(as_tensor(text)).numpy() for text in packages]
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
    packages = torch.from_numpy(windows).to(next(model.parameters()).device).long()
    means = np.array([float(losses(model, each).double().mean()) for each in packages])
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(len(means)))
