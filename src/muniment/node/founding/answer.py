"""A member's answer to the draft: its public keys and addresses, signed as a whole by every one of these keys.

    signed = sign(body, keys)
    verify(decode(raw), draft)          # raises for everything that the draft's members could be cheated with

Because each key signs the whole body (organisation, origin, digest of the draft, all other keys), no key can be taken out of
one answer and put into another, and no answer can be used again for another draft. An answer holds no secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from muniment.client.key_request import Request
from muniment.core.format import encoding, keys
from muniment.core.format.encoding import HexDigest, Segment
from muniment.core.rules import genesis, members
from muniment.core.rules.genesis import Founder, KeyProof, Kind, Origin, Signature
from muniment.core.rules.members import Member, Publisher
from muniment.errors import InvalidInput, InvariantError, VerificationError
from muniment.node import files
from muniment.node.founding import document
from muniment.node.founding.document import UNSET, Absent, Part
from muniment.node.founding.draft import Draft

FORMAT: Literal["urn:muniment:consortium-answer:v1"] = "urn:muniment:consortium-answer:v1"
MAX_ANSWER_BYTES = 16 * 1024
NODE_ROLE = "node"
"""The role of the service that speaks for a node itself."""

# No other message that one of these keys signs begins like this: votes are protobuf, notes begin with an origin, envelopes
# with DSSEv1, proofs of keys with a brace.
_CONTEXT = b"muniment consortium answer v1\n"

Use = Literal["cosigner", "engine", "person", "publisher", "service", "validator"]
_Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]{1,1024}$(?!\n)")]
_Place = Annotated[str, msgspec.Meta(pattern=r"^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}$(?!\n)")]


class FirstActor(Part, frozen=True, kw_only=True):
    """An actor of the member, whose key proves that it was meant for this ledger."""

    id: Segment
    key: KeyProof


class Body(Part, frozen=True, kw_only=True):
    """What a member says.

    draft: the digest of the draft that it answers
    validator, cosigner, engine: the public keys that vote, cosign checkpoints, and are known to the engines of the others
    publisher: the public key that signs the log's line; exactly where the draft says that this member publishes
    person, service: the member's first person, and its node as an actor
    p2p, url: where others reach its engine (host and port) and its ledger; may be absent and told later
    """

    format: Literal["urn:muniment:consortium-answer:v1"]
    draft: HexDigest
    origin: Origin
    organisation: Segment
    validator: HexDigest
    cosigner: HexDigest
    engine: HexDigest
    publisher: HexDigest | Absent = UNSET
    person: FirstActor
    service: FirstActor
    p2p: _Place | Absent = UNSET
    url: _Url | Absent = UNSET

    def list_keys(self) -> dict[Use, str]:
        """Every public key by its use, in lower hex."""
        listed: dict[Use, str] = {
            "cosigner": self.cosigner,
            "engine": self.engine,
            "person": self.person.key.key,
            "service": self.service.key.key,
            "validator": self.validator,
        }
        return listed if self.publisher is UNSET else {**listed, "publisher": self.publisher}


class Signatures(Part, frozen=True, kw_only=True):
    """The signature of each key over the body, by use."""

    cosigner: Signature
    engine: Signature
    person: Signature
    publisher: Signature | Absent = UNSET
    service: Signature
    validator: Signature


class Answer(Part, frozen=True, kw_only=True):
    """What a member says, and the signatures of all its keys over it."""

    body: Body
    signatures: Signatures

    @property
    def organisation(self) -> str:
        """Who answers."""
        return self.body.organisation

    @property
    def member(self) -> Member:
        """The member, as the ledger knows it."""
        return Member(organisation=self.organisation, key=self.body.validator, cosigner=self.body.cosigner)

    @property
    def publisher(self) -> Publisher | None:
        """The publisher, where this member is it."""
        key = self.body.publisher
        return None if key is UNSET else Publisher(key=key, organisation=self.organisation)

    @property
    def engine_id(self) -> str:
        """What the engine of this member is called by the others: 40 hex."""
        return members.address(self.body.engine)

    @property
    def peer(self) -> str:
        """Where the others reach its engine, as `id@host:port`; empty where it does not say."""
        return "" if self.body.p2p is UNSET else f"{self.engine_id}@{self.body.p2p}"

    def list_requests(self) -> tuple[Request, Request]:
        """The member's person and its node as they ask to be enrolled in a ledger that goes on."""
        return self._request(self.body.person, "person"), self._request(self.body.service, "service")

    def _request(self, actor: FirstActor, kind: Kind) -> Request:
        return Request(actor=actor.id, key=actor.key.key, kind=kind, origin=self.body.origin, proof=actor.key.proof)

    def list_founders(self, roles: tuple[str, ...]) -> tuple[Founder, Founder]:
        """The member's person, with these roles, and its node, for which that person answers."""
        person, service = self.body.person, self.body.service
        return (
            Founder(id=person.id, kind="person", keys=(person.key,), organisation=self.organisation, roles=roles),
            Founder(
                id=service.id,
                kind="service",
                keys=(service.key,),
                organisation=self.organisation,
                responsible=(person.id,),
                roles=(NODE_ROLE,),
            ),
        )


_read = document.decoder(Answer, limit=MAX_ANSWER_BYTES)


def decode(raw: bytes) -> Answer:
    """Read an answer from its file. Verifies nothing. Raises InvalidInput (`bad-answer`)."""
    try:
        return _read(raw)
    except InvalidInput as error:
        raise _bad(f"this is no answer of a member: {error}") from None


def load(path: Path) -> Answer:
    """Read an answer. Raises as `files.read` and `decode`."""
    return decode(files.read(path, MAX_ANSWER_BYTES))


def name_service(organisation: str) -> str:
    """What the node of an organisation is called as an actor."""
    return f"{organisation}-node"


def sign(body: Body, signers: Mapping[Use, keys.Signer]) -> Answer:
    """Let every key of a member sign what it says."""
    message = _message(body)
    if {use: signer.public_key.hex() for use, signer in signers.items()} != body.list_keys():
        raise InvariantError("an answer is signed by other keys than those that it names")
    written = {use: base64.b64encode(signer.sign(message)).decode() for use, signer in signers.items()}
    return Answer(body=body, signatures=Signatures(**written))


def verify(answer: Answer, draft: Draft) -> Answer:
    """Verify an answer to a draft by itself, and return the same.

    Raises InvalidInput: `other-draft`, `other-origin`, `no-such-member`, `publisher-key`, `bad-answer`, `answer-signature`.
    """
    body = answer.body
    if body.origin != draft.origin:
        raise _bad(f"{answer.organisation} answered for {body.origin}, and this is {draft.origin}", "other-origin")
    if body.draft != document.identify(draft):
        raise _bad(f"{answer.organisation} answered another draft ({body.draft[:8]}…)", "other-draft")
    if answer.organisation not in draft.members:
        raise _bad(f"{answer.organisation} is no member of this draft", "no-such-member")
    if (body.publisher is not UNSET) != (draft.publisher == answer.organisation):
        said = "gives no publisher's key, and it publishes" if body.publisher is UNSET else "gives a publisher's key unasked"
        raise _bad(f"{answer.organisation} {said}", "publisher-key")
    return verify_keys(answer)


def verify_keys(answer: Answer) -> Answer:
    """Verify that every key of an answer is another one, and signed all of it. Raises InvalidInput as `verify`."""
    body = answer.body
    listed = body.list_keys()
    if len(set(listed.values())) != len(listed):
        raise _bad(f"{answer.organisation} uses one key for two things")
    if body.service.id != name_service(answer.organisation) or body.person.id == body.service.id:
        raise _bad(f"{answer.organisation} does not call its node {name_service(answer.organisation)}")
    if body.p2p is not UNSET and int(body.p2p.rpartition(":")[2]) >= 1 << 16:
        raise _bad(f"{answer.organisation} names a port beyond 65535")
    given: dict[str, str] = {use: text for use, text in msgspec.structs.asdict(answer.signatures).items() if text is not UNSET}
    if given.keys() != listed.keys():
        raise _bad(f"{answer.organisation} does not sign with every key that it names", "answer-signature")
    message = _message(body)
    for use, key in listed.items():
        try:
            keys.verify(bytes.fromhex(key), message, base64.b64decode(given[use], validate=True))
        except (VerificationError, binascii.Error):
            raise _bad(
                f"the {use} key of {answer.organisation} ({key[:8]}…) did not sign this answer", "answer-signature"
            ) from None
    for actor in (body.person, body.service):
        genesis.check_key(body.origin, actor.id, actor.key)
    return answer


def _message(body: Body) -> bytes:
    return _CONTEXT + encoding.encode_struct(body)


def _bad(reason: str, code: str = "bad-answer") -> InvalidInput:
    return InvalidInput(
        reason,
        code=code,
        hint="Ask the member for the file that its own `muniment consortium join` wrote for this draft, over a way that you trust.",
    )
