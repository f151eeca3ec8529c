"""The entry point: which commands there are, and how each of them may end."""

import sys
import traceback

import click

from bayesscale.cli.allocate import allocate_command
from bayesscale.cli.backtest import backtest_command
from bayesscale.cli.compare import compare_command
from bayesscale.cli.extrapolate import extrapolate_command
from bayesscale.cli.fit import fit_command
from bayesscale.cli.quickstart import quickstart_command
from bayesscale.errors import BayesScaleError

EPILOG = """\b
Exit status:
  0    all is well
  1    a result is not to be used, or with --strict asks for caution; it is printed all the same
  2    bad input: the message says what to change
  70   a bug in bayesscale
  130  stopped by Ctrl-C

With --json, standard output is one JSON document with unrounded numbers (null where a number is
not finite), and everything for people goes to standard error."""


class _Endings(click.Group):
    """A group that turns whatever a command raises into a message and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of their use, not of the alphabet

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BayesScaleError as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            _complain(f"Error: {error}")
            ctx.exit(2)
        except KeyboardInterrupt:
            _complain("Stopped.")
            ctx.exit(130)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click ends these itself
        except Exception:
            traceback.print_exc()
            _complain("This is a bug in bayesscale: please report it with the lines above.")
            ctx.exit(70)


def _complain(text: str) -> None:
    click.secho(text, err=True, fg="red")


@click.group(
    cls=_Endings,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, help="Show tracebacks, and warnings of other packages.")
@click.version_option(package_name="bayesscale")
def main(debug: bool) -> None:
    """Bayesian inference for neural scaling laws."""
    for stream in (sys.stdout, sys.stderr):
        # A result shall not be lost because a pipe cannot encode an "×".
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")


for command in (
    quickstart_command, fit_command, extrapolate_command, allocate_command, compare_command,
    backtest_command,
):  # fmt: skip
    main.add_command(command)
