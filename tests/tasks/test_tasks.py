"""From loss to ability: links that come back, answers, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logsumexp

import bayesscale as bs
from bayesscale.tasks.intake import Task
from bayesscale.tasks.link import Model
from tests.benchmarks.tasks import simulated
from tests.simulate import fit_at, simulate_runs

N = 400


def models(n=30, seed=0, chance=0.25, sd=0.02):
    """Simulate accuracies of a logistic link in loss."""
    rng, loss = np.random.default_rng(seed), np.linspace(2.4, 4.0, n)
    p = chance + (0.95 - chance) * expit(3 * (3.1 - loss))
    phi = 0.25 / sd**2 - 1
    correct = rng.binomial(N, rng.beta(phi * p, phi * (1 - p)))
    return pd.DataFrame({
        "params": np.geomspace(1e9, 1e7, n), "tokens": np.geomspace(3e10, 2e9, n), "loss": loss,
        "acc": correct / N, "truth": p, "flat": rng.binomial(N, chance, n) / N,
        "family": np.where(np.arange(n) % 2, "a", "b"),
    })  # fmt: skip


def fitted(frame, **given):
    settings = {"task": "acc", "questions": N, "chance": 0.25, **given}
    return bs.fit_task(frame, **settings)


def test_a_link_comes_back_with_its_noise():
    frame = models(60)
    found = fitted(frame)
    law = found.predict(loss=frame["loss"]).draws["law_score"].sel(task="acc")
    z = (law.mean(("chain", "draw")) - frame["truth"].to_numpy()) / law.std(("chain", "draw"))
    assert np.abs(z).max() < 3.5  # one curve: its points err together
    row = found.summary.to_dict("index")["acc"]
    assert row["known"]
    assert row["ln_bf"] > 50
    assert row["sd_lower"] < 0.02 < row["sd_upper"]
    assert found.passed


def test_wider_far_out_and_shares_of_the_width():
    losses = np.random.default_rng(1).normal(2.0, 0.05, (4, 1000, 1)) * [[[1.0, 1.3]]]
    there = fitted(models()).predict(loss=losses).summary
    assert np.allclose(there.filter(like="share_").sum(axis=1), 1)
    assert (there["score_upper"] - there["score_lower"] > 0.05).all()
    exact = fitted(models()).predict(loss=[2.0, 2.6]).summary
    assert (exact["share_loss"] == 0).all()
    assert (exact["score_upper"] - exact["score_lower"]).iloc[0] > 0


def test_sizes_go_through_the_law_of_loss():
    runs = simulate_runs(seed=1)
    frame = runs.to_frame()[["params", "tokens", "loss"]]
    middle = frame["loss"].median()
    frame["acc"] = (0.25 + 0.7 * expit(4 * (middle - frame["loss"]))).mul(N).round() / N
    law = fit_at(runs, spread=0.002, draws=100)
    found = fitted(frame, fit=law)
    there = found.predict(params=[runs.params.max()], tokens=[runs.tokens.max()]).summary
    assert there["score"].iloc[0] > frame["acc"].median()
    sure, likely = (found.required_flops(0.6, prob=p)["flops"].iloc[0] for p in (0.9, 0.5))
    assert likely <= sure


def test_tasks_at_chance_are_no_fit():
    found = fitted(models(), task=["acc", "flat"])
    assert found.summary["known"].tolist() == [True, False]
    assert found.severity == "caution"
    assert "Scores of flat show no change" in repr(found)
    there = found.predict(loss=[2.2]).summary.set_index("task")["score"].to_dict()
    assert np.isnan(there["flat"])
    assert there["acc"] > 0.5
    assert np.isnan(bs.fit_task(models(), task="flat", questions=N, chance=0.25)
                    .predict(loss=2.2).summary["score"]).all()  # fmt: skip


def test_offsets_of_families_are_learned():
    frame = models(40)
    a = frame["family"] == "a"
    frame.loc[a, "acc"] = (frame["acc"][a] + 0.06).clip(upper=1).mul(N).round() / N
    found = fitted(frame, group="family")
    ours, theirs = (found.predict(loss=3.1, group=g).summary["law_score"].iloc[0] for g in "ab")
    assert 0.02 < ours - theirs < 0.1
    new = found.predict(loss=3.1).summary.iloc[0]
    known = found.predict(loss=3.1, group="a").summary.iloc[0]
    assert new["law_score_upper"] - new["law_score_lower"] > (
        known["law_score_upper"] - known["law_score_lower"]
    )


def test_laplace_agrees_with_a_sum_over_offsets():
    frame = models(12)
    member = np.repeat([0, 1, 2], 4)
    task = Task("acc", "accuracy", "loss", frame["acc"].to_numpy(), frame["loss"].to_numpy(), N,
                0.25, 1, ("a", "b", "c"), member)  # fmt: skip
    model = Model(task, "sigmoid")
    u = model.explore(np.random.default_rng(0)).u[:20]
    c = model.coordinates(u, np.zeros(20, int))
    log_marginal, *_ = model.by_group(c)
    z = np.linspace(-7, 7, 2001)
    each = {k: v[:, None, None] for k, v in c.items()}
    eta = model.eta(each, task.scaled(task.x)) + np.exp(each["ln_offset"]) * z[:, None]
    rows = np.add.reduceat(model.log_rows(each, model.mean(each, eta)), [0, 4, 8], axis=-1)
    width = np.log((z[1] - z[0]) / np.sqrt(2 * np.pi))
    dense = logsumexp(rows - 0.5 * z[:, None] ** 2, axis=1) + width
    np.testing.assert_allclose(log_marginal, dense, atol=0.05)


@pytest.mark.parametrize("metric", ["log_likelihood", "brier"])
def test_scores_have_a_link_of_their_own(metric):
    frame = models()
    sign = -1 if metric == "log_likelihood" else 1
    frame["acc"] = sign * np.exp(0.8 * (frame["loss"] - 3.5))
    found = fitted(frame, metric=metric, questions=None, chance=0)
    at = found.predict(loss=3.0).summary["law_score"].iloc[0]
    assert at == pytest.approx(sign * np.exp(0.8 * -0.5), rel=0.05)


def test_emergence_in_three_ways():
    def judged(count, breaks):
        found = bs.fit_task(
            simulated(count, breaks, 1), task=["exact", "ll"], questions=1000, steps=8,
            metric={"exact": "accuracy", "ll": "log_likelihood"}, predictor="flops",
        )  # fmt: skip
        return found.emergence()

    many = judged(32, True).table.to_dict("index")
    assert {row["verdict"] for row in many.values()} == {"a break"}
    assert many["ll"]["factor_lower"] < 4 < many["ll"]["factor_upper"]
    assert 1e19 < many["ll"]["x"] < 1e21
    few = judged(6, False).table.to_dict("index")["exact"]
    assert few["verdict"] == "cannot tell"
    assert few["models"] > 6
    smooth = judged(16, False)
    assert (smooth.table["verdict"] == "no sign of one").all()
    assert "cannot prove" in repr(smooth)


BAD = {
    "per cent": (lambda f: f.assign(acc=100 * f["acc"]), {}, "divide % by 100"),
    "below chance": (lambda f: f, {"chance": 0.9}, "below chance"),
    "no questions": (lambda f: f, {"questions": 0}, "questions"),
    "an average as counts": (lambda f: f.assign(acc=f["acc"] + np.pi / 1000), {}, "questions=None"),
    "checkpoints": (lambda f: f.assign(params=1e8, step=range(len(f))), {}, "checkpoints"),
    "three models": (lambda f: f.head(3), {}, "3 models"),
    "no loss": (lambda f: f.drop(columns="loss"), {}, "predictor='flops'"),
    "an error rate": (lambda f: f.assign(acc=1 - f["acc"]), {}, "gets worse"),
    "a positive log-likelihood": (lambda f: f, {"metric": "log_likelihood"}, "is < 0"),
    "text": (lambda f: f.assign(acc="a"), {}, "a"),
    "no such task": (lambda f: f, {"task": "accc"}, "accc"),
    "one loss": (lambda f: f.assign(loss=3.0), {}, "one loss only"),
    "chance of one": (lambda f: f, {"chance": 1}, "chance is a share"),
    "no such link": (lambda f: f, {"link": "probit"}, "probit"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_meant_is_refused(name):
    change, given, words = BAD[name]
    with pytest.raises((bs.BayesScaleError, ValueError), match=words):
        fitted(change(models()), **given)


def test_questions_that_cannot_be_answered_are_refused():
    found = fitted(models())
    with pytest.raises(bs.BayesScaleError, match="takes loss="):
        found.predict(params=1e9, tokens=1e10)
    with pytest.raises(bs.BayesScaleError, match="Give fit="):
        found.required_flops(0.5)
    with pytest.raises(bs.BayesScaleError, match="No group named"):
        found.predict(loss=3.0, group="c")


def test_figure_report_section_and_command(tmp_path):
    from click.testing import CliRunner

    from bayesscale.cli import main
    from bayesscale.tell.chapters import task_chapters

    frame = models()
    found = fitted(frame, task=["acc", "flat"])
    figure = bs.plot_task(found)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["acc", "flat"]
    assert len(figure.axes[0].lines) > len(figure.axes[1].lines)
    assert task_chapters(None) == []
    assert task_chapters(found)[0].pictures[0].stem == "task"
    frame.drop(columns="truth").to_csv(tmp_path / "runs.csv", index=False)
    done = CliRunner().invoke(main, [
        "task", str(tmp_path / "runs.csv"), "--task", "acc", "--questions", str(N), "--chance",
        ".25", "--at-loss", "2.5", "--emergence",
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "ln BF of a break" in done.output
