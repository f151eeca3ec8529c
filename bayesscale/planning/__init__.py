"""From a table of runs to what to train next, tested on the way."""
