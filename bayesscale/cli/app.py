"""The entry point: which commands there are, and how each of them may end."""

import os
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import click

from bayesscale.cli import fit, sweeps
from bayesscale.cli.analysis import quickstart_command, report_command
from bayesscale.cli.data import data_command, laws_command
from bayesscale.cli.plot import plot_command
from bayesscale.cli.questions import COMMANDS
from bayesscale.errors import BayesScaleError

EPILOG = """\b
Exit status:
  0    success
  1    a result must not be used, or with --strict needs caution; it is still printed
  2    bad input: the message says what to change
  70   a bug in bayesscale
  130  stopped by Ctrl-C

With --json, standard output is one JSON document with unrounded numbers (null where a number is
not finite), and the readable output goes to standard error."""


class _Endings(click.Group):
    """A group that turns whatever a command raises into a message and an exit status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of their use, not of the alphabet

    def main(self, *args: Any, **options: Any) -> Any:
        try:
            return super().main(*args, **options)
        except OSError as error:  # help and complaints are written before any command is invoked
            _complain(f"Error: {error}.")
            _forget_output()
            sys.exit(2)

    def invoke(self, ctx: click.Context) -> object:
        try:
            result = super().invoke(ctx)
            _flush()
            return result
        except BayesScaleError as error:
            _explain(ctx, str(error))
        except KeyboardInterrupt:
            _complain("Stopped.")
            ctx.exit(130)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click ends these itself
        except MemoryError:
            _explain(ctx, "There is not enough memory. Use fewer draws or targets at a time.")
        except OSError as error:  # the system's: a disk, a stream, a folder
            _explain(ctx, f"{error}. Check the disk, the folders and where output goes.")
        except SystemExit as error:  # click ends commands otherwise
            _explain(
                ctx,
                f"The code of a law ended the process, sys.exit({error.code!r}), before there was "
                "a result. Remove that call.",
            )
        except BaseException:
            traceback.print_exc()
            _complain("This is a bug in bayesscale: please report it with the lines above.")
            ctx.exit(70)


def _explain(ctx: click.Context, text: str) -> NoReturn:
    """End with what has to be changed."""
    if ctx.params["debug"]:
        traceback.print_exc()
    _complain(f"Error: {text}")
    ctx.exit(2)


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody may be listening
        click.secho(text, err=True, fg="red")


def _flush() -> None:
    """Find out now whether all output has arrived: later, an error cannot be shown."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # which click ends itself
            _forget_output()
        raise


def _forget_output() -> None:
    """Drop what could not be written: the interpreter would try again, and end with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # None where it was closed from the start
            with suppress(AttributeError, OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
    quickstart_command, fit.fit_command, *COMMANDS, sweeps.compare_command, sweeps.recipes_command,
    sweeps.task_command, sweeps.backtest_command, report_command, plot_command, fit.show_command,
    fit.evidence_command, fit.score_command, fit.average_command, sweeps.calibrate_command,
    sweeps.smallest_scale_command, data_command, laws_command,
):  # fmt: skip
    main.add_command(command)
