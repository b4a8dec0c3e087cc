"""server.telemetry: log lines, metrics, health."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from muniment.client import home as homes
from muniment.client.home import Home
from muniment.server.process import options
from muniment.server.process.assembly import Assembled, assemble
from muniment.server.telemetry import health, logs, metrics
from processes import system, token

SECRET = "s3cret-in-a-query"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return homes.found(tmp_path / "ledger", origin="example.com/told", actor="alice")


@pytest.fixture
def assembled(home: Home) -> Iterator[Assembled]:
    made = assemble(options.resolve({}, home.folder, None))
    yield made
    made.close()


@pytest.fixture
def client(assembled: Assembled, home: Home) -> Iterator[TestClient[Assembled]]:
    with TestClient(assembled) as client:  # type: ignore[arg-type]
        client.headers["authorization"] = f"Bearer {token(home.folder)}"
        yield client


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:], root.level
    logs.begin("json", "3", written)
    yield written
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_is_one_line_without_what_it_said(client: TestClient[Assembled], log: io.StringIO) -> None:
    answered = client.get(f"/v1/entries/0?x={SECRET}")
    (line,) = [each for each in lines(log) if each["message"] == "request"]
    assert {key: line[key] for key in ("level", "code", "method", "route", "status", "ledger", "worker")} == {
        "level": "info",
        "code": "request",
        "method": "GET",
        "route": "/v1/entries/{index}",
        "status": 200,
        "ledger": "",
        "worker": "3",
    }
    assert line["request"] == answered.headers["x-request-id"]
    assert isinstance(line["duration_ms"], float)
    assert line["caller"] not in ("", "anonymous")
    said = log.getvalue()
    assert SECRET not in said
    assert client.headers["authorization"].rpartition("_")[2] not in said


def test_paths_that_nobody_serves_share_one_name(client: TestClient[Assembled]) -> None:
    for number in range(20):
        client.get(f"/nothing/{number}")
    client.request("BREW", "/coffee")
    text = client.get("/metrics").text
    assert 'muniment_requests_total{method="GET",route="(none)",status="404"} 20.0' in text
    assert "BREW" not in text
    assert "/nothing/" not in text


def test_nobody_can_write_a_line_of_his_own(log: io.StringIO) -> None:
    logging.getLogger("muniment.server").warning("one\n{}", extra={"fields": {"caller": "two\nthree"}})
    assert len(lines(log)) == 1
    text = io.StringIO()
    logs.begin("text", stream=text)
    logging.getLogger("muniment.server").warning("one\ntwo", extra={"fields": {"code": "x", "caller": "three\nfour"}})
    assert text.getvalue().count("\n") == 1


def test_an_error_is_one_line_with_its_trace(log: io.StringIO) -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        logging.getLogger("muniment.server").exception("it failed")
    (line,) = lines(log)
    assert line["level"] == "error"
    assert "ValueError: wrong" in str(line["error"])


def test_the_figures(client: TestClient[Assembled], home: Home) -> None:
    entry = system(home, "alice", "credit")
    body = b'{"entries":[' + entry + b'],"disclosures":[]}'
    assert client.post("/v1/entries", content=body, headers={"content-type": "application/json"}).status_code == 200
    stranger = system(home, "alice", "fraud", actor="mallory")
    refused = b'{"entries":[' + stranger + b"," + system(home, "alice", "other") + b'],"disclosures":[]}'
    assert client.post("/v1/entries", content=refused, headers={"content-type": "application/json"}).status_code == 200
    answered = client.get("/metrics")
    assert answered.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures = dict(line.rsplit(" ", 1) for line in answered.text.splitlines() if not line.startswith("#"))
    assert figures['muniment_tree_entries{ledger=""}'] == "5.0"
    assert figures['muniment_height{ledger=""}'] == "2.0"
    assert figures['muniment_block_events_bucket{le="1.0",ledger=""}'] == "1.0"
    assert figures['muniment_block_events_sum{ledger=""}'] == "3.0"
    (refusal,) = [value for name, value in figures.items() if name.startswith("muniment_refused_events_total")]
    assert refusal == "1.0"
    assert 0 <= float(figures['muniment_checkpoint_age_seconds{ledger=""}']) < 600
    assert figures['muniment_spool_events{ledger=""}'] == "0.0"
    assert float(figures['muniment_index_lag_entries{ledger=""}']) >= 0
    assert figures['muniment_append_seconds_count{ledger=""}'] == "2.0"
    assert figures['muniment_requests_total{method="POST",route="/v1/entries",status="200"}'] == "2.0"
    assert figures["muniment_listeners"] == figures["muniment_queued_events"] == "0.0"
    assert float(figures["muniment_memory_bytes"]) > 10 << 20


def test_figures_and_readiness_for_whom(client: TestClient[Assembled]) -> None:
    client.headers["authorization"] = ""
    del client.headers["authorization"]
    assert client.get("/metrics").status_code == 401
    assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}


def test_it_is_not_ready_while_it_stops_or_cannot_write(
    client: TestClient[Assembled], assembled: Assembled, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(health, "SPARE_BYTES", 1 << 62)
        problem = client.get("/readyz")
        assert (problem.status_code, problem.json()["code"]) == (503, "not-ready")
        assert "disk is full" in problem.json()["detail"]
    assembled.stop()
    problem = client.get("/readyz")
    assert (problem.status_code, problem.json()["code"], problem.headers["retry-after"]) == (503, "stopping", "2")
    assert client.get("/healthz").status_code == 200


def test_the_figures_of_several_processes_become_one_text() -> None:
    one = '# HELP a_total A.\n# TYPE a_total counter\na_total{x="{1}"} 1.0\n# HELP b B.\n# TYPE b gauge\nb 2.0\n'
    two = "# HELP b B.\n# TYPE b gauge\nb 3.0\n# HELP c C.\n# TYPE c gauge\nc{} 4.0\n"
    assert metrics.merge([("1", one), ("writer", two), ("2", "")]) == (
        '# HELP a_total A.\n# TYPE a_total counter\na_total{worker="1",x="{1}"} 1.0\n'
        '# HELP b B.\n# TYPE b gauge\nb{worker="1"} 2.0\nb{worker="writer"} 3.0\n'
        '# HELP c C.\n# TYPE c gauge\nc{worker="writer",} 4.0\n'
    )


def test_information_is_written_together_and_what_is_wrong_at_once() -> None:
    written = io.StringIO()
    handler = logs.Gathering(written)
    handler.setFormatter(logs.Lines(as_json=True, worker=""))

    def say(level: int) -> None:
        handler.handle(logging.LogRecord("x", level, "", 0, "said", None, None))

    say(logging.INFO)
    assert len(lines(written)) == 1
    handler.tick()
    say(logging.INFO)
    assert len(lines(written)) == 1
    say(logging.ERROR)
    assert len(lines(written)) == 3
    say(logging.INFO)
    handler.tick()
    assert len(lines(written)) == 4
    say(logging.INFO)
    handler.close()
    assert len(lines(written)) == 5
