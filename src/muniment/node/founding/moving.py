"""Moving a solo ledger in: its owner writes down the members, then hands out a copy that every member audits whole.

All members are written down in one block, the last one of the solo time: it is still judged by the log's own key, and whatever
comes after it by a quorum of them.

Nothing is recorded anew. The heights go on, and what the log's own key signed goes on to verify: the draft carries that key,
and every member's trust file names it. From then on a block is what the members vote for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from muniment import disk
from muniment.client.council import Change
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.things import Recorded
from muniment.core.format import keys, note
from muniment.core.format.keys import Verifier
from muniment.core.rules.members import Validators
from muniment.core.rules.policy import PolicyViolation
from muniment.errors import Conflict, InvalidInput, VerificationError
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck
from muniment.node.founding import ledger_file
from muniment.node.founding.answer import Answer
from muniment.node.founding.consortium import Consortium, Start
from muniment.node.founding.draft import Draft
from muniment.node.places import NodePlaces
from muniment.server.process import claim

Progress = Callable[[int, int], None]
"""Entries done, and entries in all."""


class Copied(msgspec.Struct, frozen=True):
    """A copy that was found sound: where it ends, and the members whom it names."""

    start: Start
    members: Validators | None


def copy(source: Path, target: Path, draft: Draft, progress: Progress | None = None) -> Copied:
    """Copy a ledger's file to `target` and audit it: every signature, hash, rule and row is computed again.

    Whoever made the copy is not believed in anything. Raises VerificationError (`moved-ledger`) with the first row that is
    wrong, InvalidInput (`other-ledger`, `moved-already`), NotFound, CorruptStore.
    """
    reading = Store.open(source)
    try:
        reading.backup(target)
    finally:
        reading.close()
    store = Store.open(target)
    try:
        with store.view() as view:
            log = _find_log_key(view.checkpoint, draft)
        _audit(target, log, progress)
        if store.mark() is not None:
            raise InvalidInput(
                f"{source} is a consortium's ledger already",
                code="moved-already",
                hint="Ask one of its members for its sealed file instead, and join with it.",
            )
        found = Copied(ledger_file.measure(store), store.validators)
    finally:
        store.close()
    if found.start.ledger != draft.ledger:
        raise InvalidInput(
            f"{source} is the ledger {found.start.ledger[:8]}…, and the draft is about {str(draft.ledger)[:8]}…",
            code="other-ledger",
            hint="Ask its owner for the copy that `muniment consortium seal` wrote.",
        )
    return found


def check_members(in_force: Validators | None, consortium: Consortium) -> None:
    """Check that the ledger itself says who its members are. Raises Conflict (`members-differ`)."""
    if in_force != consortium.validators:
        named = "nobody" if in_force is None else ", ".join(each.organisation for each in in_force.members)
        raise Conflict(
            f"the copy of the ledger names {named} as its members, and not those of the answers with these keys",
            code="members-differ",
            hint="Seal with the answers that its owner had, and with the copy that he made then.",
        )


def write_members(ledger: Ledger, answers: Sequence[Answer], roles: tuple[str, ...]) -> list[Recorded]:
    """Write the members into the ledger that moves in: their first people, then all of them in its last block.

    roles: of each member's first person, where it is not enrolled yet. Done again, it does what is missing. Raises Conflict
    (`members-differ`) where the ledger has other members already, (`amendment-first`) where the amendment rule does not let them
    in, before anything is written; and as `Members.enrol` and `Members.move_in`.
    """
    council = ledger.members.in_force()
    if council is not None:
        return []
    changes = list_changes(answers)
    try:
        ledger.members.check_move_in(changes)
    except PolicyViolation as error:
        raise Conflict(
            f"nothing was written, because the amendment rule does not let the members in: {error}",
            code="amendment-first",
            hint="Let it ask for nobody until they are in: `amendment = {}`, by `muniment policy amend`. Then seal again.",
        ) from None
    done: list[Recorded] = []
    for each in answers:
        done += ledger.members.enrol(each.organisation, *each.list_requests(), roles)
    return done + ledger.members.move_in(changes)


def list_changes(answers: Sequence[Answer]) -> list[Change]:
    """The changes that make these members: who publishes comes first and is let to at once, while it alone has to agree."""
    ordered = sorted(answers, key=lambda each: (each.publisher is None, each.organisation))
    changes = []
    for each in ordered:
        body = each.body
        changes.append(Change(member=each.organisation, change="admit", validator_key=body.validator, cosigner_key=body.cosigner))
        if each.publisher is not None:
            changes.append(Change(member=each.organisation, change="publish", publisher_key=each.publisher.key))
    return changes


@contextmanager
def handed_over(folder: Path, draft: Draft, organisation: str) -> Iterator[None]:
    """Take the log's key away from where a solo ledger signs with it, so that nobody appends past the members any more.

    It becomes the publisher's key where its owner publishes; else it is kept beside, for nothing new. Where the block does not end
    well it is put back. A crash leaves it in its new place, where sealing again leaves it too.
    """
    home, places = Home(folder), NodePlaces(folder)
    target = places.publisher_key if draft.publisher == organisation else home.log_key.with_suffix(".key-ended")
    os.rename(home.log_key, target)
    try:
        for each in (home.log_key.parent, target.parent):
            disk.sync(each)
        yield
    except BaseException:
        os.rename(target, home.log_key)
        raise


def export(folder: Path, target: Path) -> Start:
    """Write the copy that the other members audit, and say where it ends. Raises Conflict (`still-written`), InvalidInput.

    A program that opened the ledger before its key was handed over could still write: then the copy is not kept.
    """
    held = claim.take([folder])
    store = Store.open(NodePlaces(folder).ledger)
    try:
        before = ledger_file.measure(store)
        store.backup(target)
        if ledger_file.measure(store) != before:
            target.unlink()
            raise Conflict(
                "another program wrote to the ledger while it was copied",
                code="still-written",
                hint="Stop whatever records here, then seal again.",
            )
        return before
    finally:
        store.close()
        held.release()


def _find_log_key(raw: bytes, draft: Draft) -> Verifier:
    """The key of the draft that signed the newest checkpoint. Raises VerificationError (`log-key-unknown`, `log-signature`)."""
    known = [keys.parse(each) for each in draft.log_keys]
    signed = {(each.name, each.key_id) for each in note.open(raw, known).verified}
    return next(each for each in known if (each.name, each.key_id) in signed)


def _audit(path: Path, log: Verifier, progress: Progress | None) -> None:
    report = fsck(path, log, progress)
    if report.findings or report.unchecked:
        first = report.findings[0].message if report.findings else report.unchecked[0]
        raise VerificationError(
            f"the copy of the ledger is not sound: {first}",
            step=8,
            code="moved-ledger",
            hint="Ask the owner for another copy over another way; do not found on this one.",
            details={"findings": [f"{each.table} {each.row}: {each.message}" for each in report.findings[:20]]},
        )
