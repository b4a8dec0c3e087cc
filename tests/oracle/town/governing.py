"""What changes the town's own order: people and their roles, keys, the policy, members, marks on records."""

from __future__ import annotations

import json
from typing import Any

import makers
from muniment.core.format import dsse
from muniment.core.rules import events, genesis, policy
from muniment.ledger.signers import SeedSigner
from oracle.council import PURPOSES, sitting, uses
from oracle.people import actor, organisation, roles
from oracle.town.people import PERSONS, SERVICES, VERSIONS, Town, key_of
from oracle.voices import digest_of

ORGANISATIONS = ("acme", "acme", "bank", "tuv")
CHANGES = ("admit", "rotate", "rotate", "rotate", "publish", "publish", "remove")


def _prove(name: str, signer: SeedSigner) -> dict[str, str]:
    proof = genesis.prove_key(makers.ORIGIN, name, signer)
    return {"key": proof.key, "proof": proof.proof}


def enrol(town: Town) -> list[bytes]:
    """Somebody gets or loses a role, a service somebody else to answer for it."""
    of = town.one((*town.keys, "zoe", "zoe"))
    known = actor(town.chronicle.history, of)
    kind = "service" if of in SERVICES else "person"
    signer = town.keys.get(of)
    keys = []
    if signer is None or town.maybe(0.1):
        town.keys[of] = signer = signer or SeedSigner(of.encode().ljust(32, b"."))
        keys = [_prove(of, signer)]
    held = set(roles(town.chronicle.history, of)) if known and town.maybe(0.8) else set()
    held |= {town.one(("approver", "risk", "builder", "deployer"))} if town.maybe(0.5) else set()
    held |= {"stranger"} if town.maybe(0.04) else set()
    responsible = town.some(("tess", "ann", "ben"), 0.35) if kind == "service" else []
    responsible += ["ci"] if responsible and town.maybe(0.05) else []
    said = {"of": of, "kind": kind if town.maybe(0.97) else "organisation", "roles": sorted(held), "keys": keys}
    of_whom = organisation(town.chronicle.history, of) if town.maybe(0.8) else town.one(ORGANISATIONS)
    author = next((each for each in town.keys if organisation(town.chronicle.history, each) == of_whom), "adam")
    author = "adam" if town.maybe(0.5) else author
    return [town.say("actor.enrolled", author, responsible=sorted(responsible), organisation=of_whom, **said)]


def change_key(town: Town) -> list[bytes]:
    """A key ends; most of those who lose one get another."""
    of = town.one((*PERSONS, "ci", "desk"))
    change = town.one(("rotate", "revoke", "compromise", "compromise", "add"))
    old, new = town.keys[of], town.new_key()
    author = town.one(("adam", of))
    fields: dict[str, Any] = {"of": of, "change": change}
    if change in ("add", "rotate"):
        fields |= _prove(of, new) | {"expiresAt": town.later() if town.maybe(0.4) else None}
        fields["claimsDigest"] = town.one("ab") * 64 if town.maybe(0.3) else None
    else:
        fields["key"] = (old if town.maybe(0.95) else town.keys["tess"]).public_key.hex()
    if change == "rotate":
        fields["replaces"] = old.public_key.hex()
    if change == "compromise":
        entries = town.chronicle.history.entries
        near = town.random.choice(entries).index if entries and town.maybe(0.9) else town.chronicle.position.frontier.size
        fields["fromIndex"] = max(0, near + town.random.choice((-1, 0, 1, 1)))
    raws = [town.say("key.changed", author, "", old if author == of else None, **fields)]
    if change in ("add", "rotate"):
        town.keys[of] = new
    elif town.maybe(0.9):
        raws.append(town.say("key.changed", "adam", of=of, change="add", **_prove(of, new)))
        town.keys[of] = new
    return raws


def compromise(town: Town, of: str, key: str, index: int) -> list[bytes]:
    """What a key signed from an entry on is disputed; its holder gets another one."""
    new = town.new_key()
    lost = town.say("key.changed", "adam", of=of, change="compromise", key=key, fromIndex=index)
    added = town.say("key.changed", "adam", of=of, change="add", **_prove(of, new))
    town.keys[of] = new
    return [lost, added]


def reappoint(town: Town, of: str, held: list[str]) -> bytes:
    """The same actor with other roles."""
    known = actor(town.chronicle.history, of) or {"kind": "person"}
    said = {"kind": known["kind"], "responsible": known.get("responsible"), "organisation": known.get("organisation")}
    return town.say("actor.enrolled", "adam", of=of, roles=held, **said)


def restore(town: Town) -> list[bytes]:
    """Somebody has his first role again."""
    of = town.one(PERSONS)
    return [reappoint(town, of, [PERSONS[of]] if PERSONS[of] else [])]


def amend(town: Town) -> list[bytes]:
    """An amendment, back and forth between few policies."""
    chosen = town.random.choice(town.policies[:2] if town.maybe(0.7) else town.policies)
    told = json.loads(policy.encode(chosen))
    of = {"policy": digest_of(told) if town.maybe(0.95) else VERSIONS[0]}
    return _decide(town, of, town.one(("adam", "adam", "adam", "rick")), "policy.amended", {"policy": told})


def change_member(town: Town) -> list[bytes]:
    """An organisation comes, comes again, goes, gets other keys, or publishes; at times with a key that is somebody's."""
    member = town.one(ORGANISATIONS)
    change = town.one(CHANGES if member in sitting(town.chronicle.history) and town.maybe(0.9) else ("admit", "admit", *CHANGES))
    named: dict[str, list[str]] = {"admit": ["validatorKey", "cosignerKey"], "publish": ["publisherKey"], "remove": []}
    purposes = named[change] if change in named else town.some(PURPOSES[:2], 0.7) or [PURPOSES[0]]
    taken = [each.key for each in uses(town.chronicle.history)]
    terms = {"change": change, "member": member}
    for each in purposes:
        terms[each] = town.one(taken) if taken and town.maybe(0.15) else key_of(member, each, town.random.choice((1, 2)))
    if terms.get("validatorKey") == terms.get("cosignerKey", ""):
        return []
    of = {"member": terms["member"], "terms": digest_of(terms) if town.maybe(0.95) else VERSIONS[0]}
    return _decide(town, of, "adam", "member.changed", terms)


def _decide(town: Town, of: dict[str, str], actor: str, name: str, fields: dict[str, Any]) -> list[bytes]:
    """Approvals, and what they are for, at once or in a later block; what was approved long ago is tried again at times."""
    earlier = town.decisions(**of)[-40:]
    approvals = [] if earlier and town.maybe(0.4) else _vote(town, of)
    if town.maybe(0.7):
        town.plans.append(lambda town: [town.say(name, actor, approvals=sorted(town.decisions(**of)[-60:]), **fields)])
        return approvals
    named = sorted({*(_id(raw) for raw in approvals), *town.some(earlier, 0.5)})
    return [*approvals, town.say(name, actor, approvals=named, **fields)]


def upgrade(town: Town) -> list[bytes]:
    # The one that follows would be admitted, and this release could not go on.
    return [town.say("protocol.upgraded", "adam", protocol=town.random.choice((0, 1, 3)))]


def mark(town: Town) -> list[bytes]:
    """An earlier event is corrected, kept or redacted."""
    marked = [each.event["target"] for each in town.chronicle.history.all("record.amended")]
    target = town.one(marked if marked and town.maybe(0.6) else town.ids[town.one([*town.ids] or ["none"])] or [town.fresh()])
    about = ["policy"]
    if town.chronicle.replay.find(target) is not None:
        about = list(events.streams(town.chronicle.event(target)))
    kind = town.one(("preserve", "preserve", "unpreserve", "redact", "redact", "correct"))
    return [town.say("record.amended", "adam", target=target, about=about, kind=kind)]


def report(town: Town) -> list[bytes]:
    said = {"of": town.one(("eve", "tess", "nobody")), "attempted": "deployment.changed", "payloadDigest": "e" * 64}
    return [town.say("attempt.refused", town.one(("adam", "bot", "desk")), rules=["approvals"], **said)]


def _vote(town: Town, of: dict[str, object]) -> list[bytes]:
    voters = [each for role in ("approver", "risk") for each in town.some(town.holders(role), 0.7)]
    said = {"of": of, "meaning": "approval", "decision": town.one(("approve",) * 6 + ("reject",))}
    return [town.say("approval.decided", each, **said) for each in voters]


def _id(raw: bytes) -> str:
    return events.decode(dsse.decode(raw).payload).event_id
