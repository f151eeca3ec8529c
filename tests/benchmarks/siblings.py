"""How far siblings differ, and what a sibling as a prior is worth where runs are few.

    python tests/benchmarks/siblings.py SPLITS.py DATA STORE

Siblings are ladders of one source that differ in corpus, context or one step of the recipe. First
table: by coordinate, the standard deviation between siblings beyond that of their posteriors, as a
share of the default prior's width, a column a source; ``SIBLINGS`` in bayesscale/inference/like.py
is about their root mean square. Second: each ladder's largest runs predicted from 3 or 8 of its
smaller ones, alone and with the fit of the next sibling's smaller runs as ``like=``, or from all;
coverage of 90 % intervals, CRPS and log score of log loss, averaged within a source first.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayesscale as bs
from bayesscale.backtesting import exact_log_score, score_draws, summarise
from bayesscale.model import LINKS
from tests.benchmarks._common import kept, read_splits, runs_of, source

FEW = (3, 8)
OPTIONS = {"random_seed": 1, "progress": False}


def some(runs: bs.Runs, n: int) -> bs.Runs:
    """Keep so many runs, evenly over the order of their compute."""
    places = np.floor((np.arange(n) + 0.5) * len(runs) / n).astype(int)
    return runs.select(np.isin(np.argsort(np.argsort(runs.flops)), places))


def on_links(fit: bs.Fit) -> pd.DataFrame:
    """Return mean and variance of the law's coordinates on their links, and their default width."""
    c = fit.posterior.flat().c
    u = {
        k: LINKS[k.link].forward(c[k.name][:, 0]) for k in fit.law.coordinates if k.name != "level"
    }
    rows = {k.name: {"mean": v.mean(), "var": v.var(), "width": k.scale} for k, v in u.items()}
    return pd.DataFrame(rows).T


def scored(fit: bs.Fit, large: bs.Runs) -> pd.DataFrame:
    loss = bs.extrapolate(fit, params=large.params, tokens=large.tokens).draws["loss"].to_numpy()
    table = score_draws(np.log(loss.reshape(-1, len(large))), np.log(large.loss))
    known = {
        "observed": large.loss,
        "run": large.run_ids,
        "reach": large.flops / fit.runs.flops.max(),
    }
    return table.assign(log_score=exact_log_score(fit, large), **known)


def judged(small: bs.Runs, large: bs.Runs, sibling: bs.Fit) -> pd.DataFrame:
    tables = [scored(bs.fit(small, **OPTIONS), large).assign(way="all runs")]
    for n in FEW:
        few = some(small, n)
        tables.append(scored(bs.fit(few, like=sibling, **OPTIONS), large).assign(way=f"{n}, like"))
        if n >= len(sibling.law.coordinates):
            tables.append(scored(bs.fit(few, **OPTIONS), large).assign(way=f"{n}, alone"))
    return pd.concat(tables)


def main() -> None:
    script, data, folder = sys.argv[1:4]
    store = Path(folder)
    store.mkdir(parents=True, exist_ok=True)
    families: dict[str, dict[str, tuple[bs.Runs, bs.Runs]]] = {}
    for name, small, large in read_splits(script, data):
        families.setdefault(source(name), {})[name] = runs_of(small), runs_of(large)
    between, rows = {}, []
    for family, ladders in families.items():
        if len(ladders) < 2:
            continue
        fits = {}
        for name, (small, _) in ladders.items():
            path = store / f"sibling_{name.replace('/', '_')}"
            fits[name] = kept(path, lambda small=small: bs.fit(small, **OPTIONS))
            sys.stderr.write(f"{name}: fitted\n")
        tables = pd.concat([on_links(fit) for fit in fits.values()], keys=fits).unstack(0)
        beyond = tables["mean"].var(axis=1) - tables["var"].mean(axis=1)
        between[family] = np.sqrt(beyond.clip(lower=0)) / tables["width"].mean(axis=1)
        names = list(ladders)
        for name, sibling in zip(names, [*names[1:], names[0]], strict=True):
            path = store / f"few_{name.replace('/', '_')}"
            points = kept(path, lambda two=ladders[name], s=fits[sibling]: judged(*two, s))
            rows.append(summarise(points, ["way"]).assign(family=family).reset_index())
    table = pd.DataFrame(between)
    print(table.assign(rms=np.sqrt((table**2).mean(axis=1))).round(2).to_string())
    print(f"root mean square of all: {np.sqrt((table**2).to_numpy().mean()):.2f}\n")
    found = pd.concat(rows).groupby(["way", "family"])[["cover90", "crps", "log_score"]].mean()
    print(found.unstack("family").round(4).to_string())
    print(found.groupby("way").mean().round(4).to_string())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
