"""The table of training runs: reading it, checking it, and its units."""

from bayesscale.runs.read import read_runs
from bayesscale.runs.table import Runs

__all__ = ["Runs", "read_runs"]
