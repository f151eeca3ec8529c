import numpy as np
import pandas as pd

from bayesscale.runs import Runs


def make(**more):
    table = pd.DataFrame(
        {
            "params": [57e6, 16.2e9],
            "tokens": [0.25e9, 318e9],
            "loss": [3.2, 2.08],
            "corpus": ["c4", "<script>alert(1)</script>"],
        }
    )
    return Runs.from_frame(table, **more)


def test_the_text_sums_up_the_table():
    assert repr(make(group="corpus", name="chinchilla").drop(1)) == (
        "Runs 'chinchilla': 1 run\n"
        "  params        57M (total)\n"
        "  tokens        250M\n"
        "  tokens/param  4.39\n"
        "  flops         8.6e16 (6ND)\n"
        "  loss          3.200 nats/token\n"
        "  group corpus  1 level: c4"
    )
    text = repr(make(param_count="other", loss_unit="bits/token"))
    assert text.startswith("Runs: 2 runs\n")
    assert "57M–16.2B (other)" in text
    assert "250M–318B" in text
    assert "1.442–2.218 nats/token (given in bits/token)" in text


def test_optional_columns_are_mentioned():
    runs = Runs.from_frame(
        {"params": [1e9], "tokens": [1e10], "loss": [2.0], "loss_se": [0.1], "seed": [1]}
    )
    assert "loss_se, seed" in repr(runs)


def test_the_html_is_escaped():
    html = make(group="corpus", name="<b>&")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;&amp;" in html


def test_the_html_shows_the_first_rows():
    n = 1000
    runs = Runs.from_frame(
        {"params": np.full(n, 1e9), "tokens": np.full(n, 2e10), "loss": np.linspace(2, 3, n)}
    )
    html = runs._repr_html_()
    assert html.count("<tr") < 15
    assert "1,000 runs" in html
