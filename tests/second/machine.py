"""The state machine (docs/spec 5 to 7).

ledger = Ledger.found(header_bytes)
header_bytes, verdicts = ledger.run(time, [entry_bytes, ...])       # and the faults of its members, in a consortium
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from nacl.signing import VerifyKey

from second.council import founding_states, settle, validators_of
from second.effects import Effects
from second.forms import Json, canonical, leaf, map_root, open_envelope, sha256, tree_root
from second.judging import Block, may, persons_of
from second.verdicts import Refused, Repeated
from second.vocabulary import own_streams, subjects

SPOKEN = (1,)


@dataclass
class Ledger:
    """Everything after a block."""

    origin: str
    id: str = ""
    leaves: list[bytes] = field(default_factory=list)
    header_leaf: bytes = bytes(32)
    height: int = -1
    records: dict[str, Json] = field(default_factory=dict)
    payloads: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    bodies: dict[int, Json] = field(default_factory=dict)
    policies: dict[int, Json] = field(default_factory=dict)

    @classmethod
    def found(cls, header: bytes) -> Ledger:
        """Page 5."""
        value = json.loads(header)
        genesis = value["genesis"]
        ledger = cls(genesis["origin"])
        policy = genesis["policy"]
        states = {"policy": {"digest": sha256(canonical(policy)).hex(), "index": 0}, "protocol": {"number": 1}}
        for actor in genesis["actors"]:
            states[f"actor/{actor['id']}"] = {key: item for key, item in actor.items() if key not in ("id", "keys")}
            for each in actor["keys"]:
                states[f"key/{each['key']}"] = {"actor": actor["id"], "since": 0}
                ledger.check_key(actor["id"], each["key"], each["proof"])
        states |= founding_states(genesis)
        ledger.policies[0] = policy
        without_state = {key: item for key, item in value.items() if key != "state"}
        ledger.touch(list(states), 0, leaf(canonical(without_state)), states)
        assert value["state"] == ledger.state_root()
        ledger.height, ledger.header_leaf, ledger.id = 0, leaf(header), leaf(header).hex()
        ledger.leaves.append(leaf(header))
        return ledger

    def check_key(self, actor: str, key: str, proof: str) -> None:
        """Page 5: raises BadSignatureError."""
        claim = canonical({"actor": actor, "key": key, "origin": self.origin})
        VerifyKey(bytes.fromhex(key)).verify(claim, base64.b64decode(proof))

    def state_root(self) -> str:
        """Page 9.1."""
        leaves = {}
        for name, record in self.records.items():
            key = sha256(name.encode())
            leaves[key] = sha256(b"\x02" + key + sha256(canonical(record)))
        return map_root(leaves).hex()

    def touch(self, streams: list[str], index: int, entry_leaf: bytes, states: dict[str, Json]) -> None:
        """Page 6.3."""
        for name in set(streams):
            start = {"count": 0, "first": index, "head": sha256(name.encode()).hex(), "state": {}}
            record = self.records.setdefault(name, start)
            head = sha256(b"\x04" + bytes.fromhex(record["head"]) + index.to_bytes(8, "big") + entry_leaf)
            record.update(count=record["count"] + 1, last=index, head=head.hex())
        for name, state in states.items():
            self.records[name]["state"] = state

    def run(self, time: str, entries: list[bytes], faults: Sequence[Json] = ()) -> tuple[bytes, list[Json]]:
        """Pages 6.2 to 6.5: the header of the block, and a verdict for each event. What admits nothing changes nothing."""
        protocol = self.records["protocol"]["state"]["number"]
        if protocol not in SPOKEN:
            raise ValueError(f"protocol {protocol} is not spoken here")
        policy = self.policies[self.records["policy"]["state"]["index"]]
        block = Block(self, policy, time, dict(self.payloads))
        index, verdicts, admitted, names = len(self.leaves), list[Json](), list[bytes](), set[str]()
        for raw in entries:
            key, payload = open_envelope(raw)
            statement = json.loads(payload)
            name, event = statement["predicateType"].split(":")[3], statement["predicate"]
            try:
                self.judge_common(policy, time, key, name, event, payload)
                states = Effects(block, index, key, name, event).judge()
                assert statement["subject"] == subjects(name, event)
                self.touch([f"acts/{event['actor']}", *own_streams(name, event)], index, leaf(raw), states)
                self.payloads[event["eventId"]], self.bodies[index] = (index, payload), event
                if name == "policy.amended":
                    self.policies[index] = event["policy"]
                admitted.append(raw)
                names.add(name)
                verdicts.append({"decision": "admitted", "index": index})
                index += 1
            except Refused as refused:
                verdicts.append({"decision": "refused", "rules": refused.rules})
            except Repeated as repeated:
                verdicts.append({"decision": "repeated", "index": repeated.index})
        proved = settle(self.state, faults)
        if not admitted and not proved:
            return b"", verdicts
        self.leaves += map(leaf, admitted)
        header: Json = {"height": self.height + 1, "time": time, "previous": self.header_leaf.hex(), "protocol": protocol}
        header |= {"size": len(self.leaves), "root": tree_root(self.leaves).hex()}
        if "member.changed" in names:
            header["validators"] = validators_of(self.state)
        if proved:
            header["evidence"] = proved
            self.note(proved, leaf(canonical(header)))
        return self.seal(canonical(header | {"state": self.state_root()})), verdicts

    def note(self, faults: list[Json], without_state: bytes) -> None:
        """Page 6.5: what the header itself changes."""
        streams, states = list[str](), dict[str, Json]()
        for fault in faults:
            if "organisation" in fault:
                member = f"member/{fault['organisation']}"
                streams += [member, f"validator/{fault['address']}"]
                known = states.get(member) or self.state(member) or {}
                states[member] = known | {"faults": known.get("faults", 0) + 1}
        self.touch(streams, len(self.leaves), without_state, states)

    def seal(self, header: bytes) -> bytes:
        """Append a header."""
        self.height, self.header_leaf = self.height + 1, leaf(header)
        self.leaves.append(self.header_leaf)
        return header

    def judge_common(self, policy: Json, time: str, key: str, name: str, event: Json, payload: bytes) -> None:
        """Page 6.2, steps 1 to 7."""
        if event["ledger"] != self.id:
            raise Refused("ledger")
        if event["eventId"] in self.payloads:
            index, known = self.payloads[event["eventId"]]
            raise Repeated(index) if known == payload else Refused("event-id")
        state = self.state(f"key/{key}")
        if state is None or state["actor"] != event["actor"]:
            raise Refused("key")
        rules = ["key"] if "until" in state or state.get("expires", "~") <= time else []
        actor = self.state(f"actor/{event['actor']}")
        if actor is None:
            raise Refused(*rules, "actor")
        for person in event.get("onBehalfOf", []):
            if (self.state(f"actor/{person}") or {}).get("kind") != "person":
                rules.append("actor")
        if not may(policy, actor, name) and not self.is_own_affair(name, event, actor):
            rules.append("role")
        if rules:
            raise Refused(*rules)

    def is_own_affair(self, name: str, event: Json, actor: Json) -> bool:
        """Step 7: what needs no role."""
        if name == "key.changed":
            return event["of"] == event["actor"] and event["change"] in ("rotate", "revoke", "compromise")
        if name != "approval.decided" or event["decision"] != "revoke":
            return False
        revoked = self.state(f"approval/{event['revokes']}") or {}
        return bool(set(revoked.get("persons", [])) & persons_of(event["actor"], actor))

    def state(self, stream: str) -> Json | None:
        """The state of a stream that exists."""
        return deepcopy(self.records[stream]["state"]) if stream in self.records else None

    def body(self, index: int) -> Json:
        """The predicate of an event, which may be of the block that is being run."""
        return self.bodies[index]
