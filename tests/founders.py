"""Members of a consortium to be founded, each in a home of its own; for tests of the founding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from muniment.client import home as homes
from muniment.client.home import Home
from muniment.core.format import checkpoint, note
from muniment.core.rules.chain import Sealed as Block
from muniment.core.rules.chain import Submission
from muniment.core.rules.members import Validators
from muniment.core.rules.policy import Verdict
from muniment.ledger import signers
from muniment.ledger.embedded import Embedded
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.ledger.store.file import Store
from muniment.node.cosigning import sealing as cosigning
from muniment.node.founding import answer as answers
from muniment.node.founding import document, drafting, joining, sealing
from muniment.node.founding.answer import Answer
from muniment.node.founding.draft import Draft
from muniment.node.founding.joining import Asked, Invitation
from muniment.node.founding.ledger_file import Clock
from muniment.node.founding.sealing import Sealed

ORIGIN = "example.com/credit"
MEMBERS = ("auditor", "bank", "clinic", "lab")
TIME = "2026-11-23T14:00:00.000000Z"
NOW = 1_795_442_400_000_000


def clock() -> int:
    """A fixed moment after the draft."""
    return NOW


def draft(members: Sequence[str] = MEMBERS, *, policy: str = "team", publisher: str | None = "lab") -> Draft:
    """A draft of a new ledger."""
    return drafting.draft_new(ORIGIN, members, TIME, policy, publisher)


def invite(found: Draft) -> Invitation:
    """The draft as a member reads it from its file."""
    return joining.read_invitation(document.encode(found))


def join(folder: Path, found: Draft, organisation: str, **asked: str) -> Answer:
    """A member joins in a home of its own below `folder`; the answer as others read it from its file."""
    said = Asked(**{"person": f"{organisation}-ada", "p2p": f"{organisation}.example:26656", **asked})
    return answers.decode(document.encode(joining.join(folder / organisation, invite(found), organisation, said)))


def join_all(folder: Path, found: Draft) -> list[Answer]:
    """All members join."""
    return [join(folder, found, each) for each in found.members]


def seal(folder: Path, found: Draft, organisation: str, given: Sequence[Answer], clock: Clock = clock) -> Sealed:
    """A member seals what it got from the others."""
    home = folder / organisation
    return sealing.seal(home, sealing.gather(home, found, given), clock)


def solo(folder: Path, actor: str = "alice") -> Home:
    """A ledger of one operator."""
    return homes.found(folder, origin=ORIGIN, actor=actor)


class Assembly(Embedded):
    """All members of a founded consortium in one process: what they judge alike, all of them cosign at once.

    Blocks go into the ledger of one member's home; whoever opens any of the homes reaches that ledger (`meet`).
    """

    def __init__(self, folder: Path, organisation: str) -> None:
        super().__init__(Store.open(folder / organisation / "ledger.db"), None, accept_clock=True)
        self._folder = folder

    def append_block(self, submissions: list[Submission]) -> list[Verdict]:
        """Judge one block; the members in force before it sign its checkpoint."""
        judged = self._store.append(submissions, self._next_time, self._sealing(self._store.validators))
        return judged.verdicts

    def cosign_genesis(self) -> None:
        """What the nodes exchange before anything else: the lines of all members under the first checkpoint."""
        with self._store.view() as view:
            text = note.parse(view.checkpoint_at(0)).text
        table = Cosignatures(self._store.path)
        table.write({0: dict(self._lines(self._store.validators, text))})
        table.close()

    def _sealing(self, validators: Validators | None) -> Callable[[Block], bytes]:
        def seal(sealed: Block) -> bytes:
            text = cosigning.format(sealed)
            lines = [note.parse_signature(line) for _, line in self._lines(validators, text)]
            return note.format(note.Note(text, tuple(lines)))

        return seal

    def _lines(self, validators: Validators | None, text: str) -> Iterator[tuple[str, str]]:
        keys = {each.public_key.hex(): each for each in map(signers.load_file, self._folder.rglob("cosigner.key*"))}
        for member in () if validators is None else validators.members:
            name = f"{ORIGIN}/{member.organisation}"
            yield member.organisation, checkpoint.cosign(note.Note(text, ()), name, keys[member.cosigner], NOW // 1_000_000)


def meet(monkeypatch: pytest.MonkeyPatch, folder: Path, organisation: str = "lab") -> None:
    """Let everybody who opens a home below `folder` reach the one ledger of the consortium."""
    first = Assembly(folder, organisation)
    first.cosign_genesis()
    first.close()
    monkeypatch.setattr(Home, "open", lambda *_, **__: Assembly(folder, organisation))


def found(folder: Path, members: Sequence[str] = MEMBERS, **said: str) -> list[Answer]:
    """All members join and seal; their answers."""
    drafted = draft(members, **said)
    given = join_all(folder, drafted)
    for each in members:
        seal(folder, drafted, each, given)
    return given
