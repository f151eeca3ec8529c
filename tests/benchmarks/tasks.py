"""From loss to ability: public accuracies of larger models held out, and simulated emergence.

    python tests/benchmarks/tasks.py gadre|pythia|obsscaling FOLDER [tasks, all]
    python tests/benchmarks/tasks.py real FOLDER [tasks]
    python tests/benchmarks/tasks.py emergence [seeds, 10] [models, 6,16,32,64]

The public sets are in FOLDER. Gadre: models below 1e9 parameters are fitted, nine larger ones held
out, from their measured losses and from their sizes; chance of each task as its paper has it, the
number of questions from the granularity of its accuracies. Pythia: one checkpoint a run, up to 1.4B
fitted. ObsScaling: from compute, offsets by family, models up to 1e23 FLOP fitted. "real" judges
emergence on these tasks.

Simulated emergence: exact match of 8 tokens, 1,000 questions, 4 decades of compute; the log of a
token's loss falls by 3.9 in all, evenly or four times as fast in the upper half, with run noise.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import bayesscale as bs

CHANCE = {
    "arc_easy": .25, "arc_challenge": .25, "boolq": .5, "copa": .5, "hellaswag": .25,
    "hellaswag_zeroshot": .25, "openbook_qa": .25, "piqa": .5, "winograd": .5, "winogrande": .5,
    "commonsense_qa": .2, "logi_qa": .25, "math_qa": .2, "siqa": 1 / 3, "mmlu": .25,
    "bigbench_misconceptions": .5, "bigbench_novel_concepts": .25, "bigbench_strange_stories": .5,
    "bigbench_strategy_qa": .5, "bigbench_understanding_fables": .25, "coqa": 0,
    "bigbench_conceptual_combinations": .25, "bigbench_conlang_translation": 0,
    "bigbench_cs_algorithms": 0, "bigbench_dyck_languages": 0, "bigbench_operators": 0,
    "bigbench_qa_wikidata": 0, "bigbench_repeat_copy_logic": 0, "jeopardy": 0, "lambada_openai": 0,
    "squad": 0,
}  # fmt: skip
MACRO = ("mmlu", "jeopardy")
PYTHIA = {"piqa": (.5, 1838), "sciq": (.25, 1000), "arc_easy": (.25, 2376), "logiqa": (.25, 651),
          "arc_challenge": (.25, 1172), "winogrande": (.5, 1267),
          "lambada_openai": (0, 5153)}  # fmt: skip
OBS = {"MMLU": (.25, None), "ARC-C": (.25, None), "HellaSwag": (.25, None), "GSM8K": (0, 1319),
       "Winograd": (.5, None), "HumanEval": (0, 164)}  # fmt: skip


def granularity(y: np.ndarray) -> int | None:
    """Return the least number of questions of which all shares are whole."""
    n = np.arange(10, 20_000)
    off = np.abs(y[:, None] * n - np.round(y[:, None] * n)).max(axis=0)
    return int(n[off < 0.01][0]) if (off < 0.01).any() else None


def scored(name: str, how: str, draws: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return how draws ``(draw, target)`` match held-out scores."""
    low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95], axis=0)
    half = np.abs(draws - np.random.default_rng(0).permutation(draws, axis=0)).mean(axis=0) / 2
    return {
        "task": name, "from": how, "covered": np.mean((low <= y) & (y <= high)),
        "crps": np.mean(np.abs(draws - y).mean(axis=0) - half), "mae": np.abs(middle - y).mean(),
        "width": np.mean(high - low), "n": len(y),
    }  # fmt: skip


def flat(array: Any) -> np.ndarray:
    return np.asarray(array).reshape(-1, array.shape[-1])


def held_out(
    name: str, small: pd.DataFrame, large: pd.DataFrame, group: str | None, losses: Any = None,
    **given: Any,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Yield the scores of one task: from losses, from sizes where ``losses`` has draws, directly
    from compute, and of the best model so far."""
    y, row = large[name].to_numpy(float), {}
    for predictor in ("loss", "flops") if "loss" in small else ("flops",):
        start = time.monotonic()
        found = bs.fit_task(small, task=name, group=group, predictor=predictor, **given)
        row = found.summary.iloc[0]
        known = {"ln_bf": row["ln_bf"], "known": row["known"], "sd": row["sd"], "ess": row["ess"]}
        ways = {predictor: large[predictor].to_numpy(float)}
        if predictor == "loss" and losses is not None:
            ways["sizes"] = losses
        for way, x in ways.items():
            draws = np.empty((4000, len(y)))
            for label in large[group].unique() if group else [None]:
                own = np.ones(len(y), bool) if label is None else (large[group] == label).to_numpy()
                links = found.links[name].model.task.groups
                asked = {"loss" if predictor == "loss" else "flops": x[..., own]}
                there = found.predict(**asked, group=label if label in links else None)
                draws[:, own] = flat(there.draws["score"].isel(task=0))
                if not row["known"]:
                    draws[:, own] = np.nan
            seconds = time.monotonic() - start
            yield scored(name, way, draws, y) | known | {"seconds": seconds}
    last = small.sort_values("flops").groupby(group or (lambda _: 0))[name].last()
    best = large[group].map(last).to_numpy(float) if group else np.full(len(y), last.iloc[0])
    yield {"task": name, "from": "largest so far", "mae": np.nanmean(np.abs(best - y)), "n": len(y),
           "known": row["known"]}  # fmt: skip


def gadre(root: Path) -> pd.DataFrame:
    frame = pd.read_csv(root / "gadre2024/runs.csv")
    names = {"n_params": "params", "n_tokens": "tokens"}
    frame = frame.rename(columns=names | {f"acc_{task}": task for task in CHANCE})
    return frame[["run_id", "dataset", "params", "tokens", "flops", "loss", *CHANCE]]


def losses_of(small: pd.DataFrame, large: pd.DataFrame) -> np.ndarray:
    """Return draws of the losses of larger models ``(chain, draw, model)``, a law a corpus."""
    drawn = np.empty((4, 1000, len(large)))
    for corpus in small["dataset"].unique():
        fit = bs.fit(small[small["dataset"] == corpus][["params", "tokens", "loss"]],
                     draws=1000, random_seed=1, progress=False)  # fmt: skip
        own = (large["dataset"] == corpus).to_numpy()
        sizes = {k: large.loc[own, k].to_numpy() for k in ("params", "tokens")}
        drawn[..., own] = bs.extrapolate(fit, **sizes).draws["loss"]
    return drawn


def gadre_tasks(root: Path, chosen: list[str]) -> Iterator[dict[str, Any]]:
    frame = gadre(root)
    small, large = frame[frame.params < 1e9], frame[frame.params > 1e9]
    losses = losses_of(small, large)
    for task in chosen or CHANCE:
        n = None if task in MACRO else granularity(frame[task].to_numpy())
        yield from held_out(task, small, large, "dataset", losses, questions=n, chance=CHANCE[task])


def pythia_tasks(root: Path, chosen: list[str]) -> Iterator[dict[str, Any]]:
    frame = pd.read_csv(root / "pythia_evals2023/runs.csv")
    frame = frame[(frame.shots == 0) & (frame.step == 143_000)]
    frame = frame.rename(columns={"n_params": "params", "n_tokens": "tokens"})
    frame = frame.rename(columns={f"{task}:acc": task for task in PYTHIA})
    frame = frame[["params", "tokens", "flops", "loss", *PYTHIA]]
    small, large = frame[frame.params < 2e9], frame[frame.params > 2e9]
    for task in chosen or PYTHIA:
        chance, n = PYTHIA[task]
        try:
            yield from held_out(task, small, large, None, questions=n, chance=chance)
        except bs.BayesScaleError as refusal:  # arc_challenge: all of the small ones below chance
            print(refusal)


def obsscaling_tasks(root: Path, chosen: list[str]) -> Iterator[dict[str, Any]]:
    frame = pd.read_csv(root / "obsscaling2024/runs.csv")
    slip = frame["model"] == "cerebras/btlm-3b-8k-base"  # 627 T tokens, for 627 B
    frame.loc[slip, ["n_tokens", "flops"]] /= 1000
    frame = frame[frame.flops.notna()]
    for task in chosen or OBS:
        chance, n = OBS[task]
        own = frame[frame[task].notna()][["model", "family", "flops", task]]
        small, large = own[own.flops < 1e23], own[own.flops >= 1e23]
        yield from held_out(task, small, large, "family", questions=n, chance=chance)


def table(rows: Iterator[dict[str, Any]]) -> None:
    """Print scores by task, and their means over tasks that these models can tell."""
    found = []
    for row in rows:
        found.append(row)
        print(" ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}"
                       for k, v in row.items()), flush=True)  # fmt: skip
    frame = pd.DataFrame(found)
    known = frame[frame["known"].astype(bool)]
    print(f"{known.task.nunique()} of {frame.task.nunique()} tasks beat a flat line by 3 nats")
    print(known.groupby("from")[["covered", "crps", "mae", "width", "seconds"]].mean().round(4))


def real(root: Path, chosen: list[str]) -> None:
    """Print verdicts on emergence: of Pythia's last words under both metrics in compute, and of
    Gadre's tasks in loss and in compute.
    """
    pythia = pd.read_csv(root / "pythia_evals2023/runs.csv")
    pythia = pythia[(pythia.shots == 0) & (pythia.step == 143_000)]
    pythia = pythia.assign(ll=-pythia.loss)[["flops", "lambada_openai:acc", "ll"]]
    both = bs.fit_task(pythia, task=["lambada_openai:acc", "ll"], questions=5153, predictor="flops",
                       metric={"ll": "log_likelihood"})  # fmt: skip
    print(both.emergence().table.round(2).to_string(), flush=True)
    frame = gadre(root)
    for task in chosen or CHANCE:
        n = None if task in MACRO else granularity(frame[task].to_numpy())
        for predictor in ("loss", "flops"):
            found = bs.fit_task(frame, task=task, predictor=predictor, group="dataset",
                                questions=n, chance=CHANCE[task])  # fmt: skip
            if found.links[task].known:
                print(predictor, found.emergence().table.round(2).to_string(), flush=True)
            else:
                print(predictor, task, "these models cannot tell", flush=True)


def simulated(models: int, breaks: bool, seed: int) -> pd.DataFrame:
    """Return models over 4 decades: exact match of 8 tokens, and the log-likelihood of one."""
    rng = np.random.default_rng([seed, models, breaks])
    t = np.linspace(-1, 1, models)
    rise = (0.5 * (t + 1)) if not breaks else (0.2 * (t + 1) + 0.6 * np.maximum(t, 0))
    ln = np.log(1.5) - 3.9 * rise + 0.03 * rng.standard_normal(models)
    correct = rng.binomial(1000, np.exp(-8 * np.exp(ln))) / 1000
    measured = -np.exp(ln + 0.01 * rng.standard_normal(models))
    return pd.DataFrame({"flops": 10 ** (20 + 2 * t), "exact": correct, "ll": measured})


def emergence(seeds: int, sizes: tuple[int, ...]) -> None:
    """Print the verdicts by number of models, truth and metric."""
    for models in sizes:
        for breaks in (False, True):
            start, rows = time.monotonic(), []
            for seed in range(seeds):
                found = bs.fit_task(
                    simulated(models, breaks, seed), task=["exact", "ll"], questions=1000, steps=8,
                    metric={"exact": "accuracy", "ll": "log_likelihood"}, predictor="flops",
                    random_seed=seed,
                )  # fmt: skip
                rows.append(found.emergence().table.reset_index())
            print(f"{models} models, {'break' if breaks else 'smooth'}, {seeds} seeds, "
                  f"{(time.monotonic() - start) / seeds:.1f} s each")  # fmt: skip
            every = pd.concat(rows)
            for task in ("exact", "ll"):
                own = every[every["task"] == task]
                shares = own["verdict"].value_counts(normalize=True)
                wrong = shares.get("no sign of one" if breaks else "a break", 0.0)
                ends = ", ".join(f"{v:.1f}" for v in np.quantile(own["ln_bf"], [0, 0.5, 1]))
                print(f"  {task}: {shares.round(3).to_dict()} wrong {wrong:.3f}, ln BF {ends}, "
                      f"expected {own['expected'].median():.1f}", flush=True)  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    what, *asked = sys.argv[1:] or ["emergence"]
    if what == "emergence":
        sizes = tuple(map(int, asked[1].split(","))) if len(asked) > 1 else (6, 16, 32, 64)
        emergence(int(asked[0]) if asked else 10, sizes)
    elif what == "real":
        real(Path(asked[0]), asked[1:])
    else:
        rows = {"gadre": gadre_tasks, "pythia": pythia_tasks, "obsscaling": obsscaling_tasks}[what]
        table(rows(Path(asked[0]), asked[1:]))


if __name__ == "__main__":
    main()
