"""Moving a solo ledger in: its owner writes down the members, then hands out a copy that every member audits whole.

Nothing is recorded anew. The heights go on, and what the log's own key signed goes on to verify: the draft carries that key,
and every member's trust file names it. From then on a block is what the members vote for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from muniment.client.home import Home
from muniment.core.format import keys, note
from muniment.core.format.keys import Verifier
from muniment.core.rules.members import Validators
from muniment.errors import Conflict, InvalidInput, VerificationError
from muniment.ledger.folder import sync_folder
from muniment.ledger.store.file import Store
from muniment.ledger.store.fsck import fsck
from muniment.node.founding import ledger_file
from muniment.node.founding.answer import Answer
from muniment.node.founding.consortium import Start
from muniment.node.founding.draft import UNSET, Draft
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


def check_members(in_force: Validators | None, answers: tuple[Answer, ...]) -> None:
    """Check that the ledger itself says who its members are. Raises Conflict (`members-differ`) with the commands that mend it."""
    missing = list(list_missing(in_force, answers))
    if missing:
        raise Conflict(
            f"the ledger does not name the members as they answered: {len(missing)} changes are missing",
            code="members-differ",
            hint=f"Its owner runs: {'; '.join(missing)}",
            details={"missing": missing},
        )


def list_missing(in_force: Validators | None, answers: tuple[Answer, ...]) -> Iterator[str]:
    """The commands by which the owner writes down what the answers say and the ledger does not."""
    known = {} if in_force is None else {each.organisation: each for each in in_force.members}
    for each in answers:
        if each.organisation not in known:
            yield f"muniment member admit {each.organisation}.answer.json"
        elif known[each.organisation] != each.member:
            yield f"muniment member rotate {each.organisation} --answer {each.organisation}.answer.json"
    for organisation in sorted(known.keys() - {each.organisation for each in answers}):
        yield f"muniment member remove {organisation}"
    published = None if in_force is None or in_force.publisher is UNSET else in_force.publisher
    wanted = next((each.publisher for each in answers if each.publisher is not None), None)
    if wanted is not None and wanted != published:
        yield f"muniment member publish {wanted.organisation} --answer {wanted.organisation}.answer.json"


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
            sync_folder(each)
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
