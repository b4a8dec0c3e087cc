"""Every question of the API once as it should be asked and once as it should not: rows, proofs, files, exact bytes, tags."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import credit
import nodes
import serving
from muniment.core.format import merkle
from muniment.core.proof import authority, receipt, verify
from muniment.index.rows import EventRow, ModelRow, Thing, VersionRow
from muniment.ledger.pins import fingerprint
from muniment.net import wire
from muniment.server.api.answering import Listed
from muniment.server.caller import Caller
from muniment.server.settings import Served
from nodes import Node

NOBODY = "0" * 64
GUEST = Caller(kind="token", id="guest", scopes=frozenset({"read"}), ledgers=frozenset({"other"}))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("answers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "xdg"))
        with nodes.node(folder / "node", lived=True) as served:
            yield served


def life(node: Node) -> credit.Lived:
    assert node.lived is not None
    return node.lived


def ask(node: Node, path: str, status: int = 200, **headers: str) -> bytes:
    answer = node.client.get(path, headers=headers)
    assert answer.status_code == status, (path, answer.text)
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["code"]
    return answer.content


def listed(node: Node, path: str) -> list[dict[str, object]]:
    answer = msgspec.json.decode(ask(node, path), type=Listed[dict[str, object]])
    assert answer.size == node.size()
    assert answer.next is None
    return list(answer.items)


GOOD = {
    "/v1/models": ["credit-risk"],
    "/v1/datasets": ["loans"],
    "/v1/actors": ["alice", "node"],
    "/v1/actors?kind=person": ["alice"],
    "/v1/environments": ["production", "staging"],
    "/v1/deployments": ["credit-risk"],
    "/v1/deployments?environment=staging": [],
    "/v1/models/nothing/versions": [],
    "/v1/models/team/credit%2Frisk/versions": [],
    "/v1/models/credit-risk/plans": [],
}


@pytest.mark.parametrize("path", GOOD)
def test_lists_come_whole(node: Node, path: str) -> None:
    assert [row.get("name", row.get("id")) for row in listed(node, path)] == GOOD[path]


def test_rows_are_those_of_the_read_model(node: Node) -> None:
    first, second = life(node).first.digest, life(node).second.digest
    models = msgspec.json.decode(ask(node, "/v1/models"), type=Listed[ModelRow])
    assert [(row.name, row.count, row.latest) for row in models.items] == [("credit-risk", 2, second)]
    versions = msgspec.json.decode(ask(node, "/v1/models/credit-risk/versions"), type=Listed[VersionRow])
    assert [row.digest for row in versions.items] == [first, second]
    assert [row["digest"] for row in listed(node, "/v1/datasets/loans/versions")] == [life(node).data.digest]
    assert [row["decision"] for row in listed(node, f"/v1/versions/{first}/approvals")] == ["approve"]
    assert [row["version"] for row in listed(node, f"/v1/versions/{first}/evaluations")] == [first]
    assert [row["actor"] for row in listed(node, "/v1/keys?actor=alice")] == ["alice"]
    assert msgspec.json.decode(ask(node, f"/v1/names/{first}")) == {"name": "credit-risk@1"}
    assert msgspec.json.decode(ask(node, f"/v1/names/{NOBODY}")) == {"name": None}
    thing = msgspec.json.decode(ask(node, "/v1/search?q=credit-risk@1"), type=Thing)
    assert (thing.kind, thing.digest) == ("version", first)
    assert msgspec.json.decode(ask(node, "/v1/search?q=credit-risk&kind=model&kind=actor"), type=Thing).kind == "model"


def test_events_come_a_page_at_a_time(node: Node) -> None:
    pages, path = [], "/v1/events?limit=2"
    while path:
        page = msgspec.json.decode(ask(node, path), type=Listed[EventRow])
        pages.append([row.index for row in page.items])
        path = f"/v1/events?limit=2&cursor={page.next}" if page.next else ""
    assert pages == [[13, 11], [9, 7], [5, 3], [1]]
    assert [row["name"] for row in listed(node, "/v1/events?stream=model/credit-risk")] == ["model.registered"] * 2
    assert [row["index"] for row in listed(node, "/v1/events?name=approval.decided&name=dataset.registered")] == [7, 1]
    assert [row["index"] for row in listed(node, "/v1/events?before=3")] == [1]
    assert msgspec.json.decode(ask(node, "/v1/events/7"), type=EventRow).name == "approval.decided"
    assert msgspec.json.decode(ask(node, "/v1/streams/model/credit-risk"))["items"] == [3, 11]
    assert msgspec.json.decode(ask(node, "/v1/streams/model/nothing"))["items"] == []


def test_what_is_stored_is_sent_byte_for_byte(node: Node) -> None:
    raw = ask(node, "/v1/entries/7")
    assert verify.verify_receipt(ask(node, "/v1/entries/7/receipt").decode(), node.trust, entry=raw).included
    decoded = msgspec.json.decode(ask(node, "/v1/entries/7/decoded"))
    assert decoded["made"]["opened"] == {"reason": credit.REASON}
    header = ask(node, "/v1/headers/1")
    assert header == ask(node, "/v1/entries/2")
    assert msgspec.json.decode(header)["height"] == 1
    files = ask(node, f"/v1/manifests/{life(node).first.digest}")
    assert b"model.safetensors" in files
    answer = node.client.get(f"/v1/manifests/{life(node).first.digest}")
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("application/octet-stream", "nosniff")


def test_places_are_found(node: Node) -> None:
    assert msgspec.json.decode(ask(node, f"/v1/ids/{life(node).approved.event_id}")) == {"index": 7}
    assert msgspec.json.decode(ask(node, "/v1/heights?index=7")) == {"height": 4}
    assert msgspec.json.decode(ask(node, "/v1/heights?time=2001-01-01")) == {"height": None}
    assert msgspec.json.decode(ask(node, "/v1/heights?time=now")) == {"height": 7}


def test_proofs_hold_under_the_checkpoint(node: Node) -> None:
    frame = msgspec.json.decode(ask(node, "/v1/view?from=3"), type=wire.Frame)
    head = authority.open_head(frame.checkpoint.encode(), node.trust).checkpoint
    assert (head.size, frame.height) == (15, 7)
    leaf = merkle.leaf(frame.header.encode())
    merkle.check_inclusion(leaf, frame.size - 1, head.size, _unhex(frame.inclusion), head.root)
    found = msgspec.json.decode(ask(node, "/v1/proofs/inclusion?index=7"), type=wire.Proof)
    merkle.check_inclusion(merkle.leaf(ask(node, "/v1/entries/7")), 7, head.size, _unhex(found.hashes), head.root)
    grown = msgspec.json.decode(ask(node, "/v1/proofs/consistency?old=3&new=15"), type=wire.Proof)
    assert grown.hashes == frame.consistency
    smaller = msgspec.json.decode(ask(node, "/v1/proofs/inclusion?index=1&size=3"), type=wire.Proof)
    root = merkle.root([merkle.leaf(ask(node, f"/v1/entries/{index}")) for index in range(3)])
    merkle.check_inclusion(merkle.leaf(ask(node, "/v1/entries/1")), 1, 3, _unhex(smaller.hashes), root)
    merkle.check_consistency(3, 15, _unhex(grown.hashes), root, head.root)


@pytest.mark.parametrize("stream", ["deployment/production/credit-risk", "deployment%2Fproduction%2Fcredit-risk"])
def test_a_record_is_proved_under_the_newest_header(node: Node, stream: str) -> None:
    standing = msgspec.json.decode(ask(node, f"/v1/records/{stream}?from=1"), type=wire.Standing)
    assert standing.record is not None
    assert standing.proof.name == "deployment/production/credit-risk"
    assert standing.record.encode() == bytes(standing.proof.value)  # type: ignore[arg-type]
    assert standing.view.consistency is not msgspec.UNSET
    absent = msgspec.json.decode(ask(node, "/v1/records/model/nothing"), type=wire.Standing)
    assert absent.record is None


def test_a_first_contact_is_told_what_it_needs(node: Node) -> None:
    about = msgspec.json.decode(ask(node, "/v1/ledger"), type=wire.About)
    assert (about.origin, about.ledger, about.fingerprint) == (nodes.ORIGIN, node.trust.ledger, fingerprint(node.trust))
    assert about.trust.startswith("#")
    assert (about.size, about.height, about.tier) == (15, 7, "solo")


BY_NAME = (
    "/v1/prove?thing=credit-risk@1",
    "/v1/at?thing=production/credit-risk",
    "/v1/history?of=model/credit-risk",
    "/v1/lineage?of=credit-risk@2",
    "/v1/lineage?of=loans&direction=down",
    "/v1/impact?of=loans",
    "/v1/diff?a=credit-risk@1&b=credit-risk@2",
    "/v1/claim?claim=approved&of=credit-risk@1&environment=production",
    "/v1/claim?claim=not-withdrawn&of=loans",
)


@pytest.mark.parametrize("path", BY_NAME)
def test_an_answer_by_name_verifies_with_the_trust_file_alone(node: Node, path: str) -> None:
    assert verify.verify_answer(ask(node, path), node.trust, tier="solo").head.index == 14


def test_a_gate_says_who_may_start(node: Node) -> None:
    allowed = ask(node, f"/v1/gate?deployment=production/credit-risk&version={life(node).second.digest}")
    other = ask(node, f"/v1/gate?deployment=production/credit-risk&version={life(node).first.digest}")
    findings = [verify.verify_answer(each, node.trust, tier="solo").result.findings for each in (allowed, other)]
    assert [each.allowed for each in findings] == [True, False]  # type: ignore[union-attr]


def test_sealed_fields_are_opened_only_where_that_is_asked_for(node: Node) -> None:
    approval = f"/v1/prove?thing={life(node).approved.event_id}"
    assert credit.REASON.encode() not in ask(node, approval)
    assert credit.REASON.encode() in ask(node, f"{approval}&disclose=true")


def post(node: Node, path: str, body: object) -> tuple[int, bytes]:
    answer = node.client.post(path, content=msgspec.json.encode(body), headers=serving.bearer("read"))
    return answer.status_code, answer.content


def test_a_question_is_answered_with_a_file(node: Node) -> None:
    status, raw = post(node, "/v1/answers", {"question": {"ask": "entry", "index": 7}, "disclose": ["reason"]})
    assert status == 200
    assert verify.verify_answer(raw, node.trust, tier="solo").said[0].index == 7
    assert credit.REASON.encode() in raw
    status, raw = post(node, "/v1/answers", {"question": {"ask": "state", "streams": ["model/credit-risk"]}})
    assert verify.verify_answer(raw, node.trust, tier="solo").result.statuses == ("present",)


def test_a_bundle_outlives_the_ledger(node: Node) -> None:
    status, raw = post(node, "/v1/bundles", {"thing": "credit-risk@1", "disclose": True})
    assert status == 200
    assert verify.verify_bundle(raw, node.trust, tier="solo").answers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/answers", {"question": {"ask": "entry", "index": 10**15}}, 404),
        ("/v1/answers", {"question": {"ask": "entry", "index": -1}}, 400),
        ("/v1/answers", {"question": {"ask": "nothing"}}, 400),
        ("/v1/answers", {"question": {"ask": "state", "streams": []}}, 400),
        ("/v1/answers", {"question": {"ask": "lineage", "direction": "sideways", "of": "data/" + NOBODY}}, 400),
        ("/v1/answers", {"question": {"ask": "entry", "index": 1}, "disclose": 7}, 400),
        ("/v1/bundles", {"thing": ""}, 400),
        ("/v1/bundles", {"thing": "nothing"}, 404),
        ("/v1/bundles", {"thing": "credit-risk", "more": 1}, 400),
    ],
)
def test_a_question_that_is_none_is_refused(node: Node, path: str, body: object, status: int) -> None:
    assert post(node, path, body)[0] == status


def test_blobs_are_kept_under_their_names_only(node: Node) -> None:
    data = b"\x00 a log <script>"
    name = hashlib.sha256(data).hexdigest()
    path = f"/v1/blobs/{name}"
    assert node.client.head(path).status_code == 404
    assert node.client.put(path, content=data, headers=serving.bearer("read")).status_code == 403
    assert node.client.put(path, content=data).status_code == 204
    assert node.client.head(path).status_code == 200
    assert ask(node, path) == data
    wrong = node.client.put(f"/v1/blobs/{NOBODY}", content=data)
    assert (wrong.status_code, wrong.json()["details"]["found"]) == (422, name)
    root = life(node).first.digest
    files = ask(node, f"/v1/manifests/{root}")
    assert node.client.head(f"/v1/manifests/{root}").status_code == 200
    assert node.client.put(f"/v1/manifests/{root}", content=files).status_code == 204
    assert node.client.put(f"/v1/manifests/{NOBODY}", content=files).status_code == 422
    assert node.client.put(f"/v1/manifests/{NOBODY}", content=b"nothing").status_code == 400


def test_a_large_blob_is_no_exception(node: Node) -> None:
    data = bytes(11 << 20)
    assert node.client.put(f"/v1/blobs/{hashlib.sha256(data).hexdigest()}", content=data).status_code == 204


BAD = {
    "/v1/entries/99": 404,
    "/v1/entries/-1": 400,
    "/v1/entries/x": 404,
    f"/v1/entries/{2**63}": 400,
    f"/v1/entries/{10**40}": 400,
    "/v1/entries/99/receipt": 404,
    "/v1/entries/99/decoded": 404,
    "/v1/headers/99": 404,
    f"/v1/headers/{2**64}": 400,
    "/v1/heights": 400,
    "/v1/heights?index=1&time=now": 400,
    "/v1/heights?index=99": 404,
    "/v1/heights?time=yesterday": 400,
    "/v1/heights?time=2026-02-31": 400,
    "/v1/ids/abc": 400,
    "/v1/ids/01a2083d-bf5f-7684-a97e-6a50585c43b3": 404,
    "/v1/proofs/inclusion": 400,
    "/v1/proofs/inclusion?index=1&size=99": 404,
    "/v1/proofs/inclusion?index=5&size=2": 400,
    "/v1/proofs/consistency?old=0": 400,
    "/v1/proofs/consistency?old=9&new=3": 400,
    "/v1/records/nothing/of/the/kind": 400,
    "/v1/records/model/%00": 400,
    "/v1/records/model/x?from=99": 400,
    "/v1/streams/model": 400,
    "/v1/view?from=16": 400,
    "/v1/view?from=null": 400,
    "/v1/view?from=1&from=1": 400,
    f"/v1/view?from={'9' * 5000}": 400,
    "/v1/search?q=": 400,
    "/v1/search": 400,
    "/v1/search?q=nothing": 404,
    "/v1/search?q=%00": 404,
    "/v1/search?q=%ED%A0%80": 404,
    "/v1/search?q=credit-risk&kind=unicorn": 400,
    f"/v1/search?q={'x' * 400}": 400,
    "/v1/names/abc": 400,
    f"/v1/names/{NOBODY.replace('0', 'A')}": 400,
    "/v1/models/credit-risk/nothing": 404,
    "/v1/models/credit-risk": 400,
    "/v1/models/%20/versions": 400,
    "/v1/datasets/loans/nothing": 404,
    "/v1/versions/abc/approvals": 400,
    "/v1/deployments?environment=a/b": 400,
    "/v1/keys?actor=%00": 400,
    "/v1/events?limit=0": 400,
    "/v1/events?limit=1001": 400,
    "/v1/events?limit=x": 400,
    "/v1/events?cursor=x": 400,
    "/v1/events?before=-1": 400,
    "/v1/events?stream=nothing": 400,
    "/v1/events?name=": 400,
    "/v1/events?name=NOTHING": 400,
    "/v1/events/2": 404,
    f"/v1/events/{2**62}": 400,
    "/v1/runs/01a2083d-bf5f-7684-a97e-6a50585c43b3": 404,
    "/v1/runs/x": 400,
    f"/v1/blobs/{NOBODY}": 404,
    "/v1/blobs/..%2F..%2Fledger.db": 404,
    "/v1/blobs/abc": 400,
    f"/v1/manifests/{NOBODY}": 404,
    "/v1/disclosures/abc": 400,
    f"/v1/disclosures/{'A' * 43}": 404,
    "/v1/prove?thing=nothing": 404,
    "/v1/at?thing=production/credit-risk&time=soon": 400,
    "/v1/history?of=entry/2": 404,
    "/v1/lineage?of=credit-risk&direction=sideways": 400,
    "/v1/impact?of=nothing": 404,
    "/v1/blame?of=credit-risk&path=max_depth": 404,
    "/v1/blame?of=credit-risk&path=x&target=null": 400,
    "/v1/diff?a=credit-risk@1&b=credit-risk@9": 404,
    "/v1/claim?claim=handsome&of=credit-risk": 400,
    "/v1/claim?claim=on-hold&of=credit-risk&environment=production": 400,
    f"/v1/gate?deployment=production&version={NOBODY}": 400,
    "/v1/prove?thing=credit-risk&disclose=perhaps": 400,
    "/v1/nothing": 404,
}


@pytest.mark.parametrize("path", BAD)
def test_wrong_input_is_the_callers_and_said_so(node: Node, path: str) -> None:
    ask(node, path, BAD[path])


def test_an_answer_changes_its_tag_with_the_ledger(node: Node) -> None:
    first = node.client.get("/v1/models")
    assert first.headers["etag"] == f'"15-{hashlib.sha256(_checkpoint(node)).hexdigest()[:16]}"'
    again = node.client.get("/v1/models", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert node.client.get("/v1/models", headers={"if-none-match": '"14-0000000000000000"'}).status_code == 200
    entry = node.client.get("/v1/entries/7")
    assert "immutable" in entry.headers["cache-control"]
    assert node.client.get("/v1/entries/7", headers={"if-none-match": entry.headers["etag"]}).status_code == 304


def test_reading_needs_its_scope(node: Node) -> None:
    for path in ("/v1/view", "/v1/models", "/v1/entries/1", "/v1/prove?thing=credit-risk"):
        with serving.nobody(node.client):
            assert node.client.get(path).status_code == 401
        assert node.client.get(path, headers=serving.bearer("write")).status_code == 403
        assert node.client.get(path, headers=serving.bearer("read")).status_code == 200


def test_ledgers_of_one_server_share_nothing(node: Node, tmp_path: Path) -> None:
    """Another server over two ledgers: each answers under its own name, and a token of one opens no other."""
    with nodes.node(tmp_path / "other", origin="example.com/other") as other:
        home = other.home
    ledgers = (Served(name="credit", home=node.home.folder), Served(name="other", home=home.folder))
    with serving.served(*ledgers, state=tmp_path / "both", callers={"guest": GUEST}) as client:
        assert [client.get(f"/l/{name}/v1/view").json()["size"] for name in ("credit", "other")] == [15, 1]
        assert client.get("/v1/view").status_code == 404
        assert client.get("/l/none/v1/view").status_code == 404
        client.headers.update(serving.bearer("guest"))
        assert [client.get(f"/l/{name}/v1/models").status_code for name in ("credit", "other")] == [403, 200]
        assert client.get("/l/other/v1/models").json()["items"] == []


def test_a_receipt_is_in_its_one_form(node: Node) -> None:
    text = ask(node, "/v1/entries/1/receipt").decode()
    assert receipt.format(receipt.parse(text)) == text


def _checkpoint(node: Node) -> bytes:
    return str(node.client.get("/v1/view").json()["checkpoint"]).encode()


def _unhex(hashes: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(each) for each in hashes)
