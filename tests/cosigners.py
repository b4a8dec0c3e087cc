"""Members who exchange cosignatures in one process: real ledgers, real keepers, ways between them that a test may cut or bend.

    ring = Ring(tmp_path)                       # alpha, bravo, charlie, delta
    ring.block()                                # the same events, committed by everybody, told to everybody
    ring["alpha"].keeper.wait(1, 3.0)

No engine orders anything here: `block` stages and commits what it is given in every ledger that is up.
"""

from __future__ import annotations

import time as clocks
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from pathlib import Path

import msgspec

import makers
import membership
from league import ORGANISATIONS
from membership import publisher, signer
from muniment.core.format import checkpoint, note, time
from muniment.core.format.checkpoint import Checkpoint
from muniment.core.rules import chain, members
from muniment.core.rules.chain import Sealed
from muniment.errors import LedgerError, MunimentError, Unavailable
from muniment.ledger.store.file import Store
from muniment.net.wire import decode
from muniment.node.alarms import Alarms
from muniment.node.cosigning import sealing
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.cosigning.courier import Ask
from muniment.node.cosigning.intake import parse
from muniment.node.cosigning.keeper import Keeper
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.message import Heard, Told
from muniment.node.settings import Peer
from muniment.server.problems import Forbidden

_numbers = count(1)


class Block(msgspec.Struct):
    """What Cosigning is told of a commit."""

    sealed: Sealed | None
    consensus: int = 0


class Seat:
    """One member: a ledger and its part in the exchange."""

    def __init__(self, ring: Ring, organisation: str, folder: Path) -> None:
        self.ring = ring
        self.organisation = organisation
        self.folder = folder
        self.path = folder / "ledger.db"
        self.up = False
        self.clock: Callable[[], float] = lambda: ring.clock()
        self.alarms = Alarms()
        self.numbers = range(2)
        """Which of his keys this member has."""
        self.met: list[Peer] = []
        """Whose addresses were written down since it started."""

    @property
    def keeper(self) -> Keeper:
        """The lines."""
        return self.cosigning.keeper

    def start(self) -> None:
        """Open the ledger, and begin."""
        self.store = Store.open(self.path)
        self.cosigning = Cosigning(
            self.path,
            self.organisation,
            Keyring([signer(self.organisation, "cosign", number) for number in self.numbers]),
            [Peer(organisation=each, url=f"http://{each}.test") for each in self.ring.names if each != self.organisation],
            self.alarms,
            evidence=self.folder / "evidence",
            publishers=Keyring([signer(self.organisation, "publish")]),
            reach=lambda peer: self.ring.way(self.organisation, peer.organisation),
            look=lambda: self.met,
            keep=self.store.cosign,
            clock=lambda: self.clock(),
        )
        self.cosigning.open()
        self.up = True

    def stop(self) -> None:
        """End, as a process does that was told to."""
        self.up = False
        self.cosigning.close()
        self.store.close()

    def commit(self, entries: Sequence[bytes]) -> None:
        """Judge and write a block of the engine, and tell."""
        mark = self.store.mark()
        height = 1 if mark is None else mark.height + 1
        staged = self.store.stage(chain.open_submissions(entries), self.ring.next_time)
        self.store.commit(staged, self.cosigning.seal, height)
        self.cosigning.committed(Block(staged.sealed, height))

    def answer(self, told: Told) -> Heard:
        """As the route does."""
        return self.cosigning.answer(parse(told.notes, self.keeper.origin))

    def codes(self) -> dict[str, str]:
        """The alarms that stand, by code: who each is about."""
        return {each.code: each.organisation for each in self.alarms.standing()}


class Ring:
    """The members. `cut` has the ways (from, to) on which nothing comes through; `bend` changes answers on their way."""

    def __init__(
        self,
        folder: Path,
        names: Sequence[str] = ORGANISATIONS,
        *,
        publishing: str = "alpha",
        start: bool = True,
        clock: Callable[[], float] = clocks.time,
    ) -> None:
        self.names = tuple(names)
        self.clock = clock
        self.now = int(clock() * 1_000_000)
        self.cut: set[tuple[str, str]] = set()
        self.bend: dict[tuple[str, str], Callable[[Heard], Heard]] = {}
        self.asked: list[tuple[str, str, Told]] = []
        founding = membership.founding(names, publisher(publishing) if publishing else members.UNSET)
        self.seats: dict[str, Seat] = {}
        for name in names:
            seat = self.seats[name] = Seat(self, name, folder / name)
            seat.folder.mkdir()

            def seal(sealed: Sealed, name: str = name) -> bytes:
                return sealing.sign(sealed, name, signer(name, "cosign"), self.now // 1_000_000)

            store = Store.create(seat.path, founding, time.format(self.now), seal)
            with store.view() as view:
                self.ledger = view.position.ledger
            store.close()
        if start:
            for seat in self.seats.values():
                seat.start()

    def __getitem__(self, name: str) -> Seat:
        return self.seats[name]

    def next_time(self, _: str) -> str:
        """The time of the block that is being made, the same for all."""
        return time.format(self.now)

    def block(self, *entries: bytes, who: Iterable[str] | None = None) -> None:
        """One block of these events (of a new one where none is named) in every ledger that is up, or in these."""
        self.now = max(self.now + 1, int(self.clock() * 1_000_000))
        given = entries or (self.event(),)
        for name in self.names if who is None else who:
            if self[name].up:
                self[name].commit(given)

    def event(self) -> bytes:
        """A new event."""
        return makers.sign(self.ledger, "system.registered", name=f"system-{next(_numbers)}", operatorRole="provider")

    def change(self, organisation: str, change: str, **fields: object) -> bytes:
        """A change of members."""
        return makers.sign(self.ledger, "member.changed", member=organisation, change=change, **fields)

    def way(self, here: str, there: str) -> Ask:
        """The way from one to another: what is said goes through its JSON."""

        def ask(told: Told) -> Heard:
            self.asked.append((here, there, told))
            if (here, there) in self.cut or not self[there].up:
                raise Unavailable(f"{there} cannot be reached", code="unreachable")
            sent = decode(msgspec.json.encode(told), Told)
            try:
                heard = decode(msgspec.json.encode(self[there].answer(sent)), Heard)
            except Forbidden as error:
                raise LedgerError(str(error), code=error.code) from None
            answer = self.bend.get((here, there), lambda each: each)(heard)
            if (here, there) in self.cut:
                # Cut while it was under way: what was asked before tells nothing of what came after.
                raise Unavailable(f"{there} cannot be reached", code="unreachable")
            return answer

        return ask

    def silence(self, name: str) -> None:
        """Nothing goes from or to a member."""
        for other in self.names:
            self.cut |= {(name, other), (other, name)}

    def close(self) -> None:
        """End all that are up."""
        for seat in self.seats.values():
            if seat.up:
                seat.stop()


def checkpoint_of(seat: Seat, height: int | None = None) -> note.Note:
    """A checkpoint as the ledger's file has it."""
    with seat.store.view() as view:
        return note.parse(view.checkpoint if height is None else view.checkpoint_at(height))


def cosign(text: str, name: str, *, number: int = 0, at: float | None = None, forged: bool = False) -> str:
    """A note with one member's line over a text; forged: by somebody who only knows his name and key id."""
    when = int(clocks.time() if at is None else at)
    key = signer(name, "cosign", number)
    line = note.parse_signature(checkpoint.cosign(note.Note(text, ()), members.cosigner_name(makers.ORIGIN, name), key, when))
    if forged:
        line = msgspec.structs.replace(line, blob=line.blob[:8] + bytes(64))
    return note.format(note.Note(text, (line,))).decode()


def other_root(text: str, salt: int = 1) -> str:
    """The text of a checkpoint of the same size with another root."""
    found = checkpoint.parse(text)
    return checkpoint.format(Checkpoint(found.origin, found.size, bytes([found.root[0] ^ salt]) + found.root[1:]))


def at_size(text: str, size: int) -> str:
    """The text of a checkpoint of another size."""
    found = checkpoint.parse(text)
    return checkpoint.format(Checkpoint(found.origin, size, found.root))


def until(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until something holds."""
    end = clocks.monotonic() + seconds
    while not holds():
        if clocks.monotonic() > end:
            return False
        clocks.sleep(0.005)
    return True


__all__ = ["MunimentError", "Ring", "Seat"]
