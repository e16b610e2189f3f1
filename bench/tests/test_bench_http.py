"""HTTP servers under load: what is read of wrk, what is compared, and how a server is started."""

import http.server
import json
import os
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import run_http
from driver.engines import ENGINES
from driver.machine import Context
from driver.processes import WorkerFailed
from serving import process, report, wrk
from serving.figures import Figures, Measure
from serving.process import Served, served
from serving.servers import BODY, SERVERS
from serving.wrk import Sample

FOUND = {"requests": 3000, "microseconds": 2_000_000, "errors": 0, "p50": 1500, "p90": 2, "p99": 3}
CONTEXT = Context(
    "2026-01-01", "wall", {"python": "CPython"}, {"stook": "1"}, {"rloop": "no such module"}
)


def figures_of(rates):
    """Two rounds of one server; a request takes half as long where twice as many are answered."""
    figures = Figures(["aiohttp"], [ENGINES[name] for name in rates])
    for name, of_rounds in rates.items():
        for number, rate in enumerate(of_rounds):
            latency = 64e3 / rate
            sample = Sample(rate, latency, 2 * latency, 4 * latency, 1e6 / rate)
            figures.add("aiohttp", name, number, sample)
    return figures


@pytest.fixture
def figures():
    return figures_of({"asyncio": [100, 200], "uvloop": [200, 200], "stook": [100, 300]})


def test_what_wrk_printed_becomes_a_sample():
    sample = wrk.read(f"Running 2s test\n  1 threads\n{json.dumps(FOUND)}\n", 0.6)
    assert sample == Sample(rate=1500, p50=1.5, p90=0.002, p99=0.003, processor=pytest.approx(200))


@pytest.mark.parametrize("wrong", [{"errors": 1}, {"requests": 0}])
def test_a_request_that_failed_fails_the_server(wrong):
    with pytest.raises(WorkerFailed, match="request"):
        wrk.read(json.dumps(FOUND | wrong), 1.0)


def test_words_of_wrk_without_figures_are_no_sample():
    with pytest.raises(WorkerFailed, match="did not run wrk.lua; it said 'Transfer"):
        wrk.read("Running 2s test\nTransfer/sec: 1.2MB\n", 1.0)


def test_wrk_that_does_not_end_fails_the_server(monkeypatch, tmp_path):
    program = tmp_path / "wrk"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(wrk, "PATIENCE", -0.9)
    with pytest.raises(WorkerFailed, match="did not end"):
        wrk.measure(Served(os.getpid(), 1, "this test"), 2, 1)


def test_more_requests_and_less_time_are_better(figures):
    for measure in Measure:
        assert figures.ratio("aiohttp", "stook", "uvloop", measure) == pytest.approx(1)
        assert figures.ratio("aiohttp", "stook", "asyncio", measure) == pytest.approx(1.25)
    assert figures.median("aiohttp", "stook", Measure.RATE) == 200
    assert figures.spread("aiohttp", "asyncio") == pytest.approx(100 / 150)


def test_the_rival_that_answers_most_is_who_one_loses_to():
    figures = figures_of({"asyncio": [300, 300], "uvloop": [200, 200], "stook": [270, 270]})
    assert figures.lost("aiohttp", "stook") == "asyncio"
    said = list(report.verdicts(figures))
    assert said == ["Servers stook loses, by requests: aiohttp to asyncio (0.90)."]


def test_one_that_failed_is_named_and_has_no_figures(figures):
    figures.failed("aiohttp", "uvloop", "3 of 9 requests failed")
    assert figures.ratio("aiohttp", "stook", "uvloop", Measure.RATE) is None
    assert list(report.verdicts(figures)) == [
        "Servers stook loses, by requests: none.",
        "Failed: aiohttp on uvloop: 3 of 9 requests failed.",
    ]
    assert "uvloop" not in [line[0] for line in report.table(figures, "aiohttp")]


def test_text_page_and_json_show_the_same(figures):
    figures.serves["aiohttp"] = "aiohttp 3"
    title, head, *lines, verdict = report.text(figures)
    assert title == "aiohttp 3"
    assert head.split()[:3] == ["implementation", "requests/s", "spread"]
    assert lines[-1].split()[:5] == ["stook", "200", "100%", "1.00", "1.25"]
    assert verdict.endswith("none.")
    page = report.markdown(figures, CONTEXT, "2 rounds")
    assert "| stook | 200 | 100% | 1.00 | 1.25 |" in page
    assert "- rloop: no such module" in page
    found = json.loads(report.as_json(figures, CONTEXT, "2 rounds"))["servers"]
    assert [sample["rate"] for sample in found[2]["rounds"]] == [100, 300]


class Complaining:
    """A server that answers well and writes an error."""

    def __init__(self, *_):
        self.url, self.serves, self.complaint = "", "aiohttp 3", "TypeError: no"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize(("name", "fails"), [("uvloop", False), ("stook", True)])
def test_an_error_that_is_written_fails_stook_and_is_told_of_a_rival(monkeypatch, name, fails):
    monkeypatch.setattr(run_http, "served", Complaining)
    monkeypatch.setattr(wrk, "measure", lambda *_: Sample(1, 1, 1, 1, 1))
    figures = Figures(["aiohttp"], [ENGINES[name]])
    run_http.one_round(figures, 0, 1, 1)
    assert bool(figures.failures) is fails
    assert any("TypeError: no" in line for line in report.verdicts(figures))
    assert bool(figures.samples) is not fails


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_answers_and_ends_when_it_is_left(server):
    with served(ENGINES["asyncio"], server) as found:
        assert found.serves.startswith(server)
        with urllib.request.urlopen(found.url) as answer:
            assert answer.read() == BODY
    assert found.complaint == ""
    with pytest.raises(OSError):
        urllib.request.urlopen(found.url)


def test_a_server_that_does_not_start_says_why():
    with pytest.raises(WorkerFailed, match="invalid choice"):
        with served(ENGINES["asyncio"], "no such server"):
            pass


def test_another_page_is_refused(monkeypatch):
    monkeypatch.setattr(process, "BODY", b"another page")
    with pytest.raises(WorkerFailed, match="answered 200 and b'Hello"):
        with served(ENGINES["asyncio"], "aiohttp"):
            pass


class Failing(http.server.BaseHTTPRequestHandler):
    """Answers that something is wrong."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.mark.skipif(not wrk.is_installed(), reason=wrk.MISSING)
def test_wrk_counts_answers_and_refuses_bad_ones():
    with served(ENGINES["asyncio"], "aiohttp") as found:
        sample = wrk.measure(found, 2, 1)
    assert sample.rate > 0
    # No server of one thread takes more than there is, nor a request less than a microsecond.
    assert 1 < sample.processor <= 1.2e6 / sample.rate
    assert 0 < sample.p50 <= sample.p90 <= sample.p99
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(WorkerFailed, match="requests failed"):
                wrk.measure(Served(os.getpid(), server.server_port, "this test"), 2, 1)
        finally:
            server.shutdown()
            thread.join()


def test_without_wrk_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(wrk, "is_installed", lambda: False)
    monkeypatch.setattr(sys, "argv", ["run_http.py"])
    assert run_http.main() == 2
    assert "apt-get install wrk" in capsys.readouterr().err
