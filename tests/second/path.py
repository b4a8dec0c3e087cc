"""The trust path (docs/spec 11.6): who judges a checkpoint, where the members changed."""

from __future__ import annotations

import json
from typing import Any

from second.forms import Json, canonical, leaf, sha256
from second.head import PROTOCOL, Failed, Head, Trust, consistent, demand, hash64, valid

MOST = 64


def vkey(name: str, type_: int, key: bytes) -> tuple[str, bytes, bytes]:
    return name, sha256(name.encode() + b"\n" + bytes([type_]) + key)[:4], key


class Set(Trust):
    """A trust file made of a set of members, or of one operator's keys."""

    def __init__(self, origin: str, ledger: str, validators: Json | None, logs: list[tuple[str, bytes, bytes]]) -> None:
        self.origin, self.ledger, self.logs = origin, ledger, logs
        self.cosigners, self.quorum = [], 0
        if validators is not None:
            members = check(validators)
            keys = [bytes.fromhex(each["cosigner"]) for each in members]
            names = [each["organisation"] for each in members]
            self.cosigners = [(vkey(f"{origin}/{n}", 4, k), n, "voted") for n, k in zip(names, keys, strict=True)]
            self.quorum = 2 * len(members) // 3 + 1
            own = [vkey(origin, 1, bytes.fromhex(validators["publisher"]["key"]))] if "publisher" in validators else []
            self.logs = [each for each in dict.fromkeys(own + logs) if each[2] not in keys][:MOST]


def check(validators: Any) -> list[Json]:
    """Page 4.1: a set of members."""
    try:
        members, publisher = validators["members"], validators.get("publisher")
        fields = {"cosigner", "key", "organisation"}
        names = [each["organisation"] for each in members]
        keys = [each[name] for each in members for name in ("key", "cosigner")] + ([publisher["key"]] if publisher else [])
        good = (
            all(set(each) == fields for each in members)
            and set(validators) <= {"members", "publisher"}
            and 1 <= len(members) <= MOST
            and names == sorted(set(names))
            and "none" not in names
            and len(set(keys)) == len(keys)
            and (publisher is None or (set(publisher) == {"key", "organisation"} and publisher["organisation"] in names))
        )
    except (KeyError, TypeError, AttributeError):
        good = False
    demand(good, 8, "path-members")
    return members  # type: ignore[no-any-return]


def led(trust: Trust) -> bool:
    """Does a path lead on from this trust file?"""
    names = [name for _, name, _ in trust.cosigners]
    plain = all(said == "voted" and key[0] == f"{trust.origin}/{name}" for key, name, said in trust.cosigners)
    of_members = bool(names) and len(set(names)) == len(names) and trust.quorum == 2 * len(names) // 3 + 1 and plain
    return of_members or alone(trust)


def alone(trust: Trust) -> bool:
    return not trust.cosigners and not trust.quorum


def same(one: Trust, other: Trust) -> bool:
    return set(one.cosigners) == set(other.cosigners) and one.quorum == other.quorum


def open_header(raw: bytes, index: int) -> Json:
    try:
        header: Json = json.loads(raw)
        good = canonical(header) == raw and {"height", "time", "previous", "size", "root", "state", "protocol"} <= set(header)
    except (ValueError, TypeError):
        good = False
    demand(good, 8, "header-form")
    demand(header["protocol"] == PROTOCOL, 8, "protocol-unknown")
    demand(header["size"] == index, 8, "header-index")
    return header


def open_note(note: str, judges: Trust) -> tuple[int, bytes]:
    body, _, signatures = note.rpartition("\n\n")
    text = body + "\n"
    origin, size, root = text.split("\n")[:3]
    demand(origin == judges.origin, 2, "origin")
    blobs = [(line.split(" ")[1], hash64(line.split(" ")[2])) for line in signatures[:-1].split("\n")]
    logs = [] if judges.quorum else judges.logs
    keys = {(name, identifier): key for name, identifier, key in logs}
    if not judges.quorum:
        signed = [(blob, keys[name, blob[:4]]) for name, blob in blobs if (name, blob[:4]) in keys]
        demand(all(valid(key, text.encode(), blob[4:]) for blob, key in signed), 3, "log-signature")
        demand(bool(signed), 3, "log-key-unknown")
    keys |= {key[:2]: key[2] for key, _, _ in judges.cosigners}
    lines = [(name, blob[:4]) for name, blob in blobs]
    demand(len(set(lines)) == len(lines) and set(lines) <= set(keys), 4, "path-line")
    for name, blob in blobs if judges.quorum else []:
        message = f"cosignature/v1\ntime {int.from_bytes(blob[4:12], 'big')}\n{text}".encode()
        demand(valid(keys[name, blob[:4]], message, blob[12:]), 4, "cosignature")
    demand(len(lines) >= judges.quorum, 4, "path-quorum")
    return int(size), hash64(root)


def walk(trust: Trust, steps: list[Json]) -> list[tuple[int, Trust]]:
    """Every set, with the size above which it judges."""
    from second.verifier import include

    for number, step in enumerate(steps):
        bare = not {"note", "proof", "consistency"} & set(step)
        demand(bare if number == 0 else "note" in step, 1, "path-form")
    raw = hash64(steps[0]["header"])
    demand(leaf(raw).hex() == trust.ledger, 2, "path-genesis")
    genesis = open_header(raw, 0)["genesis"]
    founders = {name: genesis[name] for name in ("members", "publisher") if name in genesis}
    # Where nobody founded it together, the reader knows whose keys they were.
    begun = Set(trust.origin, trust.ledger, founders, []) if founders else Set(trust.origin, trust.ledger, None, trust.logs)
    stages: list[tuple[int, Trust]] = [(0, begun)]
    before, root = 1, leaf(raw)
    for step in steps[1:]:
        judges = stages[-1][1]
        size, now = open_note(step["note"], judges)
        demand(size > before, 4, "path-order")
        proof = [hash64(each) for each in step.get("consistency", [])]
        demand(consistent(before, size, proof, root, now), 5, "consistency")
        header = hash64(step["header"])
        include(leaf(header), size - 1, size, [hash64(each) for each in step.get("proof", [])], now)
        opened = open_header(header, size - 1)
        demand("validators" in opened, 8, "path-members")
        stages.append((size, Set(trust.origin, trust.ledger, opened["validators"], judges.logs)))
        before, root = size, now
    return stages


class Bench:
    """Whom a reader believes, as far as a path leads."""

    def __init__(self, trust: Trust, steps: list[Json]) -> None:
        self.trust, self.stages, self.own = trust, [(0, trust)], 0
        if steps and led(trust):
            stages = walk(trust, steps)
            own = max((at for at, (_, each) in enumerate(stages) if same(each, trust)), default=-1)
            if own >= 0 or not alone(trust):
                self.stages, self.own = stages, own

    def open(self, note: str, wanted: str | None, max_age: int | None) -> tuple[Head, str]:
        """Steps 2 to 4, and whether those who judged are of a former or a later time."""
        size = int(note.split("\n")[1])
        at = max(number for number, (above, _) in enumerate(self.stages) if number == 0 or above < size)
        judges = self.stages[at][1]
        head = Head(note, judges, wanted or ("witnessed" if self.trust.quorum or judges.quorum else "solo"))
        found = "" if same(judges, self.trust) else "former" if self.own < 0 or at < self.own else "later"
        if found == "former" and max_age is not None:
            raise Failed(6, "former-members")
        return head, found
