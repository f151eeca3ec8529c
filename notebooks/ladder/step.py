"""One step of the optimiser: taken as it comes on a CPU, recorded once and replayed on a GPU.

Networks of this size keep a GPU busy for a few microseconds a kernel, less than it takes to ask for
one; a recorded step asks once for all of them.
"""

from collections.abc import Callable

import torch
from transformer import Transformer
from windows import losses

BETAS = (0.9, 0.98)
WEIGHT_DECAY = 0.1
CLIP = 1.0  # norm of the gradient
BEFORE_RECORDING = 3  # steps: buffers and kernels are chosen in the first

Step = Callable[[torch.Tensor, float], None]


def optimiser_step(model: Transformer) -> Step:
    """Return what takes a step on windows (sequences, CONTEXT + 1) at a learning rate."""
    on_gpu = next(model.parameters()).is_cuda
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=torch.tensor(0.0, device="cuda") if on_gpu else 0.0,
        betas=BETAS,
        weight_decay=WEIGHT_DECAY,
        fused=True,
        capturable=on_gpu,
    )
    (group,) = optimiser.param_groups

    def step(windows: torch.Tensor) -> None:
        optimiser.zero_grad()
        losses(model, windows).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()

    if on_gpu:
        return recorded(step, group["lr"])

    def take(windows: torch.Tensor, rate: float) -> None:
        group["lr"] = rate
        step(windows)

    return take


def recorded(step: Callable[[torch.Tensor], None], rate: torch.Tensor) -> Step:
    """Return a step that is recorded the fourth time that it is taken, and replayed from then on.

    ``rate`` is the number on the GPU that the optimiser reads.
    """
    side = torch.cuda.Stream()
    graph = torch.cuda.CUDAGraph()
    taken = 0
    held: torch.Tensor  # where the recorded step finds its windows

    def take(windows: torch.Tensor, value: float) -> None:
        nonlocal taken, held
        rate.fill_(value)
        if taken < BEFORE_RECORDING:
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                step(windows)
            torch.cuda.current_stream().wait_stream(side)
        else:
            if taken == BEFORE_RECORDING:
                held = windows.clone()
                with torch.cuda.graph(graph):
                    step(held)
            held.copy_(windows)
            graph.replay()
        taken += 1

    return take
