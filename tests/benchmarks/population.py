"""Slopes and shapes of public ladders: what the default priors of the laws are chosen by.

    python tests/benchmarks/population.py SPLITS.py DATA

Fits every ladder whole, the law taken for true, under priors much wider than the defaults, and
prints the posterior mean of each coordinate on the scale of its link, averaged within a source
first: means and standard deviations over sources, and their range.
"""

import sys

import pandas as pd

import bayesscale as bs
from bayesscale.laws import LAWS
from bayesscale.model import LINKS
from tests.benchmarks._common import fitted, read_splits, runs_of, source

WIDER = 2.0


def main():
    rows = []
    for name, small, large in read_splits(*sys.argv[1:3]):
        runs = runs_of(pd.concat([small, large]))
        for law in ("chinchilla", "unified", "kaplan"):
            families = {"log": "LogNormal", "logit": "LogitNormal"}
            priors = {
                k.name: bs.Prior(families[k.link], mu=k.loc, sigma=WIDER * k.scale)
                for k in LAWS[law].coordinates
            }
            fit = fitted(runs, law=law, discrepancy=None, priors=priors)
            row = {"source": source(name), "law": law}
            for k in (*LAWS[law].coordinates, *fit.spec.noise.coordinates):
                row[k.name] = float(LINKS[k.link].forward(fit.coordinates[k.name].values).mean())
            rows.append(row)
    by_source = pd.DataFrame(rows).groupby(["law", "source"]).mean()
    told = by_source.groupby("law").agg(["mean", "std", "min", "max"]).stack(0, future_stack=True)
    print(told.round(2).dropna().to_string())


if __name__ == "__main__":
    main()
