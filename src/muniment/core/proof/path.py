"""The trust path: how a reader's trust follows the members of a consortium as they change (docs/spec, section 11.6).

    walk = check_path(trust, steps)         # every set from the genesis on, each cosigned by a quorum of the one before
    walk.judge(size)                        # whom to believe about a checkpoint of this size
    follow(trust, steps)                    # the trust file of the newest set, for a reader whose own set is on the path

A path begins with the header of the genesis, whose leaf is the ledger's id. Every further step is a checkpoint that ends with a
header which carries `validators`: the set from then on. It is cosigned by the set before, so nobody but a quorum of those who
were believed until then says who is believed from then on. A step's note carries their lines alone, so that no bit of a path
can be changed and the path still hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from muniment.core.format import checkpoint, keys, layout, merkle, note
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.proof import consortium
from muniment.core.proof.header import open_header
from muniment.core.proof.part import UNSET, Absent, EntryBytes, Hashes, Part
from muniment.core.proof.receipt import format_checkpoint
from muniment.core.proof.trust import MAX_LOG_KEYS, Trust
from muniment.core.rules import members
from muniment.core.rules.members import Member, Publisher, Validators
from muniment.errors import InvalidInput, VerificationError

MAX_STEPS = 4_096

GENESIS_STEP = 2
COSIGNER_STEP = 4
HEADER_STEP = 8


class Step(Part, frozen=True, kw_only=True):
    """The header that names a set of members, and how it is shown.

    header: its exact bytes; for the first step those of the genesis, which needs nothing else
    note: the checkpoint that ends with it, signed by the set before and by nobody else
    proof: the inclusion of the header as the last entry of that checkpoint
    consistency: the proof that this checkpoint continues the one of the step before, for the second step the genesis alone
    """

    consistency: Hashes = ()
    header: EntryBytes
    note: str | Absent = UNSET
    proof: Hashes = ()


class Stage(msgspec.Struct, frozen=True):
    """A set of members: it judges checkpoints of more than `size` entries, until the next one does."""

    size: int
    trust: Trust


class Walk(msgspec.Struct, frozen=True):
    """A path that held. `own` is the last of its sets that is the one of the reader's trust file; None where none is.

    The last, because a set may come back: those who were members between are former ones then, and nobody's future.
    """

    stages: tuple[Stage, ...]
    own: int | None

    @property
    def newest(self) -> Trust:
        """The set at the end of the path."""
        return self.stages[-1].trust

    def judge(self, size: int) -> tuple[Trust, bool]:
        """Whom to believe about a checkpoint of so many entries; and whether that is a set before the reader's own.

        What a former set cosigned is only as good as keys that may long have left the hands of those who held them.
        """
        at = max(number for number, stage in enumerate(self.stages) if number == 0 or stage.size < size)
        judges = self.stages[at].trust
        if self.own is None:
            return judges, True
        return judges, at < self.own and not consortium.agree(judges, self.stages[self.own].trust)


def check_form(steps: Sequence[Step]) -> None:
    """Check the form of a path beyond its types. Raises InvalidInput (`path-form`, and those of notes and checkpoints)."""
    for number, step in enumerate(steps):
        bare = step.note is UNSET and not step.proof and not step.consistency
        if not bare if number == 0 else step.note is UNSET:
            raise InvalidInput("a path begins with the genesis alone, and every further step has a note", code="path-form")
        if step.note is not UNSET:
            _read_note(step.note)


def check_path(trust: Trust, steps: Sequence[Step]) -> Walk:
    """Walk a path from the genesis that the trust file names to its end.

    Raises InvalidInput for what has no form; VerificationError: step 2 (`path-genesis`, `origin`), step 3 where one operator's key
    had to sign (`log-key-unknown`, `log-signature`), step 4 (`path-order`, `path-line`, `path-quorum`, `cosignature`),
    step 5 (`consistency-...`), step 7 (`inclusion-...`) and step 8 (`header-...`, `path-members`).
    """
    check_form(steps)
    if not steps:
        raise InvalidInput("a path has at least the genesis", code="path-form")
    leaf = merkle.leaf(steps[0].header)
    if leaf.hex() != trust.ledger:
        raise VerificationError(
            f"the path does not begin with the genesis that the trust file names, {trust.ledger[:8]}…",
            step=GENESIS_STEP,
            code="path-genesis",
            hint="This is another ledger under the same name, or the same one rewritten. Ask its owner which id is right.",
        )
    stages = [Stage(0, _found(trust, steps[0].header))]
    before = Checkpoint(trust.origin, 1, leaf)
    for step in steps[1:]:
        before, validators = _take(step, before, stages[-1].trust)
        stages.append(Stage(before.size, _to_trust(trust, validators, stages[-1].trust.log_keys)))
    own = [number for number, stage in enumerate(stages) if consortium.agree(stage.trust, trust)]
    return Walk(tuple(stages), own[-1] if own else None)


def follow(trust: Trust, steps: Sequence[Step]) -> Trust:
    """The trust file of the newest set, for a reader whose own set is on the path; the log keys that he knew are kept.

    Raises as `check_path`, and VerificationError (step 4, `path-apart`) where his set is not on it.
    """
    walk = check_path(trust, steps)
    if walk.own is None:
        raise VerificationError(
            "the path does not lead over the members that the trust file names",
            step=COSIGNER_STEP,
            code="path-apart",
            hint="Ask the ledger's owner, by another way than this one, which members it has.",
        )
    newest = walk.newest
    taken = {each.verifier.public_key for each in newest.cosigners}
    known = [each for each in dict.fromkeys((*newest.log_keys, *trust.log_keys)) if each.public_key not in taken]
    return msgspec.structs.replace(newest, log_keys=tuple(known[:MAX_LOG_KEYS]))


def read_end(steps: Sequence[Step]) -> int:
    """The size of the checkpoint that the last step of a path ends with; 0 for the genesis alone, or nothing."""
    last = steps[-1].note if steps else UNSET
    return 0 if last is UNSET else _read_note(last).size


def is_led(trust: Trust) -> bool:
    """Does a path lead on from this trust file: one that names the members of a set, or one operator's key and nobody else?

    A file that its reader made to his own mind judges alone: no path may take the place of what he asks for.
    """
    return consortium.names_members(trust) or (not trust.cosigners and not trust.quorum)


def read_founders(raw: bytes) -> Validators | None:
    """The members that a genesis header names; None where it names none. Raises VerificationError (step 8)."""
    header = open_header(raw, 0)
    try:
        founding = msgspec.json.decode(header.genesis if header.genesis is not UNSET else b"", type=_Founding)
        if not founding.members:
            return None
        return members.check(Validators(members=founding.members, publisher=founding.publisher))
    except (InvalidInput, msgspec.DecodeError) as error:
        raise _bad_members(0, error) from None


class _Founding(msgspec.Struct, frozen=True):
    """What of a genesis says who its members are; the rest is not for a path."""

    members: tuple[Member, ...] = ()
    publisher: Publisher | Absent = UNSET


def _found(trust: Trust, raw: bytes) -> Trust:
    """Whom to believe at the beginning: the founding members, or, where there are none, the keys that the reader knows."""
    founders = read_founders(raw)
    if founders is None:
        return Trust(trust.origin, trust.ledger, trust.log_keys)
    return _to_trust(trust, founders, ())


def _take(step: Step, before: Checkpoint, judges: Trust) -> tuple[Checkpoint, Validators]:
    """Check one step against the checkpoint and the set before it."""
    now = _open_note("" if step.note is UNSET else step.note, judges)
    if now.size <= before.size:
        raise VerificationError(f"a step of {now.size} entries follows one of {before.size}", step=COSIGNER_STEP, code="path-order")
    merkle.check_consistency(before.size, now.size, step.consistency, before.root, now.root)
    merkle.check_inclusion(merkle.leaf(step.header), now.size - 1, now.size, step.proof, now.root)
    header = open_header(step.header, now.size - 1)
    if header.validators is UNSET:
        raise _bad_members(header.size, "its header names none")
    try:
        return now, members.decode(bytes(header.validators))
    except InvalidInput as error:
        raise _bad_members(header.size, error) from None


def _open_note(text: str, judges: Trust) -> Checkpoint:
    """Verify a step's note: every line is by the set before, each once, and there are enough of them."""
    raw = text.encode()
    parsed = note.parse(raw)
    found = checkpoint.parse(parsed.text)
    if found.origin != judges.origin:
        raise VerificationError(f"a step of the path is about {found.origin}", step=GENESIS_STEP, code="origin")
    if not judges.quorum:
        note.open(raw, judges.log_keys)
    by_log = [] if judges.quorum else judges.log_keys
    verifiers = [each.verifier for each in judges.cosigners]
    known = {(each.name, each.key_id) for each in (*by_log, *verifiers)}
    lines = [(each.name, each.key_id) for each in parsed.signatures]
    if len(set(lines)) != len(lines) or not known.issuperset(lines):
        raise VerificationError(
            "a step of the path carries a line by somebody who was no member then, or one line twice",
            step=COSIGNER_STEP,
            code="path-line",
        )
    voices = checkpoint.open_cosignatures(parsed, verifiers)
    if len(voices) < judges.quorum:
        raise VerificationError(
            f"{len(voices)} of {len(verifiers)} members cosigned the change at {found.size} entries, {judges.quorum} must have",
            step=COSIGNER_STEP,
            code="path-quorum",
            details={"size": found.size},
        )
    return found


def _to_trust(trust: Trust, validators: Validators, log_keys: Sequence[keys.Verifier]) -> Trust:
    try:
        return consortium.to_trust(trust.origin, trust.ledger, validators, log_keys)
    except InvalidInput as error:
        raise _bad_members(0, error) from None


def _read_note(text: str) -> Checkpoint:
    """The checkpoint that the text of a note holds, which is in its one form. Raises InvalidInput."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("a checkpoint is not valid Unicode text", code="not-unicode") from None
    format_checkpoint(raw)
    return checkpoint.parse(note.parse(raw).text)


def _bad_members(index: int, reason: object) -> VerificationError:
    return VerificationError(
        f"the header at entry {index} names no members that can be believed: {reason}", step=HEADER_STEP, code="path-members"
    )


layout.settle(globals().values())
