"""A verification told to a person: short sentences, nothing left out that would change a decision (docs/spec, "Verification").

    for sentence in tell(verified): print(sentence)

The first sentence answers the question. Then: who signed and how his key stands, on whose word all of it rests, by which
clock, what was compared and what was not.
"""

from __future__ import annotations

from collections.abc import Iterator

from muniment.core.format import digest
from muniment.core.proof.answer import AtQuestion, CompleteQuestion, EntryQuestion, StateQuestion
from muniment.core.proof.verify.verified import UNSET, Ground, Said, Subject, Verified, VerifiedBundle, VerifiedReceipt

LIMITS = "This proves who said what, in which order and since when, and that nothing was removed; not that what was said is true."

_PRESENCE = {"present": "is recorded", "absent": "is not recorded"}


def tell(verified: Verified) -> tuple[str, ...]:
    """An answer in sentences, the answer first."""
    return (*_answer(verified), *_signers(verified), *_weight(verified), *_time(verified), *_subject(verified.subject), LIMITS)


def tell_receipt(verified: VerifiedReceipt) -> tuple[str, ...]:
    """A receipt in sentences."""
    ground = verified.ground
    if not verified.included:
        first = (
            f"The checkpoint of {ground.origin} with {ground.size} entries is genuine. "
            "Whether the receipt belongs to an entry of yours was not checked: give the entry itself."
        )
    elif verified.said is not UNSET:
        first = f"Entry {verified.index} is in {ground.origin}: {_say(verified.said)}."
    elif verified.header is not UNSET:
        first = (
            f"Entry {verified.index} is in {ground.origin}: the header of block {verified.header.height}, {verified.header.time}."
        )
    else:
        first = f"The entry with this leaf hash is entry {verified.index} of {ground.origin}."
    key = "A receipt does not show how the signer's key stands; an answer does." if verified.said is not UNSET else ""
    clocks = tuple(f"{clock.time} ({clock.whose})." for clock in verified.clocks)
    return tuple(sentence for sentence in (first, key, _tier(ground), *_pin(ground), *clocks, LIMITS) if sentence)


def tell_bundle(verified: VerifiedBundle) -> tuple[str, ...]:
    """A bundle in sentences: how much it holds, then each part's own first sentence."""
    count = len(verified.answers) + len(verified.receipts)
    sizes = ", ".join(str(size) for size in verified.sizes)
    parts = [tell(answer)[0] for answer in verified.answers] + [tell_receipt(receipt)[0] for receipt in verified.receipts]
    ground = verified.answers[0].ground if verified.answers else verified.receipts[0].ground
    return (f"{count} proofs hold, all under one history (checkpoints of {sizes} entries).", *parts, _tier(ground), LIMITS)


def _answer(verified: Verified) -> Iterator[str]:
    question, result, head = verified.question, verified.result, verified.head
    if isinstance(question, EntryQuestion):
        yield _answer_entry(verified, question.index)
    elif isinstance(question, StateQuestion):
        for stream, status in zip(question.streams, result.statuses, strict=True):
            yield f"As of block {head.height}, {stream} {_PRESENCE[status]}."
    elif isinstance(question, CompleteQuestion):
        if result.statuses == ("absent",):
            yield f"As of block {head.height}, nothing was ever recorded under {question.stream}."
        else:
            count = len(verified.history)
            noun = "entry" if count == 1 else "entries"
            yield f"As of block {head.height}, {question.stream} has {count} {noun}: these, and no others."
    else:
        yield from _answer_at(verified, question)


def _answer_entry(verified: Verified, index: int) -> str:
    said = next((each for each in verified.said if each.index == index), None)
    if said is None:
        return f"Entry {index} of {verified.ground.origin} is the header of block {verified.result.height}."
    sealed = (
        ""
        if said.block is UNSET
        else f", sealed in block {said.block.height} at {said.block.time} (header time, {_claim(verified.ground)})"
    )
    return f"Entry {index} of {verified.ground.origin}: {_say(said)}{sealed}."


def _answer_at(verified: Verified, question: AtQuestion) -> Iterator[str]:
    moment = verified.moment
    if moment is UNSET:
        return
    claim = _claim(verified.ground)
    if moment.next is UNSET:
        clock = f"header time, {claim}; the question was for {question.time}"
        when = f"In the latest sealed state, sealed at {moment.block.time} ({clock})"
    else:
        when = (
            f"At {question.time} (header times, {claim}: block {moment.block.height} was sealed at {moment.block.time}, "
            f"the next at {moment.next.time})"
        )
    thing = "" if verified.subject is UNSET else f": {verified.subject.thing.name} ({digest.short(verified.subject.thing.digest)})"
    status = verified.result.statuses[0]
    if status == "absent":
        yield f"{when}, nothing was recorded under {question.stream}."
    elif status == "unchanged":
        yield f"{when}, {question.stream} was as it is now{thing}."
    else:
        yield f"{when}, {question.stream} was what entry {verified.history[-1]} left{thing}. It has changed since."
    if status != "absent":
        blocks = f"block {moment.block.height} and block {verified.head.height}"
        yield f"That the state was kept honestly between {blocks} is {_word(verified.ground)}."


def _signers(verified: Verified) -> Iterator[str]:
    for said in verified.said:
        if said.signer is UNSET:
            continue
        signer = said.signer
        roles = ", ".join(signer.roles) or "no role"
        persons = f", for {', '.join(signer.responsible)}" if signer.responsible else ""
        when = "then and now" if signer.unchanged else "now"
        who = f"{signer.actor} ({signer.kind}{persons}; {roles} {when})"
        text = f"Entry {said.index} is signed by {who} with key {digest.short(signer.key)}"
        if signer.standing == "disputed":
            yield f"{text}: admitted, but disputed since entry {signer.disputed_from}. Do not rely on it without asking."
        elif signer.standing == "ended":
            yield f"{text}, which was in force then and ended at entry {signer.until}."
        else:
            yield f"{text}, in force."
        if signer.status != "active":
            yield f"{signer.actor} is {signer.status} now."
        if not said.known:
            yield f"This release does not know the kind of entry {said.index} ({said.event}); its fields are shown as they are."
        closed = [field.path for field in said.sealed if field.value is UNSET]
        if closed:
            yield f"Sealed in entry {said.index} and not opened here: {', '.join(closed)}."


def _weight(verified: Verified) -> Iterator[str]:
    yield _tier(verified.ground)
    if verified.states:
        yield f"State basis: {verified.ground.basis}, {_word(verified.ground)}."
    if isinstance(verified.question, EntryQuestion) and verified.result.grade is not UNSET:
        yield f"Evidence grade: {verified.result.grade}."


def _time(verified: Verified) -> Iterator[str]:
    clock = verified.clocks[0]
    height = verified.head.height
    if verified.current:
        yield f"Current: block {height} is the newest of a fresh checkpoint, {clock.time} ({clock.whose})."
    else:
        yield f"This holds as of block {height}, {clock.time} ({clock.whose}); what came later is not shown."
    yield from _pin(verified.ground)


def _pin(ground: Ground) -> Iterator[str]:
    if ground.pin is UNSET:
        yield "Not compared with what this client saw of the ledger before."
    elif ground.pin == "older":
        yield "It is older than what this client has seen, and part of the same history."
    else:
        yield (
            "It continues what this client saw of the ledger before."
            if ground.pin == "newer"
            else "It is what this client saw last."
        )


def _tier(ground: Ground) -> str:
    names = ", ".join(voice.organisation for voice in ground.voices)
    if ground.tier == "consortium":
        voters = ", ".join(ground.basis_by)
        return (
            f"Trust tier: consortium. {len(ground.basis_by)} of {ground.known} organisations voted for order and state: {voters}."
        )
    if ground.tier == "witnessed":
        counted = f"{len(ground.voices)} of {ground.known} organisations cosigned, {ground.quorum} were asked for"
        return f"Trust tier: witnessed. {counted}: {names}."
    some = f" {names} cosigned, fewer than the {ground.quorum} asked for." if ground.voices and ground.quorum else ""
    return f"Trust tier: solo. One operator's signed log; no quorum of outside parties confirms it.{some}"


def _word(ground: Ground) -> str:
    if ground.basis == "asserted":
        return "the operator's word"
    verb = "what validators voted for" if ground.basis == "voted" else "what others ran again and confirm"
    return f"{verb}: {', '.join(ground.basis_by)}"


def _claim(ground: Ground) -> str:
    return "the validators' median" if ground.tier == "consortium" else "the operator's claim"


def _say(said: Said) -> str:
    about = ", ".join(f"{thing.name} ({digest.short(thing.digest)})" for thing in said.things)
    return f"{said.actor} says {said.event} about {about}, happened {said.occurred_at} (the signer's claim)"


def _subject(subject: Subject | object) -> Iterator[str]:
    if not isinstance(subject, Subject):
        return
    name = f"{subject.thing.name} ({digest.short(subject.thing.digest)})"
    if subject.compared:
        yield f"The files that you gave are {name}, unchanged."
    elif subject.held == "in-this-file":
        yield f"The list of files of {name} is in this file; the files themselves were not compared."
    else:
        yield f"The files of {name} are not in this file and were not compared."
