"""Steps 2 to 5 together: the ground that everything else stands on is one accepted checkpoint (docs/spec, section 10.5)."""

from __future__ import annotations

import msgspec

from muniment.core.proof import authority, evidence
from muniment.core.proof.authority import Head, Tier
from muniment.core.proof.evidence import Pin, Prove, Relation
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify.verified import UNSET, Absent, Ground


class Terms(msgspec.Struct, frozen=True):
    """What a caller brings and asks for besides the trust file; the fields are the arguments of `verify_answer`."""

    pin: Pin | None = None
    consistency: Prove | None = None
    now: str | None = None
    max_age: int | None = None
    tier: Tier | None = None


def open_ground(raw: bytes, trust: Trust, terms: Terms) -> tuple[Head, Ground]:
    """Open a signed checkpoint, weigh who stands behind it, and compare it with what was pinned.

    Raises InvalidInput, VerificationError (steps 2 to 5), SplitView.
    """
    head = authority.open_head(raw, trust)
    authority.check_tier(head, terms.tier)
    relation: Relation | Absent = UNSET
    if terms.pin is not None:
        relation = evidence.check(terms.pin, head, terms.consistency, contact=False)
    found = head.checkpoint
    return head, Ground(
        origin=found.origin,
        ledger=trust.ledger,
        size=found.size,
        root=found.root.hex(),
        signed=head.signed,
        tier=head.tier,
        basis=head.basis,
        basis_by=head.basis_by,
        voices=head.voices,
        quorum=head.quorum,
        known=head.known,
        pin=relation,
    )
