"""What a comparison of recipes says: tables, words, figure, command and report."""

import importlib
import json

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import bayesscale as bs
from bayesscale.cli import main
from bayesscale.errors import BayesScaleWarning, DomainError, EvidenceError, UnknownNameError
from bayesscale.recipes.compare import CURVE, _next_rung
from bayesscale.tell.chapters import recipe_chapters

pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.BayesScaleWarning")


def test_the_multiplier_at_all_places(found):
    assert found.names == ("A", "B")
    places = ["centre", "largest", "10x", "100x", "1e+21 FLOP", "loss 2.7"]
    assert list(found.summary["at"]) == places
    np.testing.assert_allclose(found.summary["multiplier"], 1.2, rtol=0.03)
    assert (found.at("centre")["prob_better"] == 1).all()
    assert found.draws["multiplier"].dims == ("chain", "draw", "recipe", "at")
    assert list(found.forms.index) == ["shared", "drift"]
    assert found.forms["weight"].sum() == pytest.approx(1)
    assert found.crossover.loc["B", "prob"] < 0.5
    assert found.curve["flops"].is_monotonic_increasing


def test_the_next_rung_by_the_variance_of_a_normal(found):
    assert found.next_rung.loc["B", "flops"] == pytest.approx(
        4 * found.summary["flops"][1], rel=1e-12
    )
    share = found.next_rung.loc["B"].drop("flops").astype(float)
    assert share.between(0, 1).all()
    assert share["of_both"] >= share[["of_baseline", "of_recipe"]].max()
    assert "One more run of the best size at" in found.text

    draws, noise = 40_000, 0.5
    z = np.random.default_rng(1).standard_normal((3, 1, draws))
    drawn = {
        "multiplier": np.zeros((1, draws, 1, CURVE + 5)),
        "log_loss": np.zeros((1, draws, 2, CURVE + 5)),
        "flops": np.ones((1, draws, CURVE + 5)),
    }
    drawn["multiplier"][..., 0, CURVE + 4] = np.exp(z[0])
    drawn["log_loss"][..., 0, CURVE] = 0.5 * z[0] + z[1]
    drawn["log_loss"][..., 1, CURVE] = -z[0] + z[2]
    known = _next_rung(drawn, ["B"], noise).loc["B"]
    each = np.array([0.5**2 / (0.5**2 + 1 + noise**2), 1 / (2 + noise**2)])
    information = each / (1 - each)  # of independent runs, relative to that of the prior
    expected = [*each, information.sum() / (1 + information.sum())]
    np.testing.assert_allclose(
        known[["of_baseline", "of_recipe", "of_both"]].astype(float),
        expected,
        atol=5 / np.sqrt(draws),
    )


def test_the_answer_in_words(found):
    assert "needs 16." in found.verdict.text or "needs 17" in found.verdict.text
    assert "less compute than 'A'" in found.verdict.text
    assert "at 10 times the largest run with probability" in found.text
    assert "Runs of each recipe needed" in found.text
    assert "<table>" in found._repr_html_()


def test_the_other_way_round(table, near_truth):
    turned = table.replace({"recipe": {"A": "B", "B": "A"}})
    found = bs.compare_recipes(
        turned, baseline="B", law="chinchilla", discrepancy=None, forms=["shared"], progress=False,
    )  # fmt: skip
    assert found.names == ("B", "A")


def test_the_sd_of_ln_m_by_the_rule(found):
    of = found.power.loc["B"]
    assert of["sd"] == pytest.approx(of["noise"] * np.sqrt(2 / 16) / of["slope"])


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"forms": ["own"]}, UnknownNameError, "form"),
        ({"budgets": -1}, DomainError, "budgets"),
        ({"law": "kaplan_params"}, DomainError, "parameters and tokens"),
        ({"terms": {"C": bs.Terms()}}, UnknownNameError, "recipe"),
        ({"priors": {"slope_X": bs.Prior.between(0.1, 0.2)}}, UnknownNameError, "prior"),
    ],
)
def test_what_is_refused_before_any_sampling(table, no_sampling, options, kind, match):
    with pytest.raises(kind, match=match):
        bs.compare_recipes(table, progress=False, **options)


def test_a_caution_warns_once(table, near_truth):
    apart = table.assign(params=table.params * np.where(table.recipe == "A", 1, 1e5))
    with pytest.warns(BayesScaleWarning) as heard:
        bs.compare_recipes(
            apart, law="chinchilla", discrepancy=None, forms=["shared"], progress=False
        )
    assert sum("compute" in str(each.message) for each in heard) == 1


def test_three_recipes_are_ranked(table, near_truth):
    third = table[table.recipe == "A"].assign(recipe="C", loss=lambda t: t.loss * 1.01)
    found = bs.compare_recipes(
        pd.concat([table, third]), law="chinchilla", discrepancy=None, forms=["shared"],
        progress=False,
    )  # fmt: skip
    best = found.at("centre")["prob_best"]
    assert list(best.index) == ["B", "C"]
    assert best["B"] == 1
    assert "P(best)" in str(found)


def test_forms_without_an_evidence_are_a_caution(table, near_truth, monkeypatch):
    module = importlib.import_module("bayesscale.recipes.compare")
    estimate = module.evidence

    def refuse(fit, **_):
        if "drift" in fit.law.name:
            raise EvidenceError("not converged")
        return estimate(fit, progress=False)

    monkeypatch.setattr(module, "evidence", refuse)
    found = bs.compare_recipes(
        table, law="chinchilla", discrepancy=None, forms=["shared", "drift"], progress=False
    )
    assert found.severity == "caution"
    assert found.forms["weight"].to_dict() == {"shared": 1.0, "drift": 0.0}
    assert "(drift) are left out" in str(found)


def test_the_figure(found):
    figure = bs.plot_recipes(found)
    assert figure.axes[0].get_ylabel() == "compute multiplier"
    data = bs.plot_data("recipes", found)
    assert set(data.runs["recipe"]) == {"A", "B"}
    assert data.runs["residual"].std() < 0.01
    plt.close(figure)


def test_the_chapter_of_a_report(found):
    (chapter,) = recipe_chapters(found)
    assert chapter.pictures[0].stem == "recipes"
    assert found.verdict.text in chapter.pictures[0].alternative
    assert recipe_chapters(None) == []


def test_the_command(table, near_truth, tmp_path, capsys):
    table.to_csv(tmp_path / "runs.csv", index=False)
    asked = ["recipes", str(tmp_path / "runs.csv"), "--baseline", "A", "--law", "chinchilla",
             "--discrepancy", "none", "--flops", "1e21", "--json", "--seed", "1"]  # fmt: skip
    with pytest.raises(SystemExit) as end:
        main(asked)
    assert end.value.code in (0, None)
    told = json.loads(capsys.readouterr().out)
    assert [row["at"] for row in told["summary"]][-1] == "1e+21 FLOP"
    assert told["python"][-1].startswith("r = bs.compare_recipes(")


def test_runs_needed():
    assert bs.runs_needed(0.05, noise=0.004, slope=0.05) == 34
    assert bs.runs_needed(0.5, noise=0.004, slope=0.05) == 3
    with pytest.raises(DomainError):
        bs.runs_needed(0, noise=0.004, slope=0.05)


def test_a_law_s_further_inputs_are_asked_for_before_any_sampling(table, no_sampling):
    runs = bs.Runs.from_frame(
        table.assign(experts=2.0), group="recipe", inputs={"experts": "experts"}
    )
    with pytest.raises(DomainError, match="needs experts"):
        bs.compare_recipes(runs, law="routed", progress=False)


def test_a_place_that_is_not_there_is_refused(found):
    with pytest.raises(UnknownNameError, match="'nope'"):
        found.at("nope")
