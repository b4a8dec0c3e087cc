"""Promise: a job signs with a key of its own, which its identity provider's token had admitted, and which ends by itself.

The node is a real process, the provider answers over HTTP, and the job uses the command line with nothing but the node's address
and its token. A right to call never replaces a signature: the same token signs nothing for anybody else.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import commanding
import muniment
import processes
import providing
from muniment import exits
from muniment.client import home as homes
from muniment.client import identity

ORIGIN = "example.com/credit"


@contextmanager
def provider() -> Iterator[str]:
    """An identity provider on a port of this machine: its issuer."""
    documents: dict[str, object] = {}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is said."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        pretended = providing.Pretended(issuer=issuer)
        documents["/.well-known/openid-configuration"] = pretended.about
        documents["/keys"] = {"keys": pretended.published}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def test_a_job_records_with_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    home = homes.found(tmp_path / "ledger", origin=ORIGIN, actor="ada")
    with muniment.open(home.folder, actor="ada") as ledger:
        asked = identity.request(home, ORIGIN, "identity", "service")
        ledger.keys.admit(asked, roles=["owner"], responsible=["ada"])
    machine = commanding.Machine()
    with provider() as issuer:
        config = f"""
identity_actor = "identity"
[[providers]]
name = "build"
issuer = "{issuer}"
audience = "{providing.AUDIENCE}"
scopes = ["read", "write"]
claims = {{ repository = "org/credit" }}
actor_claim = "workload"
ephemeral = true
ephemeral_roles = ["owner"]
"""
        with processes.serving(home.folder, config=config) as node:
            good = {"repository": "org/credit", "workload": "ci-credit"}
            token = providing.sign(providing.claims(iss=issuer, **good))
            monkeypatch.setenv("MUNIMENT_URL", node.url)
            monkeypatch.setenv("MUNIMENT_TOKEN", token)
            job = machine.call("keys", "job", "--actor", "ci-credit", "--json")
            assert job.code == exits.OK, job.err
            assert machine.call("keys", "job", "--actor", "ci-credit", "--json").json == job.json
            (tmp_path / "data.csv").write_text("a,b\n1,2\n")
            done = machine.call("dataset", "loans", "data.csv", "--actor", "ci-credit", "--json")
            assert done.code == exits.OK, done.out
            (holder,) = machine.call("keys", "list", "ci-credit", "--json").json["actors"]
            assert holder["keys"][0]["key"] == job.json["key"]
            assert holder["actor"]["responsible"] == ["ada"]
            # Another actor, another repository, another key for the same token: none is admitted.
            for said, actor in ((good, "ada"), ({**good, "repository": "org/other"}, "ci-credit")):
                monkeypatch.setenv("MUNIMENT_TOKEN", providing.sign(providing.claims(iss=issuer, **said)))
                assert machine.call("keys", "job", "--actor", actor, "--home", str(tmp_path / actor)).code != exits.OK
            # The token alone signs nothing: without the key there is nobody to record as.
            monkeypatch.setenv("MUNIMENT_TOKEN", token)
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
            assert machine.call("note", "loans@1", "x", "--actor", "ci-credit").code == exits.NOT_FOUND


def test_a_request_waits_at_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    home = homes.found(tmp_path / "ledger", origin=ORIGIN, actor="ada")
    machine = commanding.Machine()
    with processes.serving(home.folder) as node:
        monkeypatch.setenv("MUNIMENT_URL", node.url)
        monkeypatch.setenv("MUNIMENT_TOKEN", processes.token(home.folder, "read"))
        asked = machine.call("keys", "request", "--actor", "bob")
        assert asked.code == exits.OK, asked.err
        assert "It waits at" in asked.err
        waiting = node.get("/v1/requests", authorization=f"Bearer {processes.token(home.folder, 'admin')}").json["items"]
        assert [each["actor"] for each in waiting] == ["bob"]
        assert waiting[0]["request"] == asked.out.strip()
