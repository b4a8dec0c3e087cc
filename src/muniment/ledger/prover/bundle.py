"""Bundles: answers and receipts under checkpoints of one history, in one file (core.proof.bundle)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from muniment.core.proof import bundle as bundles
from muniment.core.proof import receipt as receipts
from muniment.core.proof import trust as trusts
from muniment.core.proof.answer import UNSET, Answer
from muniment.core.proof.bundle import Bundle, Evidenced, Signpost
from muniment.core.proof.trust import Trust
from muniment.ledger.engine import View
from muniment.ledger.prover.draft import prove_receipt


def prove_bundle(
    view: View, proofs: Iterable[Answer], *, entries: Iterable[int] = (), older: Iterable[bytes] = (), trust: Trust | None = None
) -> Bundle:
    """One file with these answers, the receipts of these entries, and the checkpoints that show them to be one history.

    older: signed checkpoints that this client holds from earlier, to be shown as part of the same history
    """
    given = tuple(proofs)
    # The members' path stands once in the file, and the longest leads to all of it.
    path = max((each.path for each in given), key=len, default=()) or view.path()
    given = tuple(msgspec.structs.replace(each, path=()) if each.path else each for each in given)
    notes = dict.fromkeys([receipts.parse(each.receipt).checkpoint.decode() for each in given])
    notes |= dict.fromkeys(note.decode() for note in older)
    notes[view.checkpoint.decode()] = None
    # One note a size: two that differ in their cosignatures only say the same of the tree.
    by_size = {bundles.read_size(text): text for text in notes}
    signposts, before = [], 0
    for size in sorted(by_size):
        proof = tuple(view.consistency(before, size)) if before else ()
        signposts.append(Signpost(note=by_size[size], consistency=proof))
        before = size
    receipts_ = tuple(
        Evidenced(receipt=receipts.format(prove_receipt(view, index)), entry=view.entry(index)) for index in sorted(set(entries))
    )
    return Bundle(
        format=bundles.FORMAT,
        answers=given,
        receipts=receipts_,
        checkpoints=tuple(signposts),
        path=path,
        trust=UNSET if trust is None else trusts.format(trust),
    )
