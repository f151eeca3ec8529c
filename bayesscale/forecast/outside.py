"""Targets far outside the fitted runs: by parameters, by tokens, and by tokens per parameter."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.errors import ExtrapolationWarning
from bayesscale.inference import Fit
from bayesscale.quantities import EPOCHS, PARAMS, TOKENS, UNIQUE_TOKENS, Quantity

SIZE_REACH = 30.0
"""Parameters or tokens beyond the runs' range by a larger factor are far: as for compute."""

RATIO_REACH = 2.0
"""Tokens per parameter beyond the runs' range by a larger factor are far. On a public ladder 90 %
intervals covered 44 % of the runs above the fitted tokens per parameter, 86 % or more elsewhere."""

RATIO = Quantity("tokens_per_param", noun="tokens per parameter")

EXCESS = Quantity("params_per_unique_token", noun="parameters per unique token")

RATIOS = {
    RATIO: ("tokens", "params"), EPOCHS: ("tokens", "unique_tokens"),
    EXCESS: ("params", "unique_tokens"),
}  # fmt: skip

EPOCH_REACH = 1.05
"""More epochs than were trained are far: fitted to at most 8, 90 % intervals covered 44 % of public
runs of more, and no other law of repeated data did better. So are more parameters per unique token:
of held-out runs of Muennighoff et al. (2023), those within both ranges had a CRPS of .009, all .11.
So are experts and bits: of runs in 2 bits, intervals of a fit to 3 and more covered 1 of 12."""

KNOWN = ("params", "tokens", "flops", "unique_tokens")


def check_outside(fit: Fit, sizes: Mapping[str, Array]) -> CheckResult | None:
    """Compare every target with the ranges of the fitted runs; None where all are near them.

    ``sizes`` hold ``params``, ``tokens`` or both, which broadcast, and perhaps ``unique_tokens``;
    NaN is left out. The table has a row per target: each size over the largest one of the runs
    where it lies above them, over the smallest one where it lies below, and else 1.
    """
    runs, reaches = fit.runs, {RATIO: RATIO_REACH, EPOCHS: EPOCH_REACH, EXCESS: EPOCH_REACH}
    own = (q for q in fit.law.quantities.values() if q.scale == "log" and q.name not in KNOWN)
    reaches |= (further := dict.fromkeys(own, EPOCH_REACH))
    names = [q.name for q in (PARAMS, TOKENS, UNIQUE_TOKENS, *further) if q.name in sizes]
    sizes = dict(zip(names, np.broadcast_arrays(*(sizes[k] for k in names)), strict=True))
    asked = (q for q in (PARAMS, TOKENS, *further) if q.name in sizes)
    by_quantity = {q: (sizes[q.name], runs[q.name]) for q in asked}
    by_quantity |= {
        q: (sizes[over] / sizes[under], runs[over] / runs[under])
        for q, (over, under) in RATIOS.items()
        if {over, under} <= sizes.keys()
    }
    times, texts = {}, []
    for q, (values, seen) in by_quantity.items():
        low, high = float(seen.min()), float(seen.max())
        if q in (EPOCHS, EXCESS):  # plentiful data are near every run
            values = np.maximum(values, low)
        times[q.name] = np.maximum(values / high, 1) * np.minimum(values / low, 1)
        distance = np.nan_to_num(np.abs(np.log(times[q.name])))
        far = distance > np.log(reaches.get(q, SIZE_REACH))
        if not far.any():
            continue
        at = int(distance.argmax())
        factor = float(np.exp(distance[at]))
        above = values[at] > high
        texts.append(
            f"{q.noun} of {far.sum():,} of {far.size:,} target{'s' if far.size > 1 else ''} (the "
            f"farthest, {q.write(values[at])}, is {'' if above else '1/'}{factor:.3g} "
            f"{'times' if above else 'of'} the {'largest' if above else 'smallest'} among the "
            f"runs, which have {q.write(low)} to {q.write(high)})"
        )
    if not texts:
        return None
    untried = np.max(times.get(EPOCHS.name, 1.0)) > EPOCH_REACH
    text = (
        f"Far outside the fitted runs: {'; '.join(texts)}. Expect lower coverage there. Train runs "
        "nearer to the target, or limit its size, such as terms=bs.Terms(limits=...)."
        + " Do not rely on intervals for numbers of epochs that were never trained."
        * bool(untried)
    )
    return CheckResult(
        "far from the runs", "caution", text, pd.DataFrame(times), ExtrapolationWarning
    )
