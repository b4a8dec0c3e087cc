"""The verification of a receipt: steps 1 to 7 and, where the entry is at hand, 9 (docs/spec, section 10.5).

A receipt holds neither the entry nor the state of its signer's key, so it never says how that key stood: an answer does.
"""

from __future__ import annotations

from muniment.core.format import merkle
from muniment.core.proof import receipt as receipts
from muniment.core.proof.authority import Tier
from muniment.core.proof.evidence import Pin, Prove
from muniment.core.proof.path import Step
from muniment.core.proof.receipt import Receipt
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify.answer import describe
from muniment.core.proof.verify.freshness import check_freshness, read_clocks
from muniment.core.proof.verify.ground import Bench, Terms, open_ground
from muniment.core.proof.verify.inclusion import block, open_header
from muniment.core.proof.verify.statement import open_statement
from muniment.core.proof.verify.verified import UNSET, Absent, Said, SealedField, VerifiedReceipt
from muniment.errors import InvalidInput, VerificationError

STEP = 7


def verify_receipt(
    text: str,
    trust: Trust,
    *,
    entry: bytes | None = None,
    leaf: bytes | None = None,
    pin: Pin | None = None,
    consistency: Prove | None = None,
    now: str | None = None,
    max_age: int | None = None,
    tier: Tier | None = None,
    path: tuple[Step, ...] = (),
) -> VerifiedReceipt:
    """Verify a C2SP tlog-proof against a trust file, with the entry's bytes or its leaf hash (32 bytes).

    Without either only the checkpoint can be verified, and the answer says so (`included` is False). The other arguments and
    the errors are those of `verify_answer`.
    """
    return verify_parsed(receipts.parse(text), trust, Terms(pin, consistency, now, max_age, tier, path), entry, leaf)


def verify_parsed(
    receipt: Receipt,
    trust: Trust,
    terms: Terms,
    entry: bytes | None = None,
    leaf: bytes | None = None,
    bench: Bench | None = None,
) -> VerifiedReceipt:
    """Verify a receipt that was already read strictly. `bench` is that of its bundle."""
    head, ground = open_ground(receipt.checkpoint, trust, terms, bench)
    clocks = read_clocks(head, None)
    check_freshness(clocks, terms.now, terms.max_age)
    if entry is not None and leaf is not None and merkle.leaf(entry) != leaf:
        raise InvalidInput("the leaf hash is not that of the entry", code="bad-leaf", hint="Give one of them.")
    if receipt.index >= head.checkpoint.size:
        raise VerificationError(
            f"entry {receipt.index} is not among the {head.checkpoint.size} entries of the checkpoint",
            step=STEP,
            code="inclusion-index",
        )
    known = merkle.leaf(entry) if entry is not None else leaf
    if known is not None:
        merkle.check_inclusion(known, receipt.index, head.checkpoint.size, receipt.proof, head.checkpoint.root)
    header = None if entry is None else open_header(entry, receipt.index)
    said: Said | Absent = UNSET
    if entry is not None and header is None:
        signed = open_statement(receipt.index, entry, trust.ledger)
        fields = tuple(SealedField(path=path, sealed=sealed) for path, sealed in signed.sealed())
        said = describe(signed, fields)
    return VerifiedReceipt(
        ground=ground,
        index=receipt.index,
        included=known is not None,
        clocks=clocks,
        said=said,
        header=UNSET if header is None else block(header),
    )
