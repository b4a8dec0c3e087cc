"""The verification of answers (docs/spec 10.5), in the order that the page gives.

report = verify(answer, trust, ...)     # or Failed, with step and code
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from second import inquiries
from second.asked import Asked
from second.forms import Json, canonical, leaf, open_envelope, sha256, tree_root
from second.ground import entry
from second.head import PROTOCOL, Failed, Head, Trust, check_clocks, check_pin, demand, hash64
from second.path import Bench
from second.vocabulary import own_streams, subjects

WHOLE = ("start", "promote", "rollback", "stop")
STATES = {
    "key": ({"actor", "since"}, {"claims", "disputedFrom", "expires", "until"}),
    "actor": ({"kind"}, {"organisation", "responsible", "roles", "status"}),
    "data": ({"name", "ordinal"}, {"licence", "made", "personalData", "purposes", "withdrawn"}),
    "run": ({"start", "status"}, {"finish", "model", "persons"}),
    "version": ({"made", "model", "ordinal", "status"}, {"admitted", "holds", "persons", "rejected", "run", "running"}),
    "deployment": ({"ordinal", "since", "status", "transition", "version"}, set()),
    "approval": (
        {"decision", "index", "keyid", "of", "status", "time"},
        {"environment", "expires", "organisation", "persons", "roles"},
    ),
    "waiver": ({"environment", "expires", "index", "keyid", "rule", "version"}, {"persons"}),
    "incident": ({"status", "version"}, {"hold"}),
}


def include(entry_leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    """Step 7: RFC 9162, 2.1.3.2."""
    demand(index < size, 7, "inclusion-index")
    fn, sn, r = index, size - 1, entry_leaf
    for each in proof:
        demand(sn != 0, 7, "inclusion-length")
        if fn & 1 or fn == sn:
            r = sha256(b"\x01" + each + r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha256(b"\x01" + r + each)
        fn, sn = fn >> 1, sn >> 1
    demand(sn == 0, 7, "inclusion-length")
    demand(r == root, 7, "inclusion-root")


def check_state(root: str, proof: Json) -> Json | None:
    """Page 9.2."""
    key, depths, siblings = sha256(proof["name"].encode()), proof["depths"], [hash64(each) for each in proof["siblings"]]
    bits = int.from_bytes(key, "big")
    demand(not ("value" in proof and "other" in proof), 11, "state-shape")
    demand("value" in proof or "other" in proof or not (depths or siblings), 11, "state-shape")
    demand(len(siblings) == len(depths), 11, "state-siblings")
    demand(all(a < b for a, b in zip(depths, [*depths[1:], 256], strict=True)), 11, "state-depths")
    h = sha256(b"")
    if "value" in proof:
        h = sha256(b"\x02" + key + sha256(canonical(proof["value"])))
    elif "other" in proof:
        other = bytes.fromhex(proof["other"]["key"])
        differs = bits ^ int.from_bytes(other, "big")
        demand(bool(differs) and not any(differs >> (255 - depth) & 1 for depth in depths), 11, "state-absence")
        h = sha256(b"\x02" + other + bytes.fromhex(proof["other"]["value"]))
    for depth, sibling in zip(depths[::-1], siblings[::-1], strict=True):
        pair = sibling + h if bits >> (255 - depth) & 1 else h + sibling
        h = sha256(b"\x03" + bytes([depth]) + pair)
    demand(all(len(each) == 32 for each in siblings), 11, "state-siblings")
    demand(h.hex() == root, 11, "state-root")
    return proof.get("value")


class Answer:
    """Steps 2 and 7 to 13."""

    def __init__(self, answer: Json, head: Head, ledger: str) -> None:
        self.a, self.head, self.ledger = answer, head, ledger
        self.question, self.history = answer["question"], answer.get("history")
        self.headers: dict[int, Json] = {}
        self.leaves: dict[int, bytes] = {}
        self.events: dict[int, tuple[str, Json, bytes]] = {}
        self.bound: dict[int, bytes] = {}

    def open_tree(self, receipt_index: int, receipt_proof: list[bytes]) -> None:
        """Steps 2, 7 and 8."""
        try:
            include(
                bytes.fromhex(self.ledger), 0, self.head.size, [hash64(each) for each in self.a.get("genesis", [])], self.head.root
            )
        except Failed:
            raise Failed(2, "genesis") from None
        asked = self.question.get("index", self.head.size - 1) if self.question["ask"] == "entry" else self.head.size - 1
        main = [each for each in self.a["entries"] if each["index"] == asked]
        demand(bool(main), *((7, "entry-missing") if self.question["ask"] == "entry" else (8, "header-last")))
        demand(receipt_index == asked, 7, "receipt-index")
        demand(receipt_proof == [hash64(each) for each in main[0].get("proof", [])], 7, "receipt-proof")
        self.raws = {}
        for each in self.a["entries"]:
            raw, index = hash64(each["entry"]), each["index"]
            include(leaf(raw), index, self.head.size, [hash64(item) for item in each.get("proof", [])], self.head.root)
            header = self.open_header(raw, index)
            if header is None:
                self.raws[index] = raw
            else:
                self.headers[index], self.leaves[index] = header, leaf(raw)
        last = self.a["entries"][-1]
        demand(last["index"] == self.head.size - 1 and last["index"] in self.headers, 8, "header-last")
        self.newest = self.headers[last["index"]]
        root, proof = sha256(b""), [hash64(item) for item in last.get("proof", [])]
        for number, each in enumerate(proof):
            root = sha256(b"\x01" + each + root) if number else each
        demand(root.hex() == self.newest["root"], 8, "header-root")
        demand(asked not in self.raws or self.sealing(asked) is not None, 8, "header-successor")

    @staticmethod
    def open_header(raw: bytes, index: int) -> Json | None:
        if raw.startswith(b'{"payload"'):
            return None
        try:
            header: Json = json.loads(raw)
            good = canonical(header) == raw and {"height", "time", "previous", "size", "root", "state", "protocol"} <= set(header)
        except (ValueError, TypeError):
            good = False
        demand(good, 8, "header-form")
        demand(header["protocol"] == PROTOCOL, 8, "protocol-unknown")
        demand(header["size"] == index, 8, "header-index")
        return header

    def linked(self, header: Json) -> int | None:
        """The header before, where it is shown."""
        before = [index for index, each in self.headers.items() if each["height"] == header["height"] - 1]
        return before[0] if before and self.leaves[before[0]].hex() == header["previous"] else None

    def sealing(self, index: int) -> Json | None:
        after = next((header for at, header in self.headers.items() if at > index), None)
        before = None if after is None else self.linked(after)
        return after if before is not None and before < index else None

    def open_events(self) -> None:
        """Step 9, and what binds the history."""
        for index, raw in self.raws.items():
            self.open_event(index, raw)
        for each in self.a.get("events", []):
            self.bound[each["index"]] = hash64(each["entry"])
            self.open_event(each["index"], self.bound[each["index"]])
        for each in (self.history or {}).get("events", []):
            raw, index = hash64(each["entry"]), each["index"]
            header = self.open_header(raw, index)
            demand(header is None or self.leaves.get(index) == leaf(raw), 11, "history-entry")
            demand(self.raws.get(index, raw) == raw, 11, "history-entry")
            if header is None and index not in self.events:
                self.open_event(index, raw)

    def open_event(self, index: int, raw: bytes) -> None:
        try:
            key, payload = open_envelope(raw)
        except ValueError as error:
            raise Failed(9, "signature" if "signature" in str(error) else "entry-form") from None
        statement = json.loads(payload)
        demand(
            isinstance(statement, dict) and canonical(statement) == payload and isinstance(statement.get("predicate"), dict),
            9,
            "event-form",
        )
        name, predicate = statement["predicateType"].split(":")[3], statement["predicate"]
        if name != "system.dreamed":
            # Page 12 in full is tests/second.py's; here what an answer can be caught at.
            demand(not any("None" in each for each in own_streams(name, predicate)), 9, "event-form")
            demand(statement["subject"] == subjects(name, predicate), 9, "event-form")
        demand(predicate.get("ledger") == self.ledger, 9, "ledger")
        self.events[index] = key, {**predicate, "_name": name, "_subject": statement["subject"]}, raw

    def open_states(self) -> None:
        """Step 11: the records."""
        self.records: dict[str, Json | None] = {}
        for proof in self.a.get("states", []):
            record = check_state(self.newest["state"], proof)
            if record is not None:
                demand(set(record) == {"count", "first", "head", "last", "state"}, 11, "state-record")
                demand(record["last"] <= self.newest["size"], 11, "state-future")
            self.records[proof["name"]] = record

    def open_streams(self) -> None:
        """Page 10.7: every stream in the file is whole, and every event is in one."""
        self.streams: dict[str, list[int]] = {}
        for each in self.a.get("streams", []):
            stream, indices = each["stream"], each["indices"]
            record = self.need(stream) or {"count": 0}
            demand(len(indices) == record["count"], 11, "history-count")
            demand((indices[0], indices[-1]) == (record["first"], record["last"]), 11, "history-order")
            head = sha256(stream.encode())
            for index in indices:
                demand(index in self.bound or index in self.raws or index in self.headers, 11, "event-missing")
                head = sha256(b"\x04" + head + index.to_bytes(8, "big") + self.folded(index))
            demand(head.hex() == record["head"], 11, "history-head")
            self.streams[stream] = indices
        demand(set(self.bound) <= {index for indices in self.streams.values() for index in indices}, 11, "event-unbound")

    def folded(self, index: int) -> bytes:
        """What an entry folds: of a header all but its state."""
        if index in self.headers:
            return leaf(canonical({key: item for key, item in self.headers[index].items() if key != "state"}))
        return leaf(self.bound.get(index) or self.raws[index])

    def state(self, stream: str) -> Json:
        """A state in the form of its kind."""
        record = self.records[stream]
        assert record is not None
        required, optional = STATES[stream.split("/")[0]]
        demand(required <= set(record["state"]) <= required | optional, 11, "state-record")
        return record["state"]  # type: ignore[no-any-return]

    def need(self, stream: str) -> Json | None:
        demand(stream in self.records, 11, "state-missing")
        return self.records[stream]

    def settle(self) -> Json:
        """Steps 8, 11 and 13: the result."""
        ask, result = self.question["ask"], self.a["result"]
        asked = Asked(self)
        if ask == "entry":
            found = self.settle_entry(asked)
        elif ask == "state":
            statuses = ["absent" if self.need(each) is None else "present" for each in self.question["streams"]]
            found = {"height": self.newest["height"], "statuses": statuses}
        elif ask == "at":
            found = self.settle_at(asked)
        else:
            word, findings = inquiries.answer(self.question, asked)
            demand(set(self.streams) == asked.streams, 11, "stream-unasked")
            found = {"height": self.newest["height"], "statuses": [word], "findings": findings}
        demand("findings" in found or not self.streams, 11, "stream-unasked")
        demand(self.history is None or ask == "at", 11, "history-unasked")
        demand((result["height"], result["statuses"]) == (found["height"], found["statuses"]), 11, "result")
        demand(canonical(result.get("findings")) == canonical(found.get("findings")), 11, "findings")
        demand(result.get("grade") == found.get("grade"), 13, "grade")
        return found

    def rely(self, asked: Asked, event: Json) -> None:
        """Page 10.3: what became of the decisions that an event is, takes back, or names."""
        ids = {"approval.decided": [event.get("revokes", event["eventId"])], "deployment.changed": event.get("approvals", [])}
        for id_ in ids.get(event["_name"], []):
            state = asked.state(f"approval/{id_}")
            demand(state is not None, 11, "state-record")
            asked.record(f"key/{(state or {})['keyid']}")

    def settle_entry(self, asked: Asked) -> Json:
        index = self.question["index"]
        if index in self.headers:
            return {"height": self.headers[index]["height"], "statuses": ["recorded"]}
        block = self.sealing(index)
        assert block is not None
        self.rely(asked, self.events[index][1])
        return {"height": block["height"], "statuses": ["recorded"], "grade": self.events[index][1].get("grade", "declared")}

    def fold(self, items: list[Json]) -> list[tuple[int, bytes]]:
        folded = []
        for each in items:
            raw = hash64(each["entry"])
            header = self.open_header(raw, each["index"])
            without = {key: item for key, item in (header or {}).items() if key != "state"}
            folded.append((each["index"], leaf(raw) if header is None else leaf(canonical(without))))
        return folded

    def settle_at(self, asked: Asked) -> Json:
        stream, time = self.question["stream"], self.question["time"]
        before = [header for header in self.headers.values() if header["time"] <= time]
        demand(bool(before), 8, "header-time")
        past = before[-1]
        if past is not self.newest:
            after = [header for header in self.headers.values() if self.linked(header) == past["size"]]
            demand(bool(after) and after[0]["time"] > time, 8, "header-successor")
        record = self.need(stream)
        status = self.settle_past(stream, record, past["size"] + 1)
        if status != "absent" and stream.startswith("deployment/"):
            self.rely(asked, self.serving(asked, stream))
        return {"height": past["height"], "statuses": [status]}

    def serving(self, asked: Asked, stream: str) -> Json:
        """Page 10.3: what made a deployment what it is, or was after the events handed over."""
        if self.history is not None:
            told = [self.events.get(each["index"], ("", {}, b""))[1] for each in self.history["events"]]
            whole = [e for e in told if e.get("_name") == "deployment.changed" and e["transition"] in WHOLE]
            demand(bool(whole), 11, "history-whole")
            return whole[-1]
        state = self.state(stream)
        e = entry(asked, state["since"], "deployment.changed", stream)
        said = e["version"], e["transition"] == "stop"
        demand(said == (state["version"], state["status"] == "stopped"), 11, "event-kind")
        return e

    def settle_past(self, stream: str, record: Json | None, bound: int) -> str:
        """Page 9.3."""
        if record is None or record["first"] >= bound or record["last"] < bound:
            demand(self.history is None, 11, "history-unasked")
            return "absent" if record is None or record["first"] >= bound else "unchanged"
        if self.history is None:
            raise Failed(11, "history-missing")
        shown = self.fold(self.history["events"])
        later = [(each["index"], bytes.fromhex(each["leaf"])) for each in self.history.get("later", [])]
        j = record["count"] - len(later) - len(shown) + 1
        demand(bool(shown) and j >= 1, 11, "history-count")
        indices = [index for index, _ in shown + later]
        demand(indices[0] >= record["first"] + j - 1 and indices[-1] == record["last"], 11, "history-order")
        demand(j > 1 or indices[0] == record["first"], 11, "history-order")
        demand(bool(later) and shown[-1][0] < bound <= later[0][0], 11, "history-bound")
        key = sha256(stream.encode())
        head = bytes.fromhex(self.history.get("before", key.hex()))
        demand(j > 1 or "before" not in self.history, 11, "history-start")
        for index, each in shown + later:
            head = sha256(b"\x04" + head + index.to_bytes(8, "big") + each)
        demand(head.hex() == record["head"], 11, "history-head")
        demand(j == 1 or "before" in self.history, 11, "history-start")
        if j > 1:
            _, event, _ = self.events.get(shown[0][0], ("", {}, b""))
            place = f"deployment/{event.get('environment')}/{event.get('name')}"
            whole = event.get("_name") == "deployment.changed" and place == stream and event["transition"] in WHOLE
            demand(whole, 11, "history-whole")
        return "earlier"

    def check_disclosures(self) -> None:
        """Step 12."""
        commitments = {found for _, event, _ in self.events.values() for found, _ in sealed_in(event)}
        digests = {pair for _, event, _ in self.events.values() for pair in sealed_in(event) if pair[1]}
        for each in self.a.get("disclosures", []):
            salt = base64.urlsafe_b64decode(each["salt"] + "==")
            commitment = base64.urlsafe_b64encode(sha256(salt + canonical(each["value"]))).decode().rstrip("=")
            demand(commitment == each["sealed"], 12, "disclosure")
            # A number or a flag is no text, and no digest is that of its bytes.
            text = each["value"].encode() if isinstance(each["value"], str) else None
            named = [digest for found, digest in digests if found == commitment]
            demand(all(text is not None and sha256(text).hex() == digest for digest in named), 12, "disclosure")
        demand({each["sealed"] for each in self.a.get("disclosures", [])} <= commitments, 12, "disclosure")

    def check_signers(self) -> None:
        """Step 10."""
        for index, (key, event, _) in sorted(self.events.items()):
            stream, block = f"key/{key}", self.sealing(index)
            demand(stream in self.records, 10, "signer-missing")
            demand(self.records[stream] is not None, 10, "key-unknown")
            state = self.state(stream)
            demand(state["actor"] == event["actor"], 10, "key-actor")
            demand(index > state["since"], 10, "key-early")
            demand(index <= state.get("until", index), 10, "key-ended")
            demand(block is None or state.get("expires", "~") > block["time"], 10, "key-expired")
            actor = f"actor/{event['actor']}"
            demand(actor in self.records, 10, "signer-missing")
            demand(self.records[actor] is not None, 10, "actor-unknown")
            self.state(actor)

    def things(self, result: Json) -> list[str]:
        """The digests that the answer is about."""
        if self.question["ask"] == "entry":
            event = self.events.get(self.question["index"])
            return [] if event is None else [each["digest"]["sha256"] for each in event[1]["_subject"]]
        if self.question["ask"] == "at" and result["statuses"] == ["absent"]:
            return []
        if "findings" in result:
            return [digest for each in inquiries.about(self.question) for digest in self.thing(each)]
        streams = self.question.get("streams") or [self.question["stream"]]
        if result["statuses"] == ["earlier"] and streams[0].startswith("deployment/"):
            return [self.serving(Asked(self), streams[0])["version"]]
        return [digest for each in streams if self.records[each] for digest in self.thing(each)]

    def thing(self, stream: str) -> list[str]:
        kind, _, rest = stream.partition("/")
        record = self.records.get(stream)
        if record is None:
            return []
        return [rest] if kind in ("version", "data") else [record["state"]["version"]] if kind == "deployment" else []

    def check_bytes(self, result: Json, files: str | None) -> None:
        """Step 12."""
        digests = self.things(result)
        demand("manifest" not in self.a or manifest_root(self.a["manifest"]) in digests, 12, "manifest")
        demand(files is None or manifest_root(files) in digests, 12, "subject")


def sealed_in(value: Any) -> set[tuple[str, str]]:
    """Every commitment in a predicate, with the digest beside it."""
    if isinstance(value, list):
        return {each for item in value for each in sealed_in(item)}
    if not isinstance(value, dict):
        return set()
    beside = value["digest"] if isinstance(value.get("digest"), str) else ""
    own = {(value["sealed"], beside)} if isinstance(value.get("sealed"), str) else set()
    return own | {each for item in value.values() for each in sealed_in(item)}


def manifest_root(text: str) -> str:
    """Page 2.2."""
    return tree_root([leaf(line.encode()) for line in text.split("\n")[:-1]]).hex()


def verify(
    answer: Json,
    trust: Trust,
    *,
    pin: Json | None = None,
    ask: Callable[[int, int], list[bytes]] | None = None,
    now: str | None = None,
    max_age: int | None = None,
    tier: str | None = None,
    files: str | None = None,
) -> Json:
    """Page 10.5, in its order. Raises Failed."""
    proof, _, note = answer["receipt"].partition("\n\n")
    lines = [line for line in proof.split("\n")[1:] if not line.startswith("extra ")]
    head, led = Bench(trust, answer.get("path", [])).open(note, tier, max_age)
    relation = None if pin is None else check_pin(pin, head, ask)
    told = Answer(answer, head, trust.ledger)
    told.open_tree(int(lines[0].removeprefix("index ")), [hash64(line) for line in lines[1:]])
    fresh = check_clocks(head, told.newest["time"], now, max_age)
    told.open_events()
    told.open_states()
    told.open_streams()
    result = told.settle()
    told.check_disclosures()
    told.check_signers()
    told.check_bytes(result, files)
    return {
        "height": result["height"],
        "statuses": result["statuses"],
        "tier": head.tier,
        "basis": head.basis,
        "current": fresh and relation != "older" and led != "former",
        **({"led": led} if led else {}),
    }
