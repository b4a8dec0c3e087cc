"""The verification of a bundle: every answer and receipt in it, all under one history (docs/spec, section 11.5)."""

from __future__ import annotations

from muniment.core.format import merkle
from muniment.core.proof import bundle as bundles
from muniment.core.proof import receipt as receipts
from muniment.core.proof.authority import Head, Tier
from muniment.core.proof.bundle import Bundle
from muniment.core.proof.evidence import Pin, Prove
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import answer, receipt
from muniment.core.proof.verify.ground import Bench, Terms, seat
from muniment.core.proof.verify.verified import UNSET, Ground, VerifiedBundle
from muniment.errors import VerificationError

STEP = 5


def verify_bundle(
    raw: bytes,
    trust: Trust,
    *,
    pin: Pin | None = None,
    consistency: Prove | None = None,
    now: str | None = None,
    max_age: int | None = None,
    tier: Tier | None = None,
    path: tuple[Step, ...] = (),
) -> VerifiedBundle:
    """Verify all of a bundle against the reader's own trust file. The arguments are those of `verify_answer`.

    Raises what `verify_answer` and `verify_receipt` raise, and VerificationError (step 5): `consistency-...` where its
    checkpoints are not one history, `bundle-checkpoint` where an answer or a receipt lies under none of them.
    """
    bundle = bundles.decode(raw)
    terms = Terms(pin, consistency, now, max_age, tier, path)
    bench = seat(trust, terms, bundle.path)
    heads = _open_heads(bundle, bench)
    found = tuple(answer.verify_parsed(each, trust, terms, bench=bench) for each in bundle.answers)
    checked = tuple(
        receipt.verify_parsed(receipts.parse(each.receipt), trust, terms, None if each.entry is UNSET else each.entry, bench=bench)
        for each in bundle.receipts
    )
    for ground in (*(each.ground for each in found), *(each.ground for each in checked)):
        _check_listed(ground, heads)
    return VerifiedBundle(answers=found, receipts=checked, sizes=tuple(heads))


def _open_heads(bundle: Bundle, bench: Bench) -> dict[int, Head]:
    """The checkpoints by size, each of which continues the one before."""
    heads: dict[int, Head] = {}
    before: Head | None = None
    for each in bundle.checkpoints:
        head, _ = bench.open(each.note.encode())
        now = head.checkpoint
        if before is not None:
            then = before.checkpoint
            merkle.check_consistency(then.size, now.size, each.consistency, then.root, now.root)
        elif each.consistency:
            raise VerificationError("the first checkpoint of a bundle continues none", step=STEP, code="consistency-length")
        heads[now.size] = before = head
    return heads


def _check_listed(ground: Ground, heads: dict[int, Head]) -> None:
    head = heads.get(ground.size)
    if head is None or head.checkpoint.root.hex() != ground.root:
        raise VerificationError(
            f"something in this bundle lies under a checkpoint of {ground.size} entries that the bundle does not list",
            step=STEP,
            code="bundle-checkpoint",
        )
