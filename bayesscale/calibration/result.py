"""The result of a calibration: ranks, a test of each quantity, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale._format import list_some
from bayesscale._sections import Heading, Result, Section, Severity, Table, Verdict
from bayesscale.calibration.simulation import RANKED_AMONG, Ranked
from bayesscale.calibration.uniform import counts_below, p_value

UNCONVERGED_MAX = 0.05
"""A calibration in which more than this share of the fits did not converge does not pass."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """Ranks of the truth among posterior draws, and whether they are uniform.

    Parameters
    ----------
    ranks
        One row per simulation, one column per quantity: how many of the draws lie below the truth.
    fits
        One row per simulation: the worst ``r_hat`` and ``ess``, ``divergences``, ``draws`` of each
        chain, ``converged``, ``seconds``.
    model
        The model in words, such as ``"The law 'unified' with ..."``.
    false_alarm
        Highest probability that a correct model does not pass.
    random_seed
        The seed; with it, a rerun simulates and ranks the same.
    ranked_among
        Number of draws that the truth was ranked among.
    """

    ranks: pd.DataFrame
    fits: pd.DataFrame
    model: str
    false_alarm: float
    random_seed: int
    ranked_among: int = RANKED_AMONG

    @classmethod
    def of(
        cls, ranked: Sequence[Ranked], *, model: str, false_alarm: float, random_seed: int
    ) -> Calibration:
        """Put simulations together."""
        index = pd.Index([r.simulation for r in ranked], name="simulation")
        ranks = pd.DataFrame([r.ranks for r in ranked], index=index)
        fits = pd.DataFrame([asdict(r) for r in ranked], index=index)
        fits = fits.drop(columns=["simulation", "ranks"])
        return cls(ranks, fits, model, false_alarm, random_seed)

    @property
    def threshold(self) -> float:
        """The p-value below which a quantity fails: ``false_alarm`` shared among all."""
        return self.false_alarm / self.ranks.shape[1]

    @cached_property
    def draws(self) -> xr.DataTree:
        """Shares of draws below the truth, a draw per simulation, for ArviZ's ``plot_ecdf_pit``."""
        shares = (self.ranks + 0.5) / (self.ranked_among + 1)
        named = {str(k): (("chain", "draw"), v.to_numpy()[None]) for k, v in shares.items()}
        return xr.DataTree.from_dict({"prior_sbc": xr.Dataset(named)})

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Test of each quantity, unrounded.

        Columns: ``p_value`` of uniform ranks; ``max_difference``, the largest difference of
        their distribution function from a uniform one's; ``inside``, whether its curve stays
        inside the simultaneous band, which is whether the p-value exceeds ``threshold``;
        ``mean_rank`` over the largest rank, where above .5 the posterior lies too low;
        ``rank_spread``, the variance of ranks over a uniform one's, where above 1 the posterior
        is too narrow.
        """
        n, most = len(self.ranks), self.ranked_among
        expected = n * np.arange(1, most + 1) / (most + 1)
        rows = {}
        for name, column in self.ranks.items():
            ranks = column.to_numpy()
            p = p_value(ranks, most)
            rows[str(name)] = {
                "p_value": p,
                "max_difference": np.abs(counts_below(ranks, most) - expected).max() / n,
                "inside": p > self.threshold,
                "mean_rank": ranks.mean() / most,
                "rank_spread": np.mean((ranks - most / 2) ** 2) / (most * (most + 2) / 12),
            }
        table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")
        return table.astype({"inside": bool})

    @property
    def unconverged(self) -> int:
        """How many fits did not converge. Their ranks are included."""
        return int((~self.fits["converged"]).sum())

    @property
    def severity(self) -> Severity:
        """A stop, unless the ranks of all quantities are uniform and nearly all fits converged."""
        few = self.unconverged <= UNCONVERGED_MAX * len(self.fits)
        return "ok" if few and self.summary["inside"].all() else "stop"

    @property
    def text(self) -> str:
        """The verdict, in a sentence or two."""
        n, table = len(self.ranks), self.summary
        worst = table["p_value"].idxmin()
        bad = table[~table["inside"]].sort_values("p_value")
        if bad.empty:
            verdict = (
                f"{self.model}: in {n:,} simulations the ranks of the true values among posterior "
                f"draws were uniform for all {len(table)} quantities. The smallest p-value, "
                f"{table['p_value'].min():.2g}, is of {worst}; the threshold is "
                f"{self.threshold:.2g}."
            )
        else:
            listed = [f"{name} ({self._reading(str(name))})" for name in bad.index]
            verdict = (
                f"{self.model}: calibration failed. In {n:,} simulations the ranks of the true "
                f"values among posterior draws were not uniform for {list_some(listed)}. Either "
                "the sampled density is not that of the model, or the sampler misses part of it. A "
                f"correct model fails in {100 * self.false_alarm:g} % of calibrations."
            )
        if self.unconverged:
            verdict += (
                f" {self.unconverged} of {n:,} fits did not converge, however long; their ranks "
                "are included, as a user would have used them."
            )
        if self.unconverged > UNCONVERGED_MAX * n:
            verdict += " These are too many to trust the ranks: raise tune and draws."
        return verdict

    def _reading(self, name: str) -> str:
        """Describe what is wrong with a quantity's posterior, judging by its ranks."""
        row, n = self.summary.loc[name], len(self.ranks)
        shift = (row["mean_rank"] - 0.5) * np.sqrt(12 * n)
        spread = (row["rank_spread"] - 1) * np.sqrt(1.25 * n)
        if abs(shift) > abs(spread):
            how = "too low" if shift > 0 else "too high"
        else:
            how = "too narrow" if spread > 0 else "too wide"
        return f"posteriors {how}, p-value {row['p_value']:.1g}"

    def sections(self) -> list[Section]:
        """Return the verdict, and the test of each quantity, the most doubtful first."""
        columns = {
            "quantity": lambda row: str(row["quantity"]),
            "p-value": lambda row: f"{row['p_value']:.2g}",
            "inside": lambda row: "yes" if row["inside"] else "NO",
            "mean rank": lambda row: f"{row['mean_rank']:.2f}",
            "spread of ranks": lambda row: f"{row['rank_spread']:.2f}",
        }
        return [
            Heading("Simulation-based calibration"),
            Verdict(self.text, self.severity),
            Table.of(
                self.summary.sort_values("p_value", kind="stable"),
                columns,
                "Mean rank: .5 if calibrated; above, posteriors are too low. Spread of ranks: 1 if "
                "calibrated; above, posteriors are too narrow.",
            ),
        ]
