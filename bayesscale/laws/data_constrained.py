"""Laws of repeated data: the value of tokens over several epochs, and overfitting."""

from collections.abc import Mapping
from math import inf, log

from bayesscale._format import list_some
from bayesscale.laws.coordinates import Coordinate
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_terms
from bayesscale.laws.unified import Unified
from bayesscale.quantities import UNIQUE_TOKENS

MUENNIGHOFF = "Muennighoff et al. (2023), eq. 5, arXiv:2305.16264"

OVERFIT_AT = 20.0  # repetitions
EPOCHS_MAX, LOSS_MAX = 60, 4.5

TOKEN_DECAY = Coordinate(
    "token_decay", "log", log(15.4), 1.0, "repetitions",
    "repetitions after which another one is worth 1/e of new tokens, R_D*",
)  # fmt: skip
PARAM_DECAY = Coordinate(
    "param_decay", "log", log(5.3), 1.0, "1", "excess parameters worth 1/e of others, R_N*"
)
OVERFITTING = Coordinate(
    "overfitting", "log", log(0.03), 1.5, "log loss", "what 20 repetitions add at the centre"
)
OVERFITTING_N, OVERFITTING_U = (
    Coordinate(f"overfitting_{letter}", "log", log(0.5), 0.7, "1", f"power of {what}")
    for letter, what in (("N", "parameters that overfitting rises with"),
                         ("U", "unique tokens that overfitting falls with"))
)  # fmt: skip


def worth(repeats, decay, xp):
    """Return ln(D' / U): what U tokens read ``1 + repeats`` times are worth in new ones."""
    return xp.log1p(-decay * xp.expm1(-repeats / decay))


def _read(x, xp):
    """Return ln U, at most ln D, and the repetitions of it."""
    ln_epochs = xp.maximum(x["tokens"] - x["unique_tokens"], 0.0)
    return x["tokens"] - ln_epochs, xp.expm1(ln_epochs)


class _Overfitted(Unified):
    """The unified law with overfitting; a discrepancy acts on N and on what tokens are worth."""

    name = "overfitted"

    def log_loss(self, c, x, xp):
        per_repeat = xp.exp(c["overfitting_N"] * x["params"] - c["overfitting_U"] * x["unique"])
        excess = c["overfitting"] * x["repeats"] / OVERFIT_AT * per_repeat
        return super().log_loss(c, x, xp) + excess


UNIFIED, OVERFITTED = Unified(), _Overfitted()


class DataConstrained(Unified):
    r"""The unified law where data are repeated, and overfitted.

    .. math:: L(N, D, U) = L(N, D')\, e^{P R N^{q_N} U^{-q_U}}, \quad
              D' = U \left[1 + R_D^* (1 - e^{-R / R_D^*})\right], \quad R = D / U - 1

    A run of one epoch is that of the unified law.
    """

    name = "data_constrained"
    equation = (
        r"ln L(N, D, U) = ln L(N, D') + P R N^{q_N} U^{-q_U}, "
        r"D' = U [1 + R_D (1 - e^{-R / R_D})], R = D/U - 1"
    )
    question = "how often to repeat scarce data, and when to stop"
    citation = f"Worth of repeated tokens: {MUENNIGHOFF}; overfitting: this package"
    inputs = ("params", "tokens", UNIQUE_TOKENS)
    references = {"unique_tokens": "tokens"}
    contains = {}
    coordinates = (
        *Unified.coordinates, TOKEN_DECAY, OVERFITTING, OVERFITTING_N, OVERFITTING_U
    )  # fmt: skip
    published_units = {
        **Unified.published_units, "R_D": "repetitions", "q_N": "1", "q_U": "1",
        "P": "log loss × tokens^q_U / params^q_N",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        law, c, x = self.surface(c, x, xp)
        return law.log_loss(c, x, xp)

    def caveats(self, runs):
        many = runs["tokens"] > EPOCHS_MAX * runs["unique_tokens"] * (1 + 1e-3)
        worst = runs.run_ids[many | ((runs["loss"] > LOSS_MAX) & (runs.loss_max < inf))]
        text = (
            f"Runs of more than {EPOCHS_MAX} epochs, or of a loss above {LOSS_MAX}, dominate fits "
            f"({len(worst)} runs: {list_some(worst)}): leave them out. On the runs of Muennighoff "
            "et al. (2023) that lowered the error of held-out runs from .033 to .009 nats/token."
        )
        return (*super().caveats(runs), *([text] if len(worst) else []))

    def surface(self, c, x, xp) -> tuple[Law, Mapping, Mapping]:
        unique, repeats = _read(x, xp)
        tokens = unique + worth(repeats, c["token_decay"], xp)
        seen = {"params": x["params"], "tokens": tokens, "unique": unique, "repeats": repeats}
        return OVERFITTED, c, seen

    def published(self, c, reference):
        q_n, q_u = c["overfitting_N"], c["overfitting_U"]
        scale = reference["tokens"] ** q_u / reference["params"] ** q_n
        return super().published(c, reference) | {
            "R_D": c["token_decay"], "q_N": q_n, "q_U": q_u,
            "P": c["overfitting"] / OVERFIT_AT * scale,
        }  # fmt: skip


class Muennighoff(DataConstrained):
    r"""Muennighoff's law: repeated tokens and excess parameters have less value.

    .. math:: N' = U_N \left[1 + R_N^* (1 - e^{-R_N / R_N^*})\right], \quad R_N = N / U_N - 1

    for parameters above U_N, the best for the unique tokens, where elasticities balance.
    """

    name = "muennighoff"
    equation = (
        r"L(N, D, U) = E + (A N'^{-\alpha_N / k} + B D'^{-\alpha_D / k})^k, "
        r"D' = U [1 + R_D (1 - e^{-R / R_D})], N' = U_N [1 + R_N (1 - e^{-(N / U_N - 1) / R_N})]"
    )
    question = "how often to repeat scarce data"
    citation = MUENNIGHOFF
    coordinates = (*Unified.coordinates, TOKEN_DECAY, PARAM_DECAY)
    published_units = {**Unified.published_units, "R_D": "repetitions", "R_N": "1"}

    def surface(self, c, x, xp):
        s, alpha_n, alpha_d = two_terms(c, c["irreducible_share"])
        a, b = alpha_n / c["k"], alpha_d / c["k"]
        unique, repeats = _read(x, xp)
        best = (xp.log(a * s) - xp.log(b * (1 - s)) + b * unique) / a
        over = xp.maximum(x["params"] - best, 0.0)
        n = x["params"] - over + worth(xp.expm1(over), c["param_decay"], xp)
        return UNIFIED, c, {"params": n, "tokens": unique + worth(repeats, c["token_decay"], xp)}

    def published(self, c, reference):
        decays = {"R_D": c["token_decay"], "R_N": c["param_decay"]}
        return Unified.published(self, c, reference) | decays
