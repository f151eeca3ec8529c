"""The command line: thin commands with the names of the functions that they call.

Only click and the standard library are imported up here, so that help is there at once; a command
imports what it needs when it runs.
"""

from bayesscale.cli.app import main as main
