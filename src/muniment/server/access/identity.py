"""A key for a job: a workload shows a provider's token, and an enrolled service of the ledger has its key admitted for a while.

The server only proposes: it signs `actor.enrolled` (where the workload is new) and `key.changed` with the key of the service that
the settings name, and the rules in force decide whether that service may. The key that is added proves that the workload holds it,
ends by itself, and carries the SHA-256 of the claims for which it was admitted. What keeps this narrow:

- only services get keys in this way, never a person, never the identity service itself, and none that has a key of its own;
- the actor is the one that the token's claim names, and has no roles but those that the settings allow the provider;
- a token admits one key in one ledger: who steals it after that can do nothing with it here.
"""

from __future__ import annotations

import msgspec

from muniment.core.format import dsse, time
from muniment.core.format.encoding import HexDigest, Segment, Value
from muniment.core.rules import events, genesis
from muniment.core.rules.genesis import KeyProof, Signature
from muniment.core.rules.policy import PolicyViolation, Verdict
from muniment.core.rules.records import Actor, Key
from muniment.errors import InvalidInput, NotFound, Unavailable
from muniment.ledger import signers
from muniment.ledger.embedded import system_clock
from muniment.ledger.ids import new_event_id
from muniment.ledger.refusals import NODE
from muniment.ledger.signers import FileSigner
from muniment.net.wire import Submitted
from muniment.server.access.oidc import Claimed
from muniment.server.hosting import Hosted
from muniment.server.problems import Forbidden, Unauthenticated
from muniment.server.settings import Settings
from muniment.server.state_file import StateFile
from muniment.server.submitting import Batch


class Wanted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A key that a workload wants to sign with.

    actor: who the workload is in the ledger; the token must name the same
    key: the public key, 64 hex
    proof: the key's own signature over actor, key and the ledger's origin, as in a key request
    """

    actor: Segment
    key: HexDigest
    proof: Signature


class Admitted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key that may sign now.

    expiresAt: from then on the ledger refuses what it signs
    claimsDigest: SHA-256 of the token's claims, as its issuer signed them
    eventId, index: the event that admitted it, and its entry; not there where the key had been admitted before
    """

    actor: str
    key: str
    expires_at: str
    claims_digest: str
    event_id: str | None = None
    index: int | None = None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written, and what the workload is told then."""

    entries: tuple[bytes, ...]
    admitted: Admitted

    def batch(self) -> Batch:
        """The entries as one request; enrolment and key go into one block."""
        return Batch(entries=self.entries)


def admit(claimed: Claimed | None, ledger: str | None) -> Claimed:
    """Check that a caller may ask for keys in a ledger, by its served name; None where there is none, which is told to nobody else.

    Raises Unauthenticated, Forbidden.
    """
    if claimed is None:
        raise Unauthenticated("this needs a token of an identity provider", code="oidc-needed")
    if not claimed.provider.ephemeral:
        raise _forbid("workloads of this provider have no keys for jobs", "oidc-no-keys")
    if claimed.provider.ledgers and ledger not in claimed.provider.ledgers:
        raise _forbid("this provider's tokens are for other ledgers", "oidc-ledger")
    return claimed


def check(claimed: Claimed | None, hosted: Hosted, wanted: Wanted) -> Claimed:
    """Check that a token lets its holder ask for this key. Raises Unauthenticated, Forbidden, InvalidInput (`key-proof`)."""
    claimed = admit(claimed, hosted.name)
    if not claimed.actor or claimed.actor != wanted.actor:
        raise _forbid(f"the token's claim {claimed.provider.actor_claim} names another actor", "oidc-actor")
    genesis.check_key(hosted.origin, wanted.actor, KeyProof(key=wanted.key, proof=wanted.proof))
    return claimed


def propose(hosted: Hosted, settings: Settings, claimed: Claimed, wanted: Wanted) -> Admission:
    """The events that admit the key, signed by the identity service; none where the key was admitted for the same claims.

    Raises Forbidden for an actor that is a person or holds other roles, Unavailable where no identity service is set up.
    """
    service = settings.identity_actor
    signer, stands_for = _load_signer(hosted, service)
    if wanted.actor in (service, NODE):
        raise _forbid("this actor gets no keys for jobs", "oidc-actor")
    before = hosted.reader.state(f"key/{wanted.key}", Key)
    if before is not None:
        return Admission(entries=(), admitted=_again(before, claimed, wanted))
    known = hosted.reader.state(f"actor/{wanted.actor}", Actor)
    _check_actor(known, claimed)
    _check_keys(hosted, wanted.actor)
    entries: list[bytes] = []
    if known is None:
        if not stands_for.responsible:
            raise Unavailable(
                f"nobody answers for the identity service {service}",
                code="no-identity-service",
                hint=f"Say who does: `muniment keys roles {service} --responsible PERSON`.",
            )
        enrolment: dict[str, Value] = {
            "of": wanted.actor,
            "kind": "service",
            "responsible": [*stands_for.responsible],
            "roles": [*sorted(set(claimed.provider.ephemeral_roles))],
        }
        entries.append(_sign(hosted, service, signer, "actor.enrolled", enrolment)[0])
    expires = time.format(system_clock() + claimed.provider.ephemeral_seconds * 1_000_000)
    change: dict[str, Value] = {
        "of": wanted.actor,
        "change": "add",
        "key": wanted.key,
        "proof": wanted.proof,
        "expiresAt": expires,
        "claimsDigest": claimed.digest,
    }
    raw, event_id = _sign(hosted, service, signer, "key.changed", change)
    admitted = Admitted(actor=wanted.actor, key=wanted.key, expires_at=expires, claims_digest=claimed.digest, event_id=event_id)
    return Admission(entries=(*entries, raw), admitted=admitted)


def bind(file: StateFile, ledger: str, claimed: Claimed, key: str) -> None:
    """Let a token stand for this key and ledger alone, from now on and in every process. Raises Forbidden (`oidc-replayed`)."""
    with file.writing() as sql:
        sql.execute("DELETE FROM workload WHERE expires <= ?", (system_clock(),))
        sql.execute(
            "INSERT INTO workload VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (claimed.token, ledger, key, claimed.expires_us)
        )
        bound = sql.execute("SELECT ledger, key FROM workload WHERE token = ?", (claimed.token,)).fetchone()
    if bound != (ledger, key):
        raise _forbid("this token has had another key admitted", "oidc-replayed")


def conclude(admission: Admission, answer: bytes) -> Admission:
    """What the ledger answered. Raises PolicyViolation where the rules do not let the identity service do this."""
    verdicts = msgspec.json.decode(answer, type=Submitted).verdicts
    for each in verdicts:
        if each.decision == "refused":
            raise PolicyViolation(Verdict(decision="refused", event_id=each.event_id, index=-1, reasons=each.reasons))
    index = verdicts[-1].index
    return msgspec.structs.replace(
        admission, admitted=msgspec.structs.replace(admission.admitted, index=None if index is msgspec.UNSET else index)
    )


def _load_signer(hosted: Hosted, service: str) -> tuple[FileSigner, Actor]:
    stands_for = hosted.reader.state(f"actor/{service}", Actor) if service else None
    try:
        if stands_for is None or stands_for.kind != "service":
            raise NotFound("no identity service is enrolled")
        return signers.load_file(hosted.home.actor_key(service)), stands_for
    except (NotFound, InvalidInput):
        raise Unavailable(
            "this server admits no keys for jobs",
            code="no-identity-service",
            hint="Enrol a service that may write key.changed, keep its key here, and name it with --identity-actor.",
        ) from None


def _again(before: Key, claimed: Claimed, wanted: Wanted) -> Admitted:
    """A key that the ledger knows: admitted by the same token, such as after an answer that was lost, or none of ours."""
    if before.actor != wanted.actor or before.claims != claimed.digest or before.until is not msgspec.UNSET:
        raise _forbid("the ledger knows this key already", "key-known")
    return Admitted(actor=wanted.actor, key=wanted.key, expires_at=str(before.expires), claims_digest=claimed.digest)


def _check_actor(known: Actor | None, claimed: Claimed) -> None:
    allowed = claimed.provider.ephemeral_roles
    if known is not None and known.kind != "service":
        raise _forbid(f"a {known.kind} signs with a key of its own", "oidc-actor")
    excess = sorted(set(known.roles) - set(allowed)) if known is not None else []
    if excess:
        raise _forbid(f"this provider's workloads may not be {excess[0]}", "oidc-roles")


def _check_keys(hosted: Hosted, actor: str) -> None:
    """Check that nobody else is this actor: a service with a key that was admitted by hand signs with that one."""
    for row in hosted.reader.index.keys_of(actor):
        key = hosted.reader.state(f"key/{row.key}", Key)
        if key is not None and key.claims is msgspec.UNSET and key.until is msgspec.UNSET:
            raise _forbid(f"{actor} signs with a key of its own", "oidc-actor")


def _sign(hosted: Hosted, service: str, signer: FileSigner, name: str, fields: dict[str, Value]) -> tuple[bytes, str]:
    event_id = new_event_id()
    common: dict[str, Value] = {
        "ledger": hosted.reader.id,
        "eventId": event_id,
        "occurredAt": time.format(system_clock()),
        "actor": service,
        "grade": "attested",
    }
    event = events.build(name, {**common, **fields})
    return dsse.encode(dsse.sign(events.encode(event), signer)), event_id


def _forbid(message: str, code: str) -> Forbidden:
    return Forbidden(message, code=code, hint="Compare the provider's settings on this server with the token's claims.")
