"""Who stands behind a checkpoint, and how it relates to a pin (docs/spec 11.1, 11.3 and 11.4; steps 2 to 6)."""

from __future__ import annotations

import base64
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from second.forms import Json, sha256


class Failed(Exception):
    """A verification that failed at a numbered step."""

    def __init__(self, step: int, code: str) -> None:
        super().__init__(f"{step} {code}")
        self.step, self.code = step, code


PROTOCOL = 1


def demand(condition: bool, step: int, code: str) -> None:
    if not condition:
        raise Failed(step, code)


def valid(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(public).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def hash64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


class Trust:
    """Page 11.1."""

    def __init__(self, text: str) -> None:
        document = tomllib.loads(text)
        self.origin, self.ledger = document["origin"], document["ledger"]
        self.logs = [self.key(vkey) for vkey in document.get("log_keys", [])]
        self.cosigners = [
            (self.key(each["vkey"]), each["organisation"], each["statement"]) for each in document.get("cosigners", [])
        ]
        self.quorum = 0 if document["quorum"] == "none" else int(document["quorum"].split()[0])

    @staticmethod
    def key(vkey: str) -> tuple[str, bytes, bytes]:
        name, identifier, material = vkey.split("+", 2)
        return name, bytes.fromhex(identifier), hash64(material)[1:]


class Head:
    """Steps 2 to 4: a checkpoint and who stands behind it (page 11.3)."""

    def __init__(self, note: str, trust: Trust, wanted: str | None) -> None:
        body, _, signatures = note.rpartition("\n\n")
        text = body + "\n"
        self.origin, size, root = text.split("\n")[:3]
        self.size, self.root = int(size), hash64(root)
        demand(self.origin == trust.origin, 2, "origin")
        lines = [line.split(" ") for line in signatures[:-1].split("\n")]
        found = [(name, hash64(blob)[:4], hash64(blob)[4:]) for _, name, blob in lines]
        signed = False
        for name, identifier, blob in found:
            for key in trust.logs:
                if (name, identifier) == key[:2]:
                    demand(valid(key[2], text.encode(), blob), 3, "log-signature")
                    signed = True
        voting = any(statement == "voted" for *_, statement in trust.cosigners)
        demand(signed or voting, 3, "log-key-unknown")
        voices: dict[str, tuple[int, int]] = {}
        for name, identifier, blob in found:
            for key, organisation, statement in trust.cosigners:
                if (name, identifier) == key[:2]:
                    time = int.from_bytes(blob[:8], "big")
                    demand(valid(key[2], f"cosignature/v1\ntime {time}\n{text}".encode(), blob[8:]), 4, "cosignature")
                    strength = ("append-only", "replayed", "voted").index(statement)
                    before = voices.get(organisation, (0, 0))
                    voices[organisation] = max(before[0], strength), max(before[1], time)
        self.times = sorted((time for _, time in voices.values()), reverse=True)
        strengths, k = [strength for strength, _ in voices.values()], trust.quorum
        self.tier, self.basis = "solo", "asserted"
        if k and len(voices) >= k:
            self.tier = "consortium" if strengths.count(2) >= k else "witnessed"
            self.basis = (
                "voted" if self.tier == "consortium" else "replayed-by" if sum(s > 0 for s in strengths) >= k else "asserted"
            )
        voters = {organisation for _, organisation, statement in trust.cosigners if statement == "voted"}
        demand(signed or (bool(voices) and 0 < k <= len(voters)), 3, "log-key-unknown")
        demand(signed or self.tier == "consortium", 4, "quorum")
        tiers = ("solo", "witnessed", "consortium")
        demand(tiers.index(self.tier) >= tiers.index(wanted or ("witnessed" if k else "solo")), 4, "quorum")
        self.quorum_time = self.times[k - 1] if self.tier != "solo" else None


def consistent(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162, 2.1.4.2."""
    if old == new or not old:
        return False
    if old & (old - 1) == 0:
        proof = [old_root, *proof]
    if not proof:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for each in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha256(b"\x01" + each + fr), sha256(b"\x01" + each + sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha256(b"\x01" + sr + each)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def check_pin(pin: Json, head: Head, ask: Callable[[int, int], list[bytes]] | None) -> str:
    """Step 5, page 11.4, for a file: `same`, `newer` or `older`."""
    size, root = pin["size"], bytes.fromhex(pin["root"])
    if size == head.size:
        demand(root == head.root, 5, "split-view-same-size")
        return "same"
    if ask is None:
        raise Failed(5, "consistency-missing")
    (old, old_root), (new, new_root) = sorted([(size, root), (head.size, head.root)])
    proof = ask(old, new)
    if consistent(old, new, proof, old_root, new_root):
        return "newer" if head.size > size else "older"
    # Does it lead from another root? Only one can: that of the larger tree, which the proof itself gives.
    other = other_root(old, proof, ask)
    raise Failed(5, "split-view-inconsistent" if other and consistent(old, new, proof, other, new_root) else "split-view-unproved")


def other_root(old: int, proof: list[bytes], ask: Callable[[int, int], list[bytes]]) -> bytes | None:
    """The root at the smaller size that a proof leads from."""
    if old & (old - 1) == 0:
        return None
    fn, fr = old - 1, proof[0] if proof else b""
    while fn & 1:
        fn >>= 1
    for each in proof[1:]:
        if fn & 1:
            fr = sha256(b"\x01" + each + fr)
        fn >>= 1
    return fr


def check_clocks(head: Head, header_time: str, now: str | None, max_age: int | None) -> bool:
    """Step 6."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    try:
        _ = [epoch + timedelta(seconds=each) for each in head.times]
    except OverflowError:
        raise Failed(6, "clock") from None
    if now is None or max_age is None:
        return False
    first = datetime.fromisoformat(header_time)
    if head.quorum_time is not None:
        first = epoch + timedelta(seconds=head.quorum_time)
    age = datetime.fromisoformat(now) - first
    demand(age >= timedelta(seconds=-300), 6, "clock")
    demand(age <= timedelta(seconds=max_age), 6, "stale")
    return True
