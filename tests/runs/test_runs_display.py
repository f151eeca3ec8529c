import numpy as np

from bayesscale.runs import Runs

TABLE = {"params": [57e6, 16.2e9], "tokens": [0.25e9, 318e9], "loss": [3.2, 2.08],
         "corpus": ["c4", "<script>alert(1)</script>"]}  # fmt: skip


def test_the_text_sums_up_the_table():
    text = repr(Runs.from_frame(TABLE, group="corpus", name="chinchilla").drop(1))
    assert [line.split() for line in text.split("\n")] == [
        ["Runs", "'chinchilla':", "1", "run"], ["params", "57M", "(total)"], ["tokens", "250M"],
        ["tokens/param", "4.39"], ["flops", "8.6e16", "(6ND)"], ["loss", "3.200", "nats/token"],
        ["group", "corpus", "1", "level:", "c4"],
    ]  # fmt: skip
    text = repr(Runs.from_frame(TABLE, param_count="other", loss_unit="bits/token"))
    for part in ("2 runs", "57M–16.2B (other)", "250M–318B", "1.442–2.218 nats/token", "bits/tok"):
        assert part in text
    optional = {"params": [1e9], "tokens": [1e10], "loss": [2.0], "loss_se": [0.1], "seed": [1]}
    assert "loss_se, seed" in repr(Runs.from_frame(optional))


def test_the_html_is_escaped_and_shows_the_first_rows():
    html = Runs.from_frame(TABLE, group="corpus", name="<b>&")._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "&lt;b&gt;&amp;" in html
    n = 1000
    many = {"params": np.full(n, 1e9), "tokens": np.full(n, 2e10), "loss": np.linspace(2, 3, n)}
    html = Runs.from_frame(many)._repr_html_()
    assert html.count("<tr") < 15
    assert "1,000 runs" in html
