"""Commands that put a question to a saved fit or average, under the names of the functions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import bayesscale as bs
from bayesscale._python import Name, call, literal, made_by
from bayesscale._sections import Heading, records
from bayesscale.cli import options
from bayesscale.cli.output import Output, command, describe


def _question(
    name: str, variable: str, text: str, *decorators: Callable, short: str, examples: str,
    prepare: Callable[..., dict[str, Any]] | None = None,
) -> click.Command:  # fmt: skip
    """Make a command that calls the function of its name with what ``prepare`` makes of options."""
    function = name.replace("-", "_")

    def ask(
        out: Output, fit: Path, law: Any, ci_prob: float, unit: Any, machine: Any = None,
        **further: Any,
    ) -> None:  # fmt: skip
        loaded = out.load(fit, law)
        inputs = options.given(further)
        inputs = (prepare(loaded, unit, **inputs) if prepare else inputs) | {"ci_prob": ci_prob}
        answer = getattr(bs, function)(loaded, **inputs)
        shown = f"{variable}.summary" if unit is None else call(f"{variable}.in_unit", unit)
        out.record(call(f"{variable} = bs.{function}", Name("fit"), **inputs), shown)
        out.show(answer.in_unit(unit).sections())
        document = {"fit": fit, **describe(loaded), **describe(answer)}
        if machine is not None:
            document["bill"] = _bill(out, machine, answer.summary.index.to_numpy(), variable)
        out.finish(document, answer)

    ask.__doc__ = text
    for decorate in (
        options.losses_in_option, options.ci_prob_option, options.own_law_option,
        options.terms_options, *decorators[::-1], options.fit_argument,
    ):  # fmt: skip
        ask = decorate(ask)
    return command(name, examples=examples, short_help=short)(ask)


def _bill(out: Output, machine: Any, flops: Any, variable: str) -> list[dict[str, Any]]:
    """Show what budgets cost on a machine."""
    from bayesscale.tell import bill_sections

    out.record(f"machine = {literal(machine)}", f"machine.bill({variable}.summary.index)")
    out.show([Heading("What it costs"), *bill_sections(machine, flops)])
    return records(machine.bill(flops))


def _in_nats(fit: Any, unit: Any, *, loss: list[float], **arguments: Any) -> dict[str, Any]:
    """Read target losses in the unit that losses are shown in."""
    from bayesscale.quantities import LossScale

    scale = LossScale.of(fit.runs, unit)
    return arguments | {"loss": [float(scale.read(target)) for target in loss]}


def _with_candidates(
    _: Any, __: Any, *, candidates: Path | None = None, **arguments: Any
) -> dict[str, Any]:
    """Read the candidates of a design."""
    if candidates is None:
        return arguments
    import pandas as pd

    try:
        table = pd.read_csv(candidates)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{candidates} cannot be read as CSV: {error}") from error
    return arguments | {"candidates": made_by(table, f"pd.read_csv({literal(candidates)})")}


COMMANDS = (
    _question(
        "extrapolate", "prediction",
        """Predict the loss of runs outside the range of a saved FIT or average.

        The first of the parameters goes with the first of the tokens, and so on; one alone goes
        with all.
        """,
        options.sizes_option("--params", "Parameters, e.g. 70B; repeatable."),
        options.sizes_option("--tokens", "Training tokens, e.g. 1.4T; repeatable."),
        options.sizes_option(
            "--flops", "Training compute in FLOP, for laws of compute; repeatable."
        ),
        options.recipe_shift_option,
        short="Predict the loss of runs not trained yet.",
        examples="bayesscale extrapolate fit.nc --params 70B --tokens 1.4T",
    ),
    _question(
        "allocate", "allocation",
        "Split compute between parameters and tokens optimally under a saved FIT or average.",
        options.sizes_option(
            "--flops", "Compute budget in FLOP, e.g. 1e24; repeatable.", required=True
        ),
        options.machine_option,
        short="Split compute between parameters and tokens.",
        examples="""
        bayesscale allocate fit.nc --flops 1e22,1e23
        bayesscale allocate fit.nc --flops 1e23 --served 2T --params-max 8B
        bayesscale allocate fit.nc --flops 1e23 --machine peak=989e12,utilization=0.4
        """,
    ),
    _question(
        "regret", "regret",
        """Compare plans with the best runs of the same cost under a saved FIT.

        Two of parameters, tokens, their ratio and compute make a plan.
        """,
        options.sizes_option("--params", "Parameters of each plan, e.g. 7B,13B."),
        options.sizes_option("--tokens", "Training tokens of each plan."),
        options.sizes_option("--tokens-per-param", "Tokens per parameter of each plan."),
        options.sizes_option("--flops", "Compute of each plan, FLOP."),
        short="Compare plans with the best runs of their cost.",
        examples="bayesscale regret fit.nc --params 6B,7B,8B --flops 1e24",
    ),
    _question(
        "landmarks", "landmarks",
        "Estimate how over- or under-trained published models are under a saved FIT.",
        short="Compare published models with the best runs of their cost.",
        examples="bayesscale landmarks fit.nc",
    ),
    _question(
        "required-flops", "answer",
        "Find the minimum compute that reaches a loss, split optimally under a saved FIT.",
        options.sizes_option(
            "--loss", "Target loss, in the unit of the losses shown; repeatable.", required=True
        ),
        short="Find the minimum compute for a target loss.",
        examples="bayesscale required-flops fit.nc --loss 2.0,1.9", prepare=_in_nats,
    ),
    _question(
        "worth-of-epochs", "answer",
        "Estimate the value of repeated tokens under a saved FIT of a law with unique tokens.",
        options.sizes_option("--epochs", "Epochs; repeatable.", required=True),
        options.size_option("--params", "Parameters; by default one per 20 unique tokens."),
        short="Estimate the value of repeated tokens.",
        examples="bayesscale worth-of-epochs fit.nc --given unique_tokens=1e9 --epochs 4,16",
    ),
    _question(
        "tokens-without-overfitting", "answer",
        "Find how many unique tokens a size needs to come near its loss with unlimited data.",
        options.sizes_option("--params", "Parameters, e.g. 1B; repeatable.", required=True),
        click.option(
            "--excess", type=float, default=0.02, show_default=True,
            help="Loss above that with unlimited data, as a fraction.",
        ),
        short="Find the tokens that a model size needs.",
        examples="bayesscale tokens-without-overfitting fit.nc --params 1B,10B",
    ),
    _question(
        "convergence", "answer",
        "Estimate how far compute-optimal runs are from convergence under a saved FIT.",
        options.sizes_option("--flops", "Compute budget in FLOP; repeatable.", required=True),
        short="Estimate how far the best runs are from convergence.",
        examples="bayesscale convergence fit.nc --flops 1e21,1e24",
    ),
    _question(
        "effective-params", "answer",
        "Estimate what parameters of routed or low-precision models are worth under a saved FIT.",
        options.sizes_option("--params", "Parameters; by default those at the centre."),
        short="Estimate what routed or low-precision parameters are worth.",
        examples="bayesscale effective-params fit.nc --given experts=64",
    ),
    _question(
        "gain", "answer",
        "Estimate how much more parameters, tokens or compute lower the loss of a given run.",
        options.size_option("--params", "Parameters of the run to start from, e.g. 7B."),
        options.size_option("--tokens", "Its training tokens, e.g. 1.4T."),
        options.size_option("--flops", "Its training compute in FLOP, for laws of compute."),
        click.option(
            "--factor", type=float, default=10.0, show_default=True, help="Factor of the increase."
        ),
        short="Estimate the gain from more parameters, tokens or compute.",
        examples="bayesscale gain fit.nc --params 7B --tokens 1.4T --factor 10",
    ),
    _question(
        "design", "design",
        "Choose small runs that most improve the split of a large budget under a saved FIT.",
        options.size_option(
            "--target", "Compute of the large run, FLOP, e.g. 1e24.", required=True
        ),
        options.size_option(
            "--budget", "Compute for the small runs together, FLOP.", required=True
        ),
        click.option(
            "--candidates", type=options.PATH,
            help="CSV file with the columns params and tokens; by default a grid around the runs.",
        ),
        click.option(
            "--most", type=click.IntRange(1), default=6, show_default=True, help="Maximum number."
        ),
        short="Choose small runs to train before a large one.", prepare=_with_candidates,
        examples="""
        bayesscale design fit.nc --target 1e24 --budget 1e22
        bayesscale design fit.nc --target 1e24 --budget 1e22 --candidates small.csv --most 3
        """,
    ),
)  # fmt: skip
