"""What a home seals: a draft with all answers, or another member's sealed file; and the ledger that moves in, put in its place.

consortium = prepare(folder, invitation, answers, ledger, copy)
sealing.seal(folder, consortium, clock)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from muniment.client.home import Home
from muniment.core.rules.members import Validators
from muniment.errors import Conflict
from muniment.ledger.store.file import Store
from muniment.node.founding import joining, ledger_file, moving, sealing
from muniment.node.founding.answer import Answer
from muniment.node.founding.consortium import Consortium, Start
from muniment.node.founding.draft import Draft
from muniment.node.founding.joining import Invitation
from muniment.node.founding.moving import Progress
from muniment.node.places import NodePlaces

Write = Callable[[tuple[Answer, ...]], None]
"""Writes members into the ledger of this home."""


def prepare(
    folder: Path,
    invitation: Invitation,
    answers: list[Answer],
    ledger: Path | None = None,
    copy: Path | None = None,
    write: Write | None = None,
    progress: Progress | None = None,
) -> Consortium:
    """What is to be sealed in this home, verified as a whole.

    Where a ledger moves in, it lies in its place when this returns: `ledger` is the copy that its owner made, which is audited.
    In the owner's own home `write` writes the members into it, the log's key is handed over to the node, and the copy for the
    others is written to `copy`.
    Raises as `consortium.build`, `moving.copy`, `moving.check_members` and `moving.export`; Conflict (`other-start`).
    """
    draft, sealed = invitation.draft, invitation.sealed

    def build(start: Start | None) -> Consortium:
        if sealed is None:
            return sealing.gather(folder, draft, answers, start)
        if start is not None and sealed.start != start:
            raise Conflict(
                f"the ledger here ends after {start.size} entries, and the sealed file starts after {sealed.start.size}",
                code="other-start",
                hint="Ask for the copy that was made with this sealed file; both belong together.",
            )
        return sealed

    places = NodePlaces(folder)
    if sealed is not None and (not sealed.moved or places.consortium.exists()):
        return sealed
    if not draft.moves:
        return build(None)
    if Home(folder).log_key.exists() and copy is not None and write is not None:
        return _move_own(folder, draft, copy, build, write)
    if places.ledger.exists():
        # An earlier call was interrupted after the ledger was in its place.
        start, in_force = _measure(places)
        moving.check_members(in_force, build(start))
        return build(start)
    if ledger is None:
        return build(None)
    return _move_in(folder, draft, ledger, build, progress)


def _measure(places: NodePlaces) -> tuple[Start, Validators | None]:
    """Where the ledger here stands, and the members whom it names."""
    store = Store.open(places.ledger)
    try:
        return ledger_file.measure(store), store.validators
    finally:
        store.close()


def _move_in(folder: Path, draft: Draft, copy: Path, build: Callable[[Start], Consortium], progress: Progress | None) -> Consortium:
    """Audit the copy of the ledger that moves in, seal what `build` makes of its end, and put the copy into this home.

    Raises as `moving.copy`, `moving.check_members` and `build`; then nothing of it stays here.
    """
    with ledger_file.in_place(NodePlaces(folder).ledger) as beside:
        copied = moving.copy(copy, beside, draft, progress)
        consortium = build(copied.start)
        moving.check_members(copied.members, consortium)
    return consortium


def _move_own(folder: Path, draft: Draft, copy: Path, build: Callable[[Start], Consortium], write: Write) -> Consortium:
    """Let the ledger of this home move in: its members are written into it, and its log's key goes to the node.

    Everything that the answers could be refused for is checked before anything is written. Raises Conflict (`still-written`,
    `already-served`, `members-differ`), and as `build` and `write`.
    """
    places = NodePlaces(folder)
    start, in_force = _measure(places)
    consortium = build(start)
    answer = joining.load_answer(places)
    sealing.check_own(places, consortium, answer)
    if in_force is None:
        write(consortium.answers)
        _, in_force = _measure(places)
    moving.check_members(in_force, consortium)
    with moving.handed_over(folder, draft, answer.organisation):
        return build(moving.export(folder, copy))
