"""A verification told to a person: short sentences, nothing left out that would change a decision (docs/spec, section 10.5).

    for sentence in tell(verified): print(sentence)

The first sentence answers the question. Then: who signed and how his key stands, on whose word all of it rests, by which
clock, what was compared and what was not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from muniment.core.format import digest
from muniment.core.format.state_map import Record
from muniment.core.proof.answer import AtQuestion, EntryQuestion, StateQuestion
from muniment.core.proof.inquiry import HistoryQuestion
from muniment.core.proof.inquiry.ground import read_state
from muniment.core.proof.verify.deeds import name_stream, name_thing, tell_deed
from muniment.core.proof.verify.findings import count, tell_findings
from muniment.core.proof.verify.question import read_version
from muniment.core.proof.verify.state import DEPLOYMENT
from muniment.core.proof.verify.verified import (
    UNSET,
    Absent,
    Ground,
    Said,
    Signer,
    Verified,
    VerifiedBundle,
    VerifiedReceipt,
)
from muniment.core.rules.records import Approval, Data, Deployment, Key, Version

LIMITS = "This proves who said what, in which order and since when, and that nothing was removed; not that what was said is true."


def tell(verified: Verified) -> tuple[str, ...]:
    """An answer in sentences, the answer first."""
    sentences = (
        *_answer(verified),
        *_statements(verified),
        *_warnings(verified),
        *_weight(verified),
        *_time(verified),
        *_subject(verified),
        LIMITS,
    )
    return tuple(map(_show, sentences))


def tell_receipt(verified: VerifiedReceipt) -> tuple[str, ...]:
    """A receipt in sentences."""
    ground = verified.ground
    if not verified.included:
        first = (
            f"The checkpoint of {ground.origin} with {ground.size} entries is genuine. "
            "Whether the receipt belongs to an entry of yours was not checked: give the entry itself."
        )
    elif verified.said is not UNSET:
        first = f"Entry {verified.index} is in {ground.origin}: {tell_deed(verified.said)}."
    elif verified.header is not UNSET:
        first = (
            f"Entry {verified.index} is in {ground.origin}: the header of block {verified.header.height}, {verified.header.time}."
        )
    else:
        first = f"The entry with this leaf hash is entry {verified.index} of {ground.origin}."
    key = "A receipt does not show how the signer's key stands; an answer does." if verified.said is not UNSET else ""
    clocks = tuple(f"{clock.time} ({clock.whose})." for clock in verified.clocks)
    weight = (_tier(ground), *_led(ground), *_pin(ground))
    return tuple(_show(sentence) for sentence in (first, key, *weight, *clocks, LIMITS) if sentence)


def tell_bundle(verified: VerifiedBundle) -> tuple[str, ...]:
    """A bundle in sentences: how much it holds, then each part's own first sentence."""
    count = len(verified.answers) + len(verified.receipts)
    sizes = ", ".join(str(size) for size in verified.sizes)
    parts = [tell(answer)[0] for answer in verified.answers] + [tell_receipt(receipt)[0] for receipt in verified.receipts]
    ground = verified.answers[0].ground if verified.answers else verified.receipts[0].ground
    first = f"{f'{count} proofs hold' if count > 1 else 'One proof holds'}, under one history (checkpoints of {sizes} entries)."
    return (first, *parts, _tier(ground), *_led(ground), LIMITS)


def _answer(verified: Verified) -> Iterator[str]:
    question, result, head = verified.question, verified.result, verified.head
    if isinstance(question, EntryQuestion):
        yield _answer_entry(verified, question.index)
    elif isinstance(question, StateQuestion):
        for stream, status in zip(question.streams, result.statuses, strict=True):
            said = "not recorded" if status == "absent" else f"recorded{_serves(verified, stream)}"
            yield f"As of block {head.height}, {name_stream(stream)} is {said}."
    elif isinstance(question, AtQuestion):
        yield from _answer_at(verified, question)
    else:
        yield from tell_findings(verified)


def _answer_entry(verified: Verified, index: int) -> str:
    origin = verified.ground.origin
    said = next((each for each in verified.said if each.index == index), None)
    if said is None:
        return f"Entry {index} of {origin} is the header of block {verified.result.height}."
    return f"Entry {index} of {origin}: {tell_deed(said)}{_sealed_in(said, verified.ground)}."


def _answer_at(verified: Verified, question: AtQuestion) -> Iterator[str]:
    moment, status = verified.moment, verified.result.statuses[0]
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
    stream = name_stream(question.stream)
    thing = "" if verified.subject is UNSET else f": {name_thing(verified.subject.thing)}"
    serving = verified.serving
    if status == "absent":
        yield f"{when}, {stream} was not recorded."
    elif serving is not UNSET and not serving.running:
        now = "Nothing has been started there since." if status == "unchanged" else "It has changed since."
        last = f"{name_thing(serving.version)} ran there last"
        yield f"{when}, nothing ran in {stream}: entry {serving.since} stopped it, and {last}. {now}"
    elif status == "unchanged":
        yield f"{when}, {stream} was as it is now{thing}."
    else:
        yield f"{when}, {stream} was what entry {verified.history[-1]} left{thing}. It has changed since."
    if moment.block != verified.head:
        blocks = f"block {moment.block.height} and block {verified.head.height}"
        yield f"That the state was kept honestly between {blocks} is {_word(verified.ground)}."


def _serves(verified: Verified, stream: str) -> str:
    """What a deployment runs by its record; nothing for anything else."""
    records = {shown.stream: None if shown.record is UNSET else shown.record for shown in verified.states}
    record = records.get(stream)
    if record is None or not stream.startswith(DEPLOYMENT):
        return ""
    state = read_state(record, Deployment, stream)
    name = name_thing(read_version(state.version, records))
    if state.status != "running":
        return f": entry {state.since} stopped it, and {name} ran there last"
    return f": it runs {name} since entry {state.since}"


def _statements(verified: Verified) -> Iterator[str]:
    """What the other entries say, then who signed: one sentence for entries whose signers stand alike."""
    asked = verified.question.index if isinstance(verified.question, EntryQuestion) else None
    brief = _is_brief(verified)
    alike: dict[str, list[int]] = {}
    for said in verified.said:
        if said.index != asked and not brief:
            yield f"Entry {said.index}: {tell_deed(said)}{_sealed_in(said, verified.ground)}."
        if said.signer is not UNSET:
            alike.setdefault(tell_standing(said.signer), []).append(said.index)
    for standing, indices in alike.items():
        listed = ", ".join(map(str, indices))
        yield f"{'Entry' if len(indices) == 1 else 'Entries'} {listed}: signed by {standing}."
    for said in verified.said:
        if not said.known:
            yield f"This release does not know the kind of entry {said.index} ({said.event}); its fields are shown as they are."
        for field in said.sealed:
            if field.value is not UNSET:
                yield f"Entry {said.index}, {field.path}, opened: {field.value}"
        closed = [field.path for field in said.sealed if field.value is UNSET]
        if closed and not brief:
            yield f"Sealed in entry {said.index} and not opened here: {', '.join(closed)}."
    unopened = sum(field.value is UNSET for said in verified.said for field in said.sealed)
    if brief and unopened:
        yield f"{count(unopened, 'sealed field')} of these entries {'is' if unopened == 1 else 'are'} not opened here."


def _is_brief(verified: Verified) -> bool:
    """Whether findings tell what follows from the entries: to tell each of them again would bury it."""
    return verified.result.findings is not UNSET and not isinstance(verified.question, HistoryQuestion)


def _warnings(verified: Verified) -> Iterator[str]:
    """What has happened since to the things in this answer, where it should change a decision."""
    keys = {shown.stream: shown.record for shown in verified.states if shown.stream.startswith("key/")}
    for shown in verified.states:
        if shown.record is UNSET:
            continue
        name = name_stream(shown.stream)
        if shown.stream.startswith("approval/"):
            yield from _warn_of(name, read_state(shown.record, Approval, shown.stream), keys, verified.head.time)
        elif shown.stream.startswith("version/"):
            version = read_state(shown.record, Version, shown.stream)
            if version.holds:
                yield f"{name} is held by {version.holds} open {'incident' if version.holds == 1 else 'incidents'}."
            if version.status != "registered":
                yield f"{name} is {version.status} now."
        elif shown.stream.startswith("data/"):
            data = read_state(shown.record, Data, shown.stream)
            if data.withdrawn is not UNSET:
                yield f"{name} was withdrawn by entry {data.withdrawn}."


def _warn_of(name: str, approval: Approval, keys: Mapping[str, Record | Absent], now: str) -> Iterator[str]:
    """What should keep a reader from relying on an approval as of the newest block."""
    if approval.status != "open":
        yield f"{name} is {approval.status} now."
    elif approval.expires is not UNSET and approval.expires <= now:
        yield f"{name} expired at {approval.expires}."
    stream = f"key/{approval.keyid}"
    record = keys.get(stream, UNSET)
    key = None if record is UNSET else read_state(record, Key, stream)
    if key is not None and key.disputes(approval.index):
        yield f"{name} is disputed: others may have held its key {digest.short(approval.keyid)} since entry {key.disputed_from}."


def tell_standing(signer: Signer) -> str:
    """Who signed, in which roles, and how the key stands: whether what was admitted is disputed by now."""
    roles = ", ".join(signer.roles) or "no role"
    persons = f", for {', '.join(signer.responsible)}" if signer.responsible else ""
    when = "then and now" if signer.unchanged else "now"
    status = "" if signer.status == "active" else f", {signer.status} now"
    text = f"{signer.actor} ({signer.kind}{persons}; {roles} {when}{status}) with key {digest.short(signer.key)}"
    if signer.standing == "disputed":
        return f"{text}, admitted, but disputed since entry {signer.disputed_from}; do not rely on it without asking"
    return f"{text}, in force" if signer.standing == "in-force" else f"{text}, in force then and ended at entry {signer.until}"


def _weight(verified: Verified) -> Iterator[str]:
    yield _tier(verified.ground)
    yield from _led(verified.ground)
    if verified.states:
        yield f"State basis: {verified.ground.basis}, {_word(verified.ground)}."
    if isinstance(verified.question, EntryQuestion) and verified.result.grade is not UNSET:
        yield f"Evidence grade: {verified.result.grade}."


def _time(verified: Verified) -> Iterator[str]:
    head, ground = verified.head, verified.ground
    sealed = f"block {head.height}, sealed at {head.time} (header time, {_claim(ground)})"
    if verified.current:
        yield f"Current: {sealed}, is the newest, and the checkpoint is as fresh as was asked for."
    else:
        yield f"This holds as of {sealed}; what came later is not shown."
    if ground.tier != "solo":
        yield f"Nothing newer was seen at {verified.clocks[0].time} ({verified.clocks[0].whose})."
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


def _led(ground: Ground) -> Iterator[str]:
    """Which members judged the checkpoint, where they are not those of the reader's trust file."""
    if ground.led == "later":
        yield (
            "The members have changed since your trust file was written. "
            "Each change was cosigned by a quorum of the members before it."
        )
    elif ground.led == "former":
        yield (
            "These were the members of that time, by the changes cosigned since the first entry. "
            "Your trust file names others, who are not shown to have cosigned it."
        )


def _word(ground: Ground) -> str:
    if ground.basis == "asserted":
        return "the operator's word"
    verb = "what validators voted for" if ground.basis == "voted" else "what others ran again and confirm"
    return f"{verb}: {', '.join(ground.basis_by)}"


def _claim(ground: Ground) -> str:
    return "its proposer's clock, which the voters found right" if ground.tier == "consortium" else "the operator's claim"


def _sealed_in(said: Said, ground: Ground) -> str:
    return (
        "" if said.block is UNSET else f"; sealed in block {said.block.height} at {said.block.time} (header time, {_claim(ground)})"
    )


def _show(sentence: str) -> str:
    """A sentence that shows what it holds: an opened text or an unknown event may hold marks that steer a terminal or a reader."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in sentence)


def _subject(verified: Verified) -> Iterator[str]:
    subject, serving = verified.subject, verified.serving
    if subject is UNSET or (_is_brief(verified) and not subject.compared):
        return
    name = name_thing(subject.thing)
    if subject.compared:
        last = "" if serving is UNSET or serving.running else ", which ran there last and was stopped"
        yield f"The files that you gave are {name}{last}, unchanged."
    elif subject.held == "in-this-file":
        yield f"The list of files of {name} is in this file; the files themselves were not compared."
    else:
        yield f"The files of {name} are not in this file and were not compared."
