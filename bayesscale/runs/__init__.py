"""The table of training runs: reading it, checking it, its units, and ladders that come with it."""

from bayesscale.runs.example import load_example
from bayesscale.runs.fetch import fetch_runs
from bayesscale.runs.read import read_runs
from bayesscale.runs.table import Runs

__all__ = ["Runs", "fetch_runs", "load_example", "read_runs"]
