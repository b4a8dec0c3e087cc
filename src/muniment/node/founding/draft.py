"""The draft of a consortium: what is to be founded, before anybody has a key (docs/spec, section 13.6).

    draft = decode(raw)
    document.identify(draft)            # the digest that every answer names and every key signs

Its origin, members, policy and time make the genesis, so that all members build the same one. A solo ledger that moves in
brings its own policy and actors; then the draft names that ledger instead.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from muniment.core.format import keys
from muniment.core.format.encoding import HexDigest, Segment, Time, require_sorted
from muniment.core.proof.trust import MAX_LOG_KEYS
from muniment.core.rules import members
from muniment.core.rules.genesis import Origin
from muniment.core.rules.members import MAX_MEMBERS
from muniment.core.rules.policy import Policy
from muniment.errors import InvalidInput
from muniment.node.founding import document
from muniment.node.founding.document import UNSET, Absent, Part

FORMAT: Literal["urn:muniment:consortium-draft:v1"] = "urn:muniment:consortium-draft:v1"
MAX_DRAFT_BYTES = 128 * 1024
PROTECTED_FROM = 4
"""How many members it takes until one of them may fail or lie without harm."""


class Rules(Part, frozen=True, kw_only=True):
    """The policy of a new ledger, and the roles in it of each member's first person."""

    founder: tuple[Segment, ...]
    policy: Policy

    def __post_init__(self) -> None:
        require_sorted(self.founder, "founder")


class Draft(Part, frozen=True, kw_only=True):
    """What is to be founded.

    members: the organisations, ascending
    time: of the genesis; of the drafting where a ledger moves in
    rules: of a new ledger
    ledger, log_keys: the id of the solo ledger that moves in, and the C2SP verifier keys that sign its checkpoints
    publisher: the member who signs the log's own line; nobody where it is absent
    """

    format: Literal["urn:muniment:consortium-draft:v1"]
    origin: Origin
    members: Annotated[tuple[Segment, ...], msgspec.Meta(min_length=1, max_length=MAX_MEMBERS)]
    time: Time
    rules: Rules | Absent = UNSET
    ledger: HexDigest | Absent = UNSET
    log_keys: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_LOG_KEYS)] = ()
    publisher: Segment | Absent = UNSET

    def __post_init__(self) -> None:
        require_sorted(self.members, "members")

    @property
    def moves(self) -> bool:
        """Does a solo ledger move in?"""
        return self.ledger is not UNSET

    @property
    def quorum(self) -> int:
        """How many members make a proof."""
        return members.quorum(len(self.members))


_read = document.decoder(Draft, limit=MAX_DRAFT_BYTES)


def decode(raw: bytes) -> Draft:
    """Read a draft from its file. Raises InvalidInput (`bad-draft`)."""
    try:
        return check(_read(raw))
    except InvalidInput as error:
        raise _bad(str(error)) from None


def check(draft: Draft) -> Draft:
    """Check what the types do not say, and return the same. Raises InvalidInput (`bad-draft`)."""
    if (draft.rules is UNSET) == (draft.ledger is UNSET):
        raise _bad("it has either rules, or the ledger that moves in")
    if (draft.ledger is UNSET) != (not draft.log_keys):
        raise _bad("it names the keys of a ledger exactly where one moves in")
    for each in draft.log_keys:
        if keys.parse(each).name != draft.origin:
            raise _bad(f"the key {each} is not named like the ledger, {draft.origin}")
    if draft.publisher is not UNSET and draft.publisher not in draft.members:
        raise _bad(f"the publisher {draft.publisher} is no member")
    return draft


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(
        f"this is no draft of a consortium: {reason}",
        code="bad-draft",
        hint="Use the file that `muniment consortium new` wrote, byte by byte.",
    )
