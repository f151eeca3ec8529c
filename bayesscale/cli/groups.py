"""Help of commands: options in groups, and examples at the end."""

from __future__ import annotations

import click

GROUPS = {
    "Reading the table": (
        "params", "tokens", "loss", "flops", "loss_se", "seed", "group", "cluster", "run_id",
        "params_non_embedding", "param_count", "flop_rule", "loss_unit", "bytes_per_token", "units",
        "inputs", "where",
    ),
    "What the budget pays for, and what limits the run": (
        "served", "params_min", "params_max", "tokens_max", "unique_tokens",
    ),
    "Small runs to choose from": ("candidates", "most"),
    "How it is told": ("unit", "machine", "ci_prob", "medium", "theme", "columns"),
    "Model": ("law", "laws", "noise", "discrepancy", "priors"),
    "Sampling": ("draws", "tune", "chains", "target_accept", "random_seed"),
    "Output": ("output", "output_dir", "force", "as_json", "strict", "quiet", "--help"),
}  # fmt: skip
"""Titles, and the names of what stands below each; all else comes first, as what is asked."""


class Grouped(click.Command):
    """A command whose help lists options in groups, then examples."""

    def __init__(self, *args: object, examples: str = "", **settings: object) -> None:
        super().__init__(*args, **settings)  # pyright: ignore[reportArgumentType]
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a group after the other."""
        grouped: dict[str, list[tuple[str, str]]] = {"Options": []} | {k: [] for k in GROUPS}
        reads = "where" in {param.name for param in self.get_params(ctx)}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                grouped[self._title(param, reads=reads)].append(record)
        for title, records in grouped.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples that can be copied."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"  {line.strip()}\n")
        super().format_epilog(ctx, formatter)

    @staticmethod
    def _title(param: click.Parameter, *, reads: bool) -> str:
        for title, names in GROUPS.items():
            # only where there is a table to read are these names columns
            known = {param.name, *param.opts} & {*names}  # click has a name of its own for --help
            if known and (reads or title != "Reading the table"):
                return title
        return "Options"
