"""Public ladders: from a server of our own that has the same bytes, and from none."""

import hashlib
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.runs import fetch

SMALL = b"Model Size,Training FLOP,loss\n1e8,1.2e18,3.5\n4e8,1.92e19,3.0\n1e9,6e19,2.75\n"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Serve bytes as the file of the ladder 'chinchilla', and count who asks."""

    class Answer(BaseHTTPRequestHandler):
        body, status, asked = SMALL, 200, 0

        def do_GET(self):
            Answer.asked += 1
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        monkeypatch.setenv("BAYESSCALE_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        serve(monkeypatch, f"http://127.0.0.1:{httpd.server_port}/x.csv", SMALL)
        yield Answer
        httpd.shutdown()


def serve(monkeypatch, url, body):
    ladder = replace(fetch.LADDERS["chinchilla"], url=url, sha256=hashlib.sha256(body).hexdigest())
    monkeypatch.setitem(fetch.LADDERS, "chinchilla", ladder)


def test_downloaded_once_and_then_cached(server, tmp_path, capfd):
    runs = bs.fetch_runs("chinchilla")
    assert "'chinchilla' from http://127.0.0.1" in capfd.readouterr().err
    again = bs.fetch_runs("chinchilla")
    assert server.asked == 1
    assert again == runs
    assert runs.name == "chinchilla"
    np.testing.assert_array_equal(runs.params, [1e8, 4e8, 1e9])
    np.testing.assert_allclose(runs.tokens, [2e9, 8e9, 1e10], rtol=1e-15)
    np.testing.assert_array_equal(runs.loss, [3.5, 3.0, 2.75])
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["chinchilla.csv"]
    assert capfd.readouterr() == ("", "")


def test_a_damaged_cache_is_mended_and_silence_is_silent(server, tmp_path, capfd):
    runs = bs.fetch_runs("chinchilla", progress=False)
    assert capfd.readouterr() == ("", "")
    (tmp_path / "cache" / "chinchilla.csv").write_bytes(SMALL[:40])
    assert bs.fetch_runs("chinchilla", progress=False) == runs
    assert server.asked == 2


def test_other_bytes_are_refused_and_not_kept(server, tmp_path):
    server.body = SMALL.replace(b"2.75", b"2.57")
    with pytest.raises(bs.BayesScaleError, match="not the expected one") as found:
        bs.fetch_runs("chinchilla", progress=False)
    assert str(tmp_path / "cache" / "chinchilla.csv") in str(found.value)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_answer_that_is_no_file_says_which(server):
    server.status = 404
    with pytest.raises(bs.BayesScaleError, match="404 Not Found"):
        bs.fetch_runs("chinchilla", progress=False)


def test_offline_says_which_file_to_put_where(server, monkeypatch, tmp_path):
    serve(monkeypatch, "http://127.0.0.1:9/x.csv", SMALL)  # nobody listens there
    place = tmp_path / "cache" / "chinchilla.csv"
    with pytest.raises(bs.BayesScaleError, match=r"no answer \(ConnectionError\)") as found:
        bs.fetch_runs("chinchilla", progress=False)
    for told in ("http://127.0.0.1:9/x.csv", str(place), hashlib.sha256(SMALL).hexdigest()):
        assert told in str(found.value)
    # so told, a person does it
    place.write_bytes(SMALL[:-1])
    with pytest.raises(bs.BayesScaleError, match="is a different one"):
        bs.fetch_runs("chinchilla", progress=False)
    assert place.read_bytes() == SMALL[:-1]
    place.write_bytes(SMALL)
    assert bs.fetch_runs("chinchilla", progress=False).n_runs == 3


def test_a_cache_that_cannot_be_written(server, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BAYESSCALE_CACHE", str(tmp_path / "file" / "folder"))
    with pytest.raises(bs.BayesScaleError, match="environment variable BAYESSCALE_CACHE"):
        bs.fetch_runs("chinchilla", progress=False)


def test_an_unknown_ladder_is_suggested():
    with pytest.raises(KeyError, match="Did you mean 'chinchilla'"):
        bs.fetch_runs("chinchila")


def test_the_real_bytes_are_the_published_ladder(ladders, monkeypatch, tmp_path):
    """The checksum is that of the file, and the runs are those of the replication."""
    raw = ladders / "chinchilla_epoch" / "raw" / "svg_extracted_data.csv"
    monkeypatch.setenv("BAYESSCALE_CACHE", str(tmp_path))
    (tmp_path / "chinchilla.csv").write_bytes(raw.read_bytes())
    runs = bs.fetch_runs("chinchilla", progress=False)
    known = pd.read_csv(ladders / "chinchilla_epoch" / "runs.csv")
    np.testing.assert_allclose(runs.params, known["n_params"], rtol=1e-12)
    np.testing.assert_allclose(runs.tokens, known["n_tokens"], rtol=1e-12)
    np.testing.assert_allclose(runs.loss, known["loss"], rtol=1e-12)
    np.testing.assert_array_equal(runs.loss < 3.42, known["outlier_besiroglu"] == 0)


@pytest.mark.parametrize(("name", "runs"), [("chinchilla", 245), ("cs336", 72)])
def test_a_mirror_is_read_without_network(name, runs, ladders, monkeypatch, tmp_path):
    monkeypatch.setenv("BAYESSCALE_CACHE", str(tmp_path))
    monkeypatch.setenv("BAYESSCALE_DATA", str(ladders))
    monkeypatch.setattr(fetch, "_download", lambda *_: pytest.fail("went to the network"))
    assert len(bs.fetch_runs(name, progress=False)) == runs


def test_a_file_of_other_bytes_in_the_mirror_is_passed_over(server, monkeypatch, tmp_path):
    (tmp_path / "x.csv").write_bytes(b"other")
    monkeypatch.setenv("BAYESSCALE_DATA", str(tmp_path))
    assert len(bs.fetch_runs("chinchilla", progress=False)) == 3
    assert server.asked == 1
