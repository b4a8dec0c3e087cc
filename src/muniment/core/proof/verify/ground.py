"""Steps 2 to 5 together: the ground that everything else stands on is one accepted checkpoint (docs/spec, section 10.5).

bench = seat(trust, terms, answer.path)             # whom to believe, as far as a trust path leads
head, ground = open_ground(receipt.checkpoint, trust, terms, bench)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.format import checkpoint, note
from muniment.core.proof import authority, consortium, evidence
from muniment.core.proof import path as paths
from muniment.core.proof.authority import Head, Tier
from muniment.core.proof.evidence import Pin, Prove, Relation
from muniment.core.proof.path import Step, Walk
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify.verified import UNSET, Absent, Ground, Led
from muniment.errors import VerificationError

FRESHNESS_STEP = 6


class Terms(msgspec.Struct, frozen=True):
    """What a caller brings and asks for besides the trust file; the fields are the arguments of `verify_answer`."""

    pin: Pin | None = None
    consistency: Prove | None = None
    now: str | None = None
    max_age: int | None = None
    tier: Tier | None = None
    path: tuple[Step, ...] = ()


class Bench(msgspec.Struct, frozen=True):
    """Whom a reader believes about checkpoints: his trust file, or the sets that a path leads over."""

    trust: Trust
    walk: Walk | None

    def judge(self, size: int) -> tuple[Trust, Led | Absent]:
        """The trust that a checkpoint of so many entries is judged by, and whether it is of a time before or after the reader's."""
        if self.walk is None:
            return self.trust, UNSET
        found, former = self.walk.judge(size)
        if former:
            return found, "former"
        return found, UNSET if consortium.agree(found, self.trust) else "later"

    def open(self, raw: bytes) -> tuple[Head, Led | Absent]:
        """Open a signed checkpoint by the set that judges it. Raises as `authority.open_head`."""
        judges, led = self.judge(checkpoint.parse(note.parse(raw).text).size)
        return authority.open_head(raw, judges), led


def seat(trust: Trust, terms: Terms, steps: Sequence[Step] = ()) -> Bench:
    """Walk the path that a file carries, and the one that the reader brought, which then leads.

    A trust file that no path leads on from judges alone. Raises as `paths.check_path`.
    """
    if not paths.is_led(trust):
        return Bench(trust, None)
    walks = [paths.check_path(trust, each) for each in (steps, terms.path) if each]
    walk = walks[-1] if walks else None
    if walk is not None and walk.own is None and not consortium.names_members(trust):
        # One operator's key, and a ledger that members began: the reader asked for that key, and for nobody's vote.
        walk = None
    return Bench(trust, walk)


def open_ground(raw: bytes, trust: Trust, terms: Terms, bench: Bench | None = None) -> tuple[Head, Ground]:
    """Open a signed checkpoint, weigh who stands behind it, and compare it with what was pinned.

    `bench` is that of the file; without one no file carried a path.

    Raises InvalidInput, VerificationError (steps 2 to 6), SplitView.
    """
    head, led = (bench or seat(trust, terms)).open(raw)
    # A path never lowers what the reader's own file promises.
    authority.check_tier(head, terms.tier or ("witnessed" if trust.quorum or head.quorum else "solo"))
    if led == "former" and terms.max_age is not None:
        raise VerificationError(
            "this was cosigned by members of a former time, whose word about what is new counts for nothing now",
            step=FRESHNESS_STEP,
            code="former-members",
            hint="Ask the ledger for a new answer, or verify without asking for an age.",
        )
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
        led=led,
        pin=relation,
    )
