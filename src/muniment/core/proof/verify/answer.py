"""The verification of an answer: all thirteen steps (docs/spec, section 10.5).

 1 limits and parsing          6 freshness                              11 state proofs and histories
 2 origin and genesis          7 inclusion of every entry               12 the subject's bytes, disclosures
 3 the log's signature         8 headers: last entry, adjacency         13 the evidence grade
 4 cosignatures, tier          9 signatures over received bytes
 5 pin and consistency        10 standing of key and actor

A step that needs what a later one proves (the standing of a key is a record of the map) waits for it: numbers name steps,
they are not an order. Step 1 fails with InvalidInput, every other with VerificationError.
"""

from __future__ import annotations

import msgspec

from muniment.core.format import merkle
from muniment.core.format.manifest import Manifest
from muniment.core.proof import answer as answers
from muniment.core.proof import receipt as receipts
from muniment.core.proof.answer import UNSET, Answer
from muniment.core.proof.authority import Tier
from muniment.core.proof.evidence import Pin, Prove
from muniment.core.proof.inquiry import Block
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify.freshness import check_freshness, read_clocks
from muniment.core.proof.verify.ground import Bench, Terms, open_ground, seat
from muniment.core.proof.verify.inclusion import Tree, block, open_header, open_tree
from muniment.core.proof.verify.question import name_things, settle
from muniment.core.proof.verify.signer import Signers
from muniment.core.proof.verify.state import open_states
from muniment.core.proof.verify.statement import Signed, open_statement
from muniment.core.proof.verify.subject import check_subject, open_fields
from muniment.core.proof.verify.testimony import open_testimony
from muniment.core.proof.verify.verified import Absent, Said, SealedField, Shown, Signer, Thing, Verified
from muniment.errors import VerificationError

HISTORY_STEP = 11


def verify_answer(
    raw: bytes,
    trust: Trust,
    *,
    pin: Pin | None = None,
    consistency: Prove | None = None,
    now: str | None = None,
    max_age: int | None = None,
    subject: Manifest | None = None,
    tier: Tier | None = None,
    path: tuple[Step, ...] = (),
) -> Verified:
    """Verify the bytes of an answer against a trust file and say everything that it shows.

    pin: what this client saw of the ledger before; the answer may be newer or older, and must be of the same history
    consistency: asks a ledger for the proof between two sizes, where pin and answer differ
    now, max_age: the caller's clock (our form of time) and the greatest age in seconds of the checkpoint
    subject: the manifest of files that the caller has just hashed
    tier: the least tier that is enough; without it, what the trust file's quorum promises
    path: the trust path that the caller got from the ledger, which then leads in place of the file's own

    Raises InvalidInput (step 1) and VerificationError (steps 2 to 13); SplitView where pin and answer contradict.
    """
    return verify_parsed(answers.decode(raw), trust, Terms(pin, consistency, now, max_age, tier, path), subject)


def verify_parsed(
    answer: Answer, trust: Trust, terms: Terms, subject: Manifest | None = None, bench: Bench | None = None
) -> Verified:
    """Verify an answer that was already read strictly: steps 2 to 13 of `verify_answer`. `bench` is that of its bundle."""
    receipt = receipts.parse(answer.receipt)
    head, ground = open_ground(receipt.checkpoint, trust, terms, bench or seat(trust, terms, answer.path))
    tree = open_tree(answer, receipt, head.checkpoint, trust.ledger)
    newest = block(tree.head)
    clocks = read_clocks(head, newest)
    fresh = check_freshness(clocks, terms.now, terms.max_age)
    signed = _open_statements(answer, tree, trust.ledger)
    records = open_states(answer.states, tree.head)
    settled = settle(answer, tree, records, signed, open_testimony(answer, tree, records, signed))
    fields = open_fields(signed, answer)
    signers = Signers(records)
    said = tuple([_report(each, tree, signers, fields[index]) for index, each in sorted(signed.items())])
    found = check_subject(settled.things, answer, subject)
    return Verified(
        ground=ground,
        question=answer.question,
        result=settled.result,
        head=newest,
        current=fresh and ground.pin != "older" and ground.led != "former",
        clocks=clocks,
        said=said,
        history=() if answer.history is UNSET else tuple(each.index for each in answer.history.events),
        streams=answer.streams,
        states=tuple(Shown(stream=name, record=UNSET if record is None else record) for name, record in records.items()),
        moment=settled.moment,
        serving=settled.serving,
        subject=found,
    )


def describe(
    signed: Signed,
    fields: tuple[SealedField, ...],
    things: tuple[Thing, ...] | None = None,
    block: Block | Absent = UNSET,
    signer: Signer | Absent = UNSET,
) -> Said:
    """What is reported of a statement; without a block and a signer where nothing is known of them."""
    return Said(
        index=signed.index,
        event=signed.name,
        event_id=signed.event_id,
        actor=signed.actor,
        occurred_at=signed.occurred_at,
        grade=signed.grade or UNSET,
        raw=msgspec.Raw(signed.predicate),
        things=signed.things if things is None else things,
        sealed=fields,
        known=signed.known,
        block=block,
        signer=signer,
    )


def _open_statements(answer: Answer, tree: Tree, ledger: str) -> dict[int, Signed]:
    """Every event in the file, opened: those with an inclusion proof, and those that a stream's head binds."""
    found = {index: open_statement(index, raw, ledger) for index, raw in tree.events.items()}
    found |= {each.index: open_statement(each.index, each.entry, ledger) for each in answer.events}
    if answer.history is UNSET:
        return found
    for each in answer.history.events:
        is_header = open_header(each.entry, each.index) is not None
        # What a header folds into its streams leaves out its `state`: only its inclusion binds all of it.
        bound = tree.leaves.get(each.index) == merkle.leaf(each.entry) if is_header else True
        if not bound or tree.events.get(each.index, each.entry) != each.entry:
            raise VerificationError(
                f"entry {each.index} of the stream is not the entry that is in the ledger", step=HISTORY_STEP, code="history-entry"
            )
        if not is_header and each.index not in found:
            found[each.index] = open_statement(each.index, each.entry, ledger)
    return found


def _report(signed: Signed, tree: Tree, signers: Signers, fields: tuple[SealedField, ...]) -> Said:
    block = tree.sealing(signed.index)
    return describe(signed, fields, name_things(signed, signers.records), block, signers.check(signed, block))
