"""What a consortium adds to the file: who the members were, what they said of checkpoints, and what the engine's heights led to."""

from __future__ import annotations

import apsw

from muniment.core.format import checkpoint, keys, note
from muniment.core.format.note import Note
from muniment.core.rules.members import UNSET, Validators
from muniment.errors import MunimentError, VerificationError
from muniment.ledger.store.fsck import seals
from muniment.ledger.store.fsck.report import Findings
from muniment.ledger.store.fsck.walk import Walk

_LINES = (
    "SELECT height, iif(typeof(organisation) = 'text', organisation, NULL), iif(typeof(line) = 'text', line, '')"
    " FROM cosignature ORDER BY height, organisation"
)
_TEXT = "SELECT iif(typeof(checkpoint) = 'blob', checkpoint, NULL) FROM block WHERE height = ?"
_MARKS = (
    "SELECT height, iif(typeof(size) = 'integer', size, -1), iif(typeof(root) = 'blob', root, x'') FROM consensus ORDER BY height"
)


def check_memberships(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """A row for each header that names a set of members, and no other."""
    expected = {height for height, _ in walk.terms}
    with findings.reading("membership"):
        found = {height for (height,) in sql.execute("SELECT height FROM membership")}
        for height in sorted(expected - found):
            findings.add("missing-membership", "membership", height, f"that block {height} names members is not noted")
        for height in sorted(found - expected):
            if height not in walk.lost:
                findings.add("stray-membership", "membership", height, f"block {height} names no members")


def check_cosignatures(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """Each line is over the checkpoint of its block, by a member who stands behind it or by the publisher's key."""
    at, parsed, judges = -1, None, None
    verifiers: dict[str, keys.Verifier] = {}
    with findings.reading("cosignature"):
        for height, organisation, line in sql.execute(_LINES):
            if height != at:
                at, parsed = height, _read(sql, height)
                if parsed is not None and judges is not (judges := walk.cosigners(height)):
                    verifiers = {}
                if parsed is not None and judges is not None and not verifiers:
                    verifiers = _verifiers(parsed, judges)
            name = f"{height} {organisation or 'log'}"
            if parsed is None:
                # The row of the block is named already, where there should be one.
                if not findings.names("block", height):
                    findings.add("stray-cosignature", "cosignature", name, f"a line is kept on block {height}, which is not there")
            elif not findings.names("block", height):
                _check_line(parsed, verifiers.get(organisation), line, name, findings)


def check_marks(sql: apsw.Connection, walk: Walk, findings: Findings) -> None:
    """What each height of the engine led to is a block's end and its root, and the ledger never became shorter."""
    before = 0
    with findings.reading("consensus"):
        for height, size, root in sql.execute(_MARKS):
            known = walk.roots.get(size)
            # A root that nobody signed is named with its block.
            if size < before or (known != root and (known is not None or walk.is_signed)):
                findings.add("mark", "consensus", height, f"the engine's height {height} led to no block of this ledger")
            before = max(before, size)


def _check_line(parsed: Note, verifier: keys.Verifier | None, line: str, name: str, findings: Findings) -> None:
    if verifier is None:
        findings.add("stray-cosignature", "cosignature", name, f"{name}: nobody of that name judged this block")
        return
    try:
        alone = Note(parsed.text, (note.parse_signature(line),))
        if verifier.type == keys.ED25519:
            note.open(note.format(alone), (verifier,))
        elif not checkpoint.open_cosignatures(alone, (verifier,)):
            raise VerificationError("it is by another key", step=4, code="cosignature")
    except MunimentError as error:
        findings.add("cosignature", "cosignature", name, f"{name}: the line does not hold: {error}")


def _verifiers(parsed: Note, judges: Validators) -> dict[str, keys.Verifier]:
    origin = checkpoint.parse(parsed.text).origin
    found = dict(zip([each.organisation for each in judges.members], seals.cosigners(origin, judges), strict=True))
    if judges.publisher is not UNSET:
        found[""] = keys.derive(origin, bytes.fromhex(judges.publisher.key))
    return found


def _read(sql: apsw.Connection, height: int) -> Note | None:
    raw = sql.execute(_TEXT, (height,)).get
    try:
        return None if raw is None else note.parse(raw)
    except MunimentError:
        return None
