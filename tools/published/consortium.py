"""consortium.json: a ledger of four members, how they change, and what one of them is proved to have done (docs/spec 13)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from muniment.core.format import checkpoint, encoding, note, tiles
from muniment.core.rules import chain, events, genesis, members
from muniment.core.rules.genesis import Founder, Genesis
from muniment.core.rules.members import Fault, Member, Publisher, Validators
from muniment.core.rules.policy import QUORUM, Agreement, Policy, Role
from muniment.errors import InvalidInput, InvariantError
from muniment.node.chain import batch
from published import cast
from published.book import Book
from published.cast import KEYS, Json, digest, encode64, moment
from published.scribe import Scribe

FOUNDERS = {"acme": "ada", "bank": "bob", "globex": "carol", "tuv": "dave"}
VOICES = {**FOUNDERS, "lab": "erin"}
COSIGNED_AT = 1_772_442_000
VOTERS = ("owner",)


def write() -> Json:
    """The ledger, block by block, and what is refused at its end."""
    story = tell()
    book = story.scribe.book
    ends = {"ledger": book.ledger, "origin": cast.ORIGIN, "chainId": f"muniment-{book.ledger[:32]}"}
    return {
        "about": "A ledger of four members: docs/spec 4, 6 and 13. `faults` are given to the state machine beside the entries.",
        **ends,
        "blocks": [_describe(story, height) for height in range(len(book.pages))],
        "records": {name: json.loads(book.records[name]) for name in sorted(book.records)},
        "refused": list(_refuse(story)),
        "transactions": _transactions(book),
    }


@dataclass(slots=True)
class Story:
    """The ledger, and what was given to it beside events."""

    scribe: Scribe
    faults: dict[int, tuple[Fault, ...]] = field(default_factory=dict)

    def end_block(self, *faults: Fault) -> None:
        """Seal what was written, with faults."""
        book = self.scribe.book
        self.faults[len(book.pages)] = faults
        book.seal(moment(len(book.pages)), self.scribe.waiting, faults)
        self.scribe.waiting.clear()

    def approve(self, label: str, *voices: str, **fields: str) -> list[str]:
        """Members approve a change of the members; the ids of their approvals."""
        of = {"member": fields["member"], "terms": digest(encoding.encode(fields).decode())}
        said: Json = {"of": of, "decision": "approve", "meaning": "approval"}
        for name in voices:
            self.scribe.write(f"{label}, says {name}", "approval.decided", actor=VOICES[name], **said)
        return sorted(self.scribe.id(f"{label}, says {name}") for name in voices)

    def change(self, label: str, *voices: str, **fields: str) -> None:
        """Members approve a change of the members, and it is made."""
        self.scribe.write(label, "member.changed", approvals=self.approve(label, *voices, **fields), **fields)


def tell() -> Story:
    """The whole story."""
    story = _begin()
    story.end_block(_fault("bank", 12))
    # Two of one member and one of a stranger, out of order and one of them twice, beside a change of that very member.
    story.change(
        "globex rotates",
        *("acme", "bank", "lab", "tuv"),
        **{"member": "globex", "change": "rotate", **_keys("globex 2", "validator", "cosigner")},
    )
    late = msgspec.structs.replace(_fault("globex", 15), time=moment(0, 1))
    stranger = msgspec.structs.replace(_fault("globex", 0), address="f" * 40)
    story.end_block(stranger, late, _fault("globex 2", 16, "light-client-attack"), _fault("globex", 15))
    publish = {"member": "bank", "change": "publish", "publisherKey": digest("bank publisher")}
    story.change("bank publishes", "acme", "globex", "lab", "tuv", **publish)
    story.end_block()
    story.change("acme leaves", "bank", "globex", "lab", "tuv", member="acme", change="remove")
    story.end_block()
    # Enough of these four to let somebody in, were it not that one of them leaves before it is done.
    story.approve("new comes", "bank", "globex", "tuv", **newcomer())
    # Two changes in one block: who publishes leaves, and another one goes back to a key that it had.
    story.change("bank leaves", "bank", "globex", "tuv", member="bank", change="remove")
    story.change("globex returns", "globex", "lab", "tuv", member="globex", change="rotate", **_keys("globex", "validator"))
    story.end_block(_fault("bank", 40))
    story.scribe.write("late system", "system.registered", actor="dave", name="scoring/late")
    story.end_block()
    return story


def tell_return() -> Story:
    """Another story with the same beginning: who was let in leaves again, and the members are those who founded it."""
    story = _begin()
    story.scribe.write("system of five", "system.registered", name="scoring/five")
    story.end_block()
    story.change("lab leaves", "acme", "bank", "globex", "tuv", member="lab", change="remove")
    story.end_block()
    story.scribe.write("system of four", "system.registered", name="scoring/four")
    story.end_block()
    return story


def _begin() -> Story:
    story = Story(Scribe(Book.found(founding(), moment(0))))
    story.scribe.write("system", "system.registered", name="scoring")
    story.end_block()
    # Whoever approves an admission sees first who speaks for the newcomer.
    erin: Json = {"of": "erin", "kind": "person", "organisation": "lab", "roles": list(VOTERS)}
    proof = msgspec.to_builtins(genesis.prove_key(cast.ORIGIN, "erin", KEYS["erin"]))
    story.scribe.write("lab's person", "actor.enrolled", keys=[proof], **erin)
    story.change("lab comes", "acme", "bank", "tuv", member="lab", change="admit", **_keys("lab", "validator", "cosigner"))
    story.end_block()
    return story


def founding() -> Genesis:
    """A person of each member who may do everything; a change of members asks for a quorum of them: three of four, four of five."""
    actors = tuple(
        Founder(
            id=name,
            kind="person",
            keys=(genesis.prove_key(cast.ORIGIN, name, KEYS[name]),),
            organisation=organisation,
            roles=VOTERS,
        )
        for organisation, name in FOUNDERS.items()
    )
    listed = tuple(
        Member(cosigner=KEYS[f"{name} cosigner"].public_key.hex(), key=digest(f"{name} validator"), organisation=name)
        for name in FOUNDERS
    )
    policy = Policy(roles=(Role(name="owner", may=("*",)),), amendment=(Agreement(role="owner", count=QUORUM),))
    publisher = Publisher(key=cast.LOG.public_key.hex(), organisation="acme")
    return Genesis(origin=cast.ORIGIN, actors=actors, policy=policy, members=listed, publisher=publisher)


def newcomer() -> dict[str, str]:
    """An admission that is not made."""
    return {"member": "new", "change": "admit", "validatorKey": digest("new validator"), "cosignerKey": digest("new cosigner")}


def _keys(name: str, *purposes: str) -> dict[str, str]:
    named = {"cosigner": "cosignerKey", "validator": "validatorKey"}
    return {
        named[each]: digest(f"{name} validator") if each == "validator" else KEYS[f"{name} cosigner"].public_key.hex()
        for each in purposes
    }


def _fault(name: str, height: int, kind: str = "duplicate-vote") -> Fault:
    address = members.address(digest(f"{name} validator"))
    return msgspec.convert({"address": address, "height": height, "kind": kind, "time": moment(0)}, Fault)


def _describe(story: Story, height: int) -> Json:
    """A block, and the checkpoint that ends with it: cosigned by a quorum of the members before it."""
    book = story.scribe.book
    page = book.pages[height]
    first = page.header.size - len(page.entries)
    listed = []
    for index, raw in enumerate(page.entries, first):
        event = events.decode(book.event(index))
        listed.append({"index": index, "event": event.NAME, "streams": list(events.streams(event)), "entry": encode64(raw)})
    judges = chain.validators_in_force(book.until(max(0, height - 1)))
    assert judges is not None
    described: Json = {
        "height": height,
        "time": page.header.time,
        "entries": listed,
        "faults": [msgspec.to_builtins(each) for each in story.faults.get(height, ())],
        "header": book.raw_entries[page.header.size].decode(),
        "root": page.root.hex(),
        "judges": msgspec.to_builtins(judges),
        "quorum": judges.quorum,
        "checkpoint": cosign(page.checkpoint, judges).decode(),
        "records": {name: json.loads(raw) for name, raw in page.records.items()},
    }
    if page.header.validators is not msgspec.UNSET:
        after = members.decode(bytes(page.header.validators))
        described["updates"] = _updates(judges, after)
    return described


def cosign(raw: bytes, judges: Validators) -> bytes:
    """A checkpoint as a quorum of members cosigned it, and whoever publishes, if its key is here, signed it."""
    signed = note.parse(raw)
    by_key = {signer.public_key.hex(): signer for signer in KEYS.values()}
    lines = [
        checkpoint.cosign(signed, members.cosigner_name(cast.ORIGIN, each.organisation), by_key[each.cosigner], COSIGNED_AT)
        for each in judges.members[: judges.quorum]
    ]
    publishes = judges.publisher is not msgspec.UNSET and judges.publisher.key in by_key
    text = signed.text.encode() + b"\n"
    return checkpoint.attach(raw, lines) if publishes else text + "".join(lines).encode()


def _updates(before: Validators, after: Validators) -> list[Json]:
    old, new = ({each.key for each in found.members} for found in (before, after))
    return [{"key": key, "power": int(key in new)} for key in sorted(old ^ new)]


def _refuse(story: Story) -> Iterator[Json]:
    """Changes of members that the rules refuse after the last block."""
    scribe, book = story.scribe, story.scribe.book
    taken = {name: digest(f"{name} validator") for name in ("bank", "tuv")}
    gone: Json = {"member": "bank", "change": "rotate"}
    cosigners = {name: KEYS[f"{name} cosigner"].public_key.hex() for name in ("bank", "tuv")}
    new: Json = {**newcomer()}
    left = {**new, "approvals": sorted(scribe.id(f"new comes, says {name}") for name in ("bank", "globex", "tuv"))}
    cases: tuple[tuple[str, str, str, Json, tuple[str, ...]], ...] = (
        ("nobody approved it", "dave", "member.changed", new, ("amendment",)),
        ("a quorum approved it, of whom one left", "dave", "member.changed", left, ("amendment",)),
        ("a member comes again", "dave", "member.changed", new | {"member": "tuv"}, ("amendment", "member")),
        ("who left rotates", "dave", "member.changed", gone | {"validatorKey": digest("x")}, _BOTH),
        (
            "who left publishes",
            "dave",
            "member.changed",
            {"member": "bank", "change": "publish", "publisherKey": digest("x")},
            _BOTH,
        ),
        ("nobody leaves", "dave", "member.changed", {"member": "nobody", "change": "remove"}, _BOTH),
        ("the validator's key of one who left", "dave", "member.changed", new | {"validatorKey": taken["bank"]}, _KEY),
        ("the validator's key of another", "dave", "member.changed", new | {"validatorKey": taken["tuv"]}, _KEY),
        ("another's cosigning key", "dave", "member.changed", new | {"cosignerKey": cosigners["tuv"]}, _KEY),
        ("the cosigning key of one who left", "dave", "member.changed", new | {"cosignerKey": cosigners["bank"]}, _KEY),
        ("a cosigning key that votes", "dave", "member.changed", new | {"cosignerKey": taken["tuv"]}, _KEY),
        (
            "a key that cosigns, to publish with",
            "dave",
            "member.changed",
            {"member": "tuv", "change": "publish", "publisherKey": cosigners["tuv"]},
            _KEY,
        ),
        ("somebody else's person", "dave", "actor.enrolled", {"of": "carol", "kind": "person"}, ("organisation",)),
        (
            "a person for another member",
            "dave",
            "actor.enrolled",
            {"of": "frank", "kind": "person", "organisation": "globex"},
            ("organisation",),
        ),
        (
            "another member's key revoked",
            "dave",
            "key.changed",
            {"of": "carol", "change": "revoke", "key": KEYS["carol"].public_key.hex()},
            ("organisation",),
        ),
    )
    for name, actor, event, fields, wanted in cases:
        raw = scribe.sign(name, event, actor=actor, **fields)
        (verdict,) = book.judge(moment(60), [raw]).verdicts
        rules = list(dict.fromkeys(reason.rule for reason in verdict.reasons))
        if rules != list(wanted):
            raise InvariantError(f"{name}: expected {wanted}, the rules say {rules}")
        yield {"name": name, "time": moment(60), "entry": encode64(raw), "rules": rules}


_BOTH, _KEY = ("amendment", "member"), ("amendment", "member-key")


def _transactions(book: Book) -> Json:
    """Batches of envelopes, good and bad."""
    nonce = bytes(range(8))
    entries = [raw for raw in book.raw_entries if raw.startswith(b'{"payload"')][:2]
    bundle = tiles.encode_bundle(entries)
    good = nonce + _store(bundle)
    small = [b"{}"] * 201
    bad = {
        "nothing": b"",
        "a nonce and nothing else": nonce,
        "a short nonce": good[1:],
        "cut off": good[:-1],
        "something behind": good + b"\x00",
        "not compressed": nonce + bundle,
        "an envelope cut off": nonce + _store(bundle[:-1]),
        "too many": nonce + _store(b"".join(len(each).to_bytes(2, "big") + each for each in small)),
    }
    for name, raw in bad.items():
        try:
            batch.decode(raw)
        except InvalidInput as error:
            if error.code != "bad-batch":
                raise
        else:
            raise InvariantError(name)
    return {
        "good": [{"bytes": encode64(good), "nonce": encode64(nonce), "entries": list(map(encode64, entries))}],
        "bad": [{"name": name, "bytes": encode64(raw), "code": "bad-batch"} for name, raw in bad.items()],
    }


def _store(bundle: bytes) -> bytes:
    """A zlib stream that every release of zlib writes alike: nothing in it is compressed."""
    return zlib.compress(bundle, 0)
