"""Events in over HTTP: exact bytes, receipts that verify, blocks that several requests share, and neighbours that do no harm."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

import nodes
import serving
from muniment.core.format import dsse, merkle
from muniment.core.format.statement import SALT_BYTES, Disclosure, Sealed, disclose, seal
from muniment.core.proof import authority, receipt, verify
from muniment.core.proof.receipt import Receipt
from muniment.core.rules import chain
from muniment.ledger.embedded import Embedded
from muniment.net.wire import Submitted
from muniment.server.caller import Caller
from muniment.vault import Vault
from nodes import Node, body

STAGING = Caller(kind="token", id="ci", scopes=frozenset({"write", "read"}), environments=frozenset({"staging"}))


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    with nodes.node(tmp_path / "node", callers={"staging": STAGING}) as served:
        yield served


def submit(node: Node, *entries: bytes, query: str = "", **headers: str) -> Submitted:
    answer = node.client.post(f"/v1/entries{query}", content=body(*entries), headers=headers)
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Submitted)


def refuse(node: Node, content: bytes, **headers: str) -> tuple[int, str]:
    """The status and code of a request that nothing was written for."""
    before = node.size()
    answer = node.client.post("/v1/entries", content=content, headers=headers)
    assert answer.headers["content-type"] == "application/problem+json"
    assert node.size() == before
    problem = answer.json()
    assert problem["hint"] or problem["detail"]
    return answer.status_code, problem["code"]


def test_an_entry_keeps_its_bytes_and_its_receipt_verifies(node: Node) -> None:
    raw = node.sign()
    written = submit(node, raw)
    (judged,) = written.verdicts
    assert (judged.decision, judged.height) == ("admitted", 1)
    assert node.client.get(f"/v1/entries/{judged.index}").content == raw
    head = authority.open_head(written.view.checkpoint.encode(), node.trust).checkpoint
    proof = tuple(bytes.fromhex(each) for each in judged.proof)
    merkle.check_inclusion(merkle.leaf(raw), judged.index, head.size, proof, head.root)
    text = receipt.format(Receipt(index=judged.index, proof=proof, checkpoint=written.view.checkpoint.encode()))
    assert verify.verify_receipt(text, node.trust, entry=raw).included
    assert node.client.get(f"/v1/entries/{judged.index}/receipt").text == text


def test_a_repetition_is_told_its_place_with_a_proof_as_of_now(node: Node) -> None:
    raw = node.sign()
    (first,) = submit(node, raw).verdicts
    submit(node, node.sign())
    again = submit(node, raw)
    (judged,) = again.verdicts
    assert (judged.decision, judged.index, judged.height) == ("repeated", first.index, first.height)
    head = authority.open_head(again.view.checkpoint.encode(), node.trust).checkpoint
    proof = tuple(bytes.fromhex(each) for each in judged.proof)
    merkle.check_inclusion(merkle.leaf(raw), judged.index, head.size, proof, head.root)


def test_a_refusal_is_told_with_reasons_and_without_a_place(node: Node) -> None:
    raw = node.sign("deployment.changed", transition="start", environment="production", name="x", version="1" * 64)
    written = submit(node, raw, node.sign())
    refused, admitted = written.verdicts
    assert refused.decision == "refused"
    assert refused.reasons
    assert refused.index is msgspec.UNSET
    assert refused.proof is msgspec.UNSET
    assert admitted.decision == "admitted"


def test_consistency_is_shown_from_what_the_caller_saw(node: Node) -> None:
    before = submit(node, node.sign()).view
    after = submit(node, node.sign(), query=f"?from={before.size}").view
    old, new = (authority.open_head(each.checkpoint.encode(), node.trust).checkpoint for each in (before, after))
    proof = [bytes.fromhex(each) for each in after.consistency]
    merkle.check_consistency(old.size, new.size, proof, old.root, new.root)
    # Whoever saw more than there is gets the checkpoint alone: it is the evidence.
    assert submit(node, node.sign(), query="?from=9999").view.consistency is msgspec.UNSET


@pytest.mark.parametrize("query", ["?from=-1", "?from=x", "?from=", "?from=1&from=2", f"?from={10**30}", "?from=%C2%B2"])
def test_a_size_that_is_none_is_refused(node: Node, query: str) -> None:
    answer = node.client.post(f"/v1/entries{query}", content=body(node.sign()))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-request")
    assert node.size() == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"entries":[]}',
        b'{"entries":[1]}',
        b'{"entries":[{}]}',
        b'{"entries":"x"}',
        b'{"entries":[{}],"more":1}',
        b'{"entries":[' + b"[" * 5_000 + b"]" * 5_000 + b"]}",
        b'{"entries":[' + b"1," * 1_000 + b"1]}",
        b'{"entries":[{"payload":"\\ud800"}]}',
        b"\xff\xfe",
        b'{"entries":[99999999999999999999999999999999999]}',
        b'{"entries":[null],"disclosures":[{"sealed":"x","salt":"y","value":1}]}',
    ],
)
def test_what_is_no_submission_is_a_400(node: Node, content: bytes) -> None:
    assert refuse(node, content)[0] == 400


def test_a_bad_signature_or_form_refuses_the_whole_request(node: Node) -> None:
    good, raw = node.sign(), node.sign()
    envelope = dsse.decode(raw)
    forged = dsse.encode(dsse.Envelope(envelope.payload, envelope.key, bytes(64)))
    assert refuse(node, body(good, forged)) == (400, "bad-signature")
    assert refuse(node, body(good, json.dumps(json.loads(raw), indent=1).encode())) == (400, "not-canonical")


def test_other_methods_are_told_which_one_there_is(node: Node) -> None:
    answer = node.client.get("/v1/entries")
    assert (answer.status_code, answer.headers["allow"], answer.json()["code"]) == (405, "POST", "bad-method")


def test_writing_needs_its_scope(node: Node) -> None:
    assert refuse(node, body(node.sign()), **serving.bearer("read")) == (403, "forbidden")
    with serving.nobody(node.client):
        answer = node.client.post("/v1/entries", content=body(node.sign()))
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert submit(node, node.sign(), **serving.bearer("write")).verdicts[0].decision == "admitted"


def test_a_token_of_an_environment_writes_for_no_other(node: Node) -> None:
    version = "2" * 64
    submit(node, node.sign("model.registered", model="credit-risk", version=version, derivation="trained"))

    def deploy(environment: str) -> bytes:
        fields = {"transition": "start", "environment": environment, "name": "credit-risk", "version": version}
        return node.sign("deployment.changed", **fields)

    assert refuse(node, body(node.sign(), deploy("production")), **serving.bearer("staging")) == (403, "environment")
    judged = node.client.post("/v1/judgements", content=body(deploy("production")), headers=serving.bearer("staging"))
    assert judged.status_code == 403
    assert submit(node, deploy("staging"), **serving.bearer("staging")).verdicts[0].decision == "admitted"


def test_a_dry_run_judges_and_writes_nothing(node: Node) -> None:
    raw = node.sign()
    (judged,) = node.client.post("/v1/judgements", content=body(raw)).json()["verdicts"]
    assert judged["decision"] == "admitted"
    assert "index" not in judged
    assert node.size() == 1
    (written,) = submit(node, raw).verdicts
    (again,) = node.client.post("/v1/judgements", content=body(raw)).json()["verdicts"]
    assert (again["decision"], again["index"]) == ("repeated", written.index)
    assert not node.home.vault.exists()


def sealed_note(node: Node, text: str) -> tuple[bytes, Sealed, Disclosure]:
    salt = bytes(SALT_BYTES)
    sealed = seal(text, salt)
    submit(node, node.sign("model.registered", model="m", version="3" * 64, derivation="trained"))
    raw = node.sign("note.added", about=["version/" + "3" * 64], text={"sealed": sealed.sealed})
    return raw, sealed, disclose(text, salt)


def opening_of(sealed: Sealed, disclosure: Disclosure) -> bytes:
    return msgspec.json.encode([{"sealed": sealed.sealed, "salt": disclosure.salt, "value": disclosure.value}])


def test_openings_are_durable_before_the_event_is_written(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, sealed, disclosure = sealed_note(node, "why it was done")
    held: list[bool] = []
    append = Embedded.append_block

    def watched(self: Embedded, submissions: list[chain.Submission]) -> object:
        held.append(Vault(node.home.vault).find(sealed) == disclosure)
        return append(self, submissions)

    monkeypatch.setattr(Embedded, "append_block", watched)
    answer = node.client.post("/v1/entries", content=body(raw, disclosures=opening_of(sealed, disclosure)))
    assert (answer.status_code, held) == (200, [True])
    assert node.client.get(f"/v1/disclosures/{sealed.sealed}").json() == {
        "sealed": sealed.sealed,
        "salt": disclosure.salt,
        "value": "why it was done",
    }
    (index,) = [each["index"] for each in answer.json()["verdicts"]]
    assert node.client.get(f"/v1/entries/{index}/decoded").json()["made"]["opened"] == {"text": "why it was done"}


def test_an_opening_that_opens_nothing_here_is_refused(node: Node) -> None:
    raw, sealed, disclosure = sealed_note(node, "why")
    other = seal("another", bytes(SALT_BYTES))
    assert refuse(node, body(node.sign(), disclosures=opening_of(sealed, disclosure))) == (400, "stray-opening")
    wrong = Disclosure(disclosure.salt, "something else")
    assert refuse(node, body(raw, disclosures=opening_of(sealed, wrong))) == (422, "disclosure")
    assert node.client.get(f"/v1/disclosures/{other.sealed}").status_code == 404


def test_requests_that_come_together_share_a_block(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first block is held up, 15 requests come in, one of them bad: they become one block, and the bad one a 400."""
    entered, leave = threading.Event(), threading.Event()
    append = Embedded.append_block
    blocks: list[int] = []

    def slow(self: Embedded, submissions: list[chain.Submission]) -> object:
        blocks.append(len(submissions))
        if len(blocks) == 1:
            entered.set()
            assert leave.wait(60)
        return append(self, submissions)

    monkeypatch.setattr(Embedded, "append_block", slow)
    bad = body(dsse.encode(dsse.Envelope(dsse.decode(node.sign()).payload, b"k" * 32, bytes(64))))
    bodies = [body(node.sign()) for _ in range(14)] + [bad]
    writing = node.client.litestar.state.submitters[""]
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(node.client.post, "/v1/entries", content=body(node.sign()))
        assert entered.wait(60)
        rest = [pool.submit(node.client.post, "/v1/entries", content=each) for each in bodies]
        for _ in range(3_000):
            if writing.waiting == 15:
                break
            threading.Event().wait(0.01)
        leave.set()
        answers = [each.result() for each in (first, *rest)]
    assert [each.status_code for each in answers] == [200] * 15 + [400]
    assert blocks == [1, 14]
    heights = {each.json()["verdicts"][0]["height"] for each in answers[1:-1]}
    assert heights == {2}
    assert answers[-1].json()["code"] == "bad-signature"


def test_a_full_queue_says_when_to_come_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = node.client.litestar.state.submitters[""]
    entered, leave = threading.Event(), threading.Event()
    append = Embedded.append_block

    def slow(self: Embedded, submissions: list[chain.Submission]) -> object:
        entered.set()
        assert leave.wait(60)
        return append(self, submissions)

    monkeypatch.setattr(Embedded, "append_block", slow)
    monkeypatch.setattr("muniment.server.submitting.MAX_WAITING", 1)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(node.client.post, "/v1/entries", content=body(node.sign()))
        assert entered.wait(60)
        second = pool.submit(node.client.post, "/v1/entries", content=body(node.sign()))
        for _ in range(3_000):
            if writing.waiting:
                break
            threading.Event().wait(0.01)
        full = node.client.post("/v1/entries", content=body(node.sign()))
        leave.set()
        assert (first.result().status_code, second.result().status_code) == (200, 200)
    assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (503, "busy", "1")


def test_what_waits_is_written_before_the_server_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    with nodes.node(tmp_path / "ending") as node:
        submitters = node.client.litestar.state.submitters
        submit(node, node.sign())
    writing = submitters[""]._submitter
    assert not writing._thread.is_alive()
    assert writing.waiting == 0
