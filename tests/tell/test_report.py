"""The report: one file that says everything, loads nothing and takes no orders from labels."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, FileError
from bayesscale.quantities import PARAMS
from bayesscale.runs import Runs
from bayesscale.tell import BUDGETS, explorer_of
from tests.simulate import fit_at, simulate_runs

HOSTILE = [
    "<script>alert(1)</script>{{ 7 * 7 }}'\"&<> 模型-Ω-кириллица $x_{", "x" * 5_000,
]  # fmt: skip


class Page(HTMLParser):
    """Everything that stands in a page: text by section, addresses, tags, handlers."""

    def __init__(self, text):
        super().__init__()
        self.text, self.sources, self.tags, self.handlers, self.alts = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        named = dict(attrs)
        self.sources += [named[k] for k in ("src", "href", "action", "data") if k in named]
        self.handlers += [k for k in named if k.startswith("on")]
        if tag == "img":
            self.alts.append(named.get("alt", ""))

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def read(path):
    return Page(path.read_text(encoding="utf-8"))


def test_the_first_screen_answers(report, fit):
    words = read(report).words
    answer = re.search(r"1\.0e22 FLOP, train \S+ parameters on \S+ tokens", words)
    assert answer.start() < words.index("The runs")
    for part in ("Other budgets", "Predicted losses", "How to split the compute", "Caveats",
                 "Provenance", fit.runs.fingerprint, f"seed {fit.sampling.random_seed}",
                 'law="chinchilla"', f"bayesscale {bs.__version__}"):  # fmt: skip
        assert part in words


def test_the_verdict_is_stated_once_and_referred_to_elsewhere(report):
    words = read(report).words
    assert words.count("failed its checks (convergence)") == 1
    assert words.index("failed its checks") < words.index("Do not use As stated at the top")


def test_nothing_is_loaded_and_the_file_is_small(report):
    page = read(report)
    assert all(source.startswith(("#", "data:image/")) for source in page.sources)
    assert page.handlers == []
    assert report.stat().st_size < 5_000_000
    assert all(page.alts)
    assert page.tags.count("img") == 5
    assert not re.search(r"https?://(?!www\.w3\.org)", strip_pictures(report))


def strip_pictures(path):
    return re.sub(r"data:image/[^\"]*", "", path.read_text(encoding="utf-8"))


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_numbers_stand_there_without_scripts(report, fit):
    """Rows of the table are what allocate says, to the digits shown."""
    text = report.read_text(encoding="utf-8")
    body = re.search(r'<table id="budgets">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)[1]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in body.split("</tr>") if "<td>" in row]
    assert len(rows) == -(-BUDGETS // 2)
    explorer = explorer_of(bs.Plan.of(fit, 1e23))
    best = bs.allocate(fit, flops=explorer.flops[[8]]).summary.iloc[0]
    _, params, _, loss, _ = rows[4]
    assert params.startswith(f"{PARAMS.write(best['params'])} (")
    assert float(loss.split()[0]) == pytest.approx(best["optimal_loss"], abs=6e-4)


def test_the_table_behind_the_slider_is_the_allocation(report, fit):
    text = report.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="explorer-data">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data["logFlops"]) == BUDGETS
    some = np.exp(data["logFlops"][2:10:3])
    best = bs.allocate(fit, flops=some).summary
    for name in ("params", "params_lower", "tokens_upper"):
        np.testing.assert_allclose(np.exp(data["values"][name][2:10:3]), best[name], rtol=1e-5)


@pytest.mark.usefixtures("short_explorer")
@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:20])
def test_hostile_names_and_titles_are_text(name, tmp_path):
    frame = simulate_runs().to_frame()
    runs = Runs.from_frame(frame.assign(**{"corpus": name}), group="corpus", name=name)
    path = bs.report(
        tmp_path / "r.html", fit=fit_at(runs, spread=0.02), title=name, question=name,
        commands=[name], flops=1e22,
    )  # fmt: skip
    page = read(path)
    assert page.tags.count("script") == 2
    assert name[:50] in page.words
    assert "49" not in "".join(page.text[:20])


@pytest.mark.usefixtures("short_explorer")
@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_losses_money_and_other_plans(fit, tmp_path):
    machine = bs.Machine(peak=989e12, utilization=0.4, price_per_hour=2.0)
    path = bs.report(
        tmp_path / "r.html", fit=fit, flops=[1e22, 1e23], unit="perplexity", machine=machine
    )
    words = read(path).words
    assert re.search(r"1\.0e22 FLOP, train .* perplexity of \d", words)
    assert "nats/token" not in words[: words.index("The runs")].split("Other budgets")[0]
    assert "perplexity of L*" in words
    text = path.read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="explorer-data">(.*?)</script>', text, re.DOTALL)[1])
    best = bs.allocate(fit, flops=np.exp(data["logFlops"][8])).summary.iloc[0]
    assert data["values"]["loss"][8] == pytest.approx(best["optimal_loss"], abs=1e-4)
    for said in ("device-hours", "14k", "140k", "three times as large",
                 "20 tokens per parameter"):  # fmt: skip
        assert said in words
    shown = bs.regret(fit, params=[1e9, 2e9], flops=1e22, names=["small", "big"])
    words = read(bs.report(tmp_path / "s.html", fit=fit, flops=1e22, regret=shown)).words
    assert "small" in words
    assert "three times as large" not in words


class Routed(bs.Law):
    """Chinchilla's law, with experts that are worth a power of parameters."""

    name = "with_experts"
    inputs = ("params", "tokens", bs.Quantity("experts", symbol="X"))
    coordinates = (
        *bs.LAWS["chinchilla"].coordinates,
        bs.Coordinate("worth", "log", -1.0, 0.5, "1", "power of N that X is worth"),
    )

    def log_loss(self, c, x, xp):
        n = x["params"] + c["worth"] * x["experts"]
        return bs.LAWS["chinchilla"].log_loss(c, {"params": n, "tokens": x["tokens"]}, xp)


@pytest.mark.usefixtures("short_explorer")
def test_a_law_with_further_inputs_is_reported_for_what_is_given(tmp_path):
    frame = simulate_runs().to_frame()
    frame["experts"] = 2.0 ** (np.arange(len(frame)) % 4)
    runs = Runs.from_frame(frame, inputs={"experts": "experts"})
    fit = fit_at(runs, Routed(), spread=0.02)
    with pytest.raises(DomainError, match="needs experts"):
        bs.report(tmp_path / "r.html", fit=fit, flops=1e22)
    assert list(tmp_path.iterdir()) == []
    path = bs.report(tmp_path / "r.html", fit=fit, flops=1e22, terms=bs.Terms(given={"experts": 4}))
    assert "With 1.0e22 FLOP, train" in read(path).words


@pytest.mark.usefixtures("short_explorer")
def test_an_average_is_reported_with_all_its_fits(tmp_path, average_of_two):
    path = bs.report(tmp_path / "r.html", fit=average_of_two, flops=1e22)
    for part in ("2 fits", 'fits["kaplan"] = bs.fit('):
        assert part in read(path).words


def test_a_law_of_compute_alone_has_no_split(tmp_path):
    fit = fit_at(simulate_runs(), "kaplan_compute", spread=0.02)
    page = read(bs.report(tmp_path / "r.html", fit=fit))
    assert "FLOP expect a loss" in page.words
    assert "How to split" not in page.words
    assert "script" not in page.tags


@pytest.mark.usefixtures("short_explorer")
def test_another_file_is_not_lost(fit, report, tmp_path):
    other = tmp_path / "mine.html"
    other.write_text("<p>precious</p>")
    with pytest.raises(FileError, match="did not write"):
        bs.report(other, fit=fit)
    assert other.read_text() == "<p>precious</p>"
    again = tmp_path / "again.html"
    again.write_bytes(report.read_bytes())
    assert bs.report(again, fit=fit, flops=1e22) == again


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({}, "fit= or plan="),
     ({"fit": 3}, "fit"),
     ({"comparison": "no"}, "comparison"),
     ({"title": 3}, "title must be text"),
     ({"ci_prob": 90}, "ci_prob"),
     ({"flops": -1}, "flops")],
    ids=str,
)  # fmt: skip
def test_what_is_refused_before_anything_is_written(fit, tmp_path, arguments, said):
    whole = {"fit": fit, **arguments} if arguments else {}
    with pytest.raises(DomainError, match=said):
        bs.report(tmp_path / "r.html", **whole)
    with pytest.raises(DomainError, match=r"\.html"):
        bs.report(tmp_path / "r.pdf", fit=fit)
    assert list(tmp_path.iterdir()) == []


def others_of(fit):
    """Results of other things than a fit that a report can show, by argument."""
    points = pd.DataFrame({"method": [], "reach": []})
    fits, n = {"a": fit, "b": fit}, fit.runs.fingerprint
    empty = pd.DataFrame()
    return {
        "backtest": bs.Backtest(points, empty, (), "chinchilla", 1, n),
        "comparison": bs.Comparison(fits, empty, None, "Verdict.", (), empty, None, 1),
        "sensitivity": bs.PriorSensitivity(empty, ("a", "b"), empty, "Holds.", False, n),
        "regret": bs.regret(fit, params=1e9, tokens=2e10),
    }


@pytest.mark.parametrize("name", ["backtest", "comparison", "sensitivity", "regret"])
@pytest.mark.parametrize(
    "other",
    [
        lambda runs: simulate_runs(seed=5),
        lambda runs: runs.select(runs.flops < runs.flops.max()),
        lambda runs: Runs.from_frame(runs.frame, param_count="non_embedding"),
        lambda runs: Runs.from_frame(runs.frame[::-1]),
    ],
    ids=["others", "fewer", "counted otherwise", "another order"],
)
def test_results_of_other_runs_are_refused_on_one_page(fit, tmp_path, name, other):
    result = others_of(fit_at(other(fit.runs), spread=0.02))[name]
    path = tmp_path / "r.html"
    for subject in ({"fit": fit}, {"plan": bs.Plan.of(fit, 1e22)}):
        with pytest.raises(DomainError, match=f"{name} is not of the 48 runs"):
            bs.report(path, **subject, **{name: result})
    if name == "backtest":
        with pytest.raises(DomainError, match="test is not of the 48 runs"):
            bs.Plan.of(fit, 1e22, test=result)
    assert not path.exists()


@pytest.mark.parametrize("commands", [[1], "ls", [None], 3, [], [b"ls"]], ids=repr)
def test_commands_are_lines_of_text(fit, tmp_path, commands):
    with pytest.raises(DomainError, match="commands must be"):
        bs.report(tmp_path / "r.html", fit=fit, commands=commands)


def test_no_argument_brings_a_terminal_escape_onto_the_page(fit, tmp_path):
    nasty = "echo \x1b[31mred\x1b[0m \x07\x9b2J\u202e"
    asked = {"commands": [nasty], "title": nasty, "question": nasty}
    page = bs.report(tmp_path / "r.html", fit=fit, flops=1e22, **asked).read_text()
    assert not set(page) & set("\x1b\x07\x9b\u202e")
    assert "\\x1b[31mred" in page
