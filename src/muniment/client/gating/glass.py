"""Breaking the glass: somebody with a key here lets a version start now, and the ledger is told, now or later.

What is signed is a `waiver.granted` of the rule `gate`. Where the ledger cannot take it, it waits in the spool like any other
event, and a copy lies beside the answer that the gate keeps. Until the ledger has it, it is worth what can be checked here: its
signature, the ledger and the version that it names, its expiry by this machine's clock, and the standing of its key as far as
the last answer shows it. Whether a role of the signer may grant waivers is judged by the ledger alone, when it is recorded.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from muniment.client import moments, proving
from muniment.client.drafting import Plain
from muniment.client.gating.asking import GATE, WAIVER, Asked, open_at_once
from muniment.client.gating.decision import Cause, Glass, WaiverState
from muniment.client.home import Home, check_new_actor
from muniment.client.rehearsing import Judged, Rehearser
from muniment.client.standpoint import Standpoint
from muniment.client.writing import Writer
from muniment.core.format import time
from muniment.core.format.digest import short
from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.proof.inquiry import GateQuestion
from muniment.core.proof.verify.freshness import MAX_AHEAD_S, SECOND
from muniment.core.rules import chain
from muniment.core.rules.events import Event, WaiverGranted
from muniment.errors import CorruptStore, InvalidInput, InvariantError, LedgerError, MunimentError, Unavailable
from muniment.ledger import signers
from muniment.ledger.refusals import NODE
from muniment.ledger.spool import Spool

UNKNOWN = "unknown"


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A broken glass: the waiver's id, until when it lets the version start, and what became of it.

    causes: why the ledger refuses it, where it does for another reason than that it does not know the version
    """

    waiver: str
    until: str
    state: WaiverState
    notes: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A signed waiver that lies here and holds as far as that can be checked here; `notes` say what could not be."""

    waiver: str
    until: str
    notes: tuple[str, ...]


def place(receipt: Path) -> Path:
    """Where the copy of a signed waiver lies: beside the answer that is kept."""
    return receipt.with_name(f"{receipt.name}.waiver")


def break_glass(writer: Writer, question: GateQuestion, glass: Glass, receipt: Path, asked: Asked | None) -> Broken:
    """Sign the waiver, and have it recorded or kept. `asked` is the last answer of the ledger that holds.

    Raises MunimentError where nobody here can sign, and where what was signed can be kept nowhere.
    """
    # The ledger's own service answers for nobody.
    check_new_actor(writer.actor)
    until = moments.write(glass.length)
    fields: dict[str, Plain] = {
        "rule": GATE,
        "version": question.version,
        "environment": question.environment,
        "expiresAt": until,
        "reason": glass.reason,
    }
    standing = _judge_key(writer.load_signer().public_key.hex(), writer.actor, asked, writer.home)
    refused = (standing,) if isinstance(standing, Cause) else _rehearse(writer, fields)
    if any(each.code != UNKNOWN for each in refused):
        return Broken(waiver="", until="", state="refused", causes=refused)
    event, raw = writer.sign(WAIVER, fields)
    notes: list[str] = [] if isinstance(standing, Cause) else [standing]
    state: WaiverState = "refused" if refused else _record(writer, event, raw)
    if refused:
        # Nobody is kept from a decision that he answers for, and nothing that was signed is lost: it will lie in rejected/.
        writer.spool.store(raw)
        with suppress(LedgerError):
            writer.drain()
        notes = [
            "The ledger does not know this version and refuses the waiver: it lies in rejected/, and lets nothing start again."
        ]
    elif state == "waiting":
        notes.append("The waiver is signed and waits in the spool: the next command that reaches the ledger records it.")
        if not _is_known(question, asked):
            notes.append("Nothing here shows that the ledger knows this version. If it does not, the waiver will end in rejected/.")
    try:
        proving.save(place(receipt), raw)
    except LedgerError as error:
        notes.append(f"The waiver could not be kept beside the answer as well: {error}.")
    return Broken(waiver=event.event_id, until=until, state=state, notes=tuple(notes))


def _is_known(question: GateQuestion, asked: Asked | None) -> bool:
    """Does the last answer show that the ledger knows the version?"""
    if asked is None or asked.question.version != question.version:
        return False
    return all(each.rule != UNKNOWN for each in asked.findings.objections)


def find_refusable(writer: Writer) -> frozenset[str]:
    """The waivers that wait although the ledger can be asked, and that it says it would refuse; none where it cannot say so."""
    found = set()
    for path in writer.spool.pending():
        event, _ = _open(path)
        if event is None:
            continue
        with suppress(LedgerError, OSError):
            (verdict,) = writer.engine.judge([path.read_bytes()])
            if verdict.decision == "refused":
                found.add(event.event_id)
    return frozenset(found)


def find_kept(
    stand: Standpoint,
    question: GateQuestion,
    receipt: Path | None,
    asked: Asked | None,
    now: int,
    refusable: Collection[str] = (),
) -> Kept | tuple[Cause, ...]:
    """A signed waiver that lets this version start: one that waits in the spool, or the copy beside the answer at `receipt`, which
    is given only where the ledger could not be asked. Else what speaks against those that lie here.

    now: this machine's clock, in microseconds since 1970; refusable: waivers that the ledger would refuse
    """
    spool = Spool(stand.home.spool)
    # By what lies there and not by the reasons beside it, which somebody may have removed.
    refused = [each.path for each in spool.rejected()]
    rejected = {*refusable, *[event.event_id for event, _ in map(_open, refused) if event is not None]}
    causes: list[Cause] = []
    for path in (*spool.pending(), *([] if receipt is None else [place(receipt)]), *refused):
        event, keyid = _open(path)
        wanted = (stand.trust.ledger, question.version, question.environment)
        if event is None or (event.ledger, event.version, event.environment) != wanted:
            continue
        if asked is not None and event.event_id in asked.question.waivers:
            # The ledger has it, so the record decides.
            continue
        judged = _judge_waiver(event, now, rejected) or _judge_key(keyid, event.actor, asked, stand.home)
        if isinstance(judged, str):
            return Kept(waiver=event.event_id, until=event.expires_at, notes=(judged,))
        causes.append(judged)
    return tuple({cause.said: cause for cause in causes}.values())


def _rehearse(writer: Writer, fields: dict[str, Plain]) -> tuple[Cause, ...]:
    """What the ledger has against the waiver; nothing where it cannot be asked."""
    try:
        Rehearser(writer).record(WAIVER, fields)
    except Judged as judged:
        reasons = judged.rehearsal.reasons
        return tuple(Cause(code=each.rule, said=f"{each.required} {each.found}", mend=each.mend) for each in reasons)
    except LedgerError:
        return ()
    raise InvariantError("a rehearsal ended without a verdict")


def _record(writer: Writer, event: Event, raw: bytes) -> WaiverState:
    try:
        writer.append(event, raw)
    except (Unavailable, CorruptStore):
        writer.spool.store(raw)
        return "waiting"
    return "recorded"


def _open(path: Path) -> tuple[WaiverGranted | None, str]:
    """The waiver of the gate in a file, once its signature holds, and the key that signed it."""
    try:
        with open(path, "rb", opener=open_at_once) as file:
            submission = chain.open_submission(file.read(MAX_ENTRY_BYTES + 1))
    except (OSError, InvalidInput):
        return None, ""
    event = submission.event
    return (event, submission.envelope.key.hex()) if isinstance(event, WaiverGranted) and event.rule == GATE else (None, "")


def _judge_waiver(event: WaiverGranted, now: int, rejected: Collection[str]) -> Cause | None:
    waiver = f"The waiver {event.event_id}"
    if event.event_id in rejected:
        return Cause(code="waiver-refused", said=f"{waiver} is refused by the ledger.", mend="See `muniment log --pending`.")
    if time.parse(event.expires_at) <= now:
        return Cause(code="waiver-expired", said=f"{waiver} expired at {event.expires_at} (by this machine's clock).")
    if time.parse(event.occurred_at) > now + MAX_AHEAD_S * SECOND:
        said = f"{waiver} was signed at {event.occurred_at}, which is later than this machine's clock."
        return Cause(code="clock", said=said, mend="Set this machine's clock right.")
    return None


def _judge_key(keyid: str, actor: str, asked: Asked | None, home: Home) -> Cause | str:
    """How the key of a waiver stands, in words, as far as that can be known here; a cause where it must not be believed."""
    standing = next((each for each in asked.findings.standing if each.key == keyid), None) if asked is not None else None
    key = f"the key {short(keyid)} of {actor}"
    if asked is not None and standing is not None:
        as_of = f"as of block {asked.verified.head.height} (header time {asked.verified.head.time})"
        if standing.in_force and standing.actor == actor:
            return f"It was signed with {key}, in force {as_of}."
        return Cause(code="waiver-key", said=f"The waiver was signed with {key}, which may not sign {as_of}.")
    path = home.actor_key(actor)
    with suppress(MunimentError):
        if actor != NODE and path.exists() and signers.load_file(path).public_key.hex() == keyid:
            return f"It was signed with {key}, which lies here. Whether the ledger knows that key could not be checked."
    said = f"The waiver was signed with {key}, and nothing here shows that the ledger knows it."
    return Cause(code="waiver-unverified", said=said)
