"""A node's part in the exchange of cosignatures: it signs, tells the others, answers them, keeps what they say.

    cosigning = Cosigning.load(home, settings, alarms, store.cosign)
    cosigning.open()
    store.commit(staged, cosigning.seal, height)
    cosigning.committed(committed)              # after COMMIT: from here on others may have this node's line
    cosigning.keeper.wait(height, 3.0)

What a crash leaves: this node's own line stands in the block; lines of others that were not written yet are asked for again.
"""

from __future__ import annotations

import logging
import threading
import time as clocks
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec

from muniment.core.format import checkpoint
from muniment.core.proof import evidence as evidences
from muniment.core.rules.chain import Sealed
from muniment.errors import Conflict, InvariantError, MunimentError, NotFound
from muniment.ledger.pins import Pins
from muniment.ledger.store.cosignatures import Cosignatures
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.net.transport import Patience, Transport
from muniment.node.alarms import Alarms
from muniment.node.cosigning import divergence, sealing
from muniment.node.cosigning.ahead import Early
from muniment.node.cosigning.courier import NOT_A_MEMBER, OTHER_HISTORY, Ask, Courier
from muniment.node.cosigning.divergence import Divergences
from muniment.node.cosigning.intake import Intake, Parsed
from muniment.node.cosigning.keeper import Keeper, Lines, missing
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.message import MAX_BYTES, PATH, Heard, Ran
from muniment.node.cosigning.past import Past
from muniment.node.cosigning.renewal import Renewal
from muniment.node.cosigning.troubles import Lookout
from muniment.node.homes import NodeHome
from muniment.node.peers import Peers
from muniment.node.settings import NodeSettings, Peer
from muniment.server.problems import Forbidden
from muniment.server.standing import PeerStanding

CACHE_KIB = 2_048
EVIDENCE = "evidence"
SAVE_SECONDS = 0.5
CLOSING_SECONDS = 2.0
PATIENCE = Patience(connect=2.0, read=5.0, answer=10.0, retries=0.5, attempts=2)

_log = logging.getLogger("muniment.node.cosigning")


Keep = Callable[[Lines], None]
"""Writes the lines of some heights, in one transaction. Raises MunimentError where it cannot."""


class Committed(Protocol):
    """What is needed of a commit: the engine's height, and the block that it sealed, if it sealed one."""

    @property
    def consensus(self) -> int:
        """The engine's height."""

    @property
    def sealed(self) -> Sealed | None:
        """The block."""


class Cosigning:
    """`cosigners` are this member's cosigner keys: the one that is in force for a block signs it.

    `peers` are the other members' addresses, and `look` says who they are now (nobody: those stay); `evidence` is the folder for
    files that show two histories; `publishers` are the log's own keys that this member holds; `reach` makes the way to a peer;
    `keep` writes lines to the ledger's file (left out: through a connection of its own).
    """

    def __init__(
        self,
        path: Path,
        organisation: str,
        cosigners: Keyring,
        peers: Sequence[Peer],
        alarms: Alarms,
        *,
        evidence: Path,
        publishers: Keyring,
        ca: Path | None = None,
        reach: Callable[[Peer], Ask] | None = None,
        look: Callable[[], Sequence[Peer]] = tuple,
        keep: Keep | None = None,
        clock: Callable[[], float] = clocks.time,
    ) -> None:
        self.organisation = organisation
        self._path = path
        self._cosigners = cosigners
        self._publishers = publishers
        self._peers = tuple(peers)
        self._alarms = alarms
        self._evidence = evidence
        self._ca = ca
        self._reach = reach or self._reach_http
        self._look = look
        self._clock = clock
        self._open = ExitStack()
        self._table = Cosignatures(path)
        self._keep = keep or self._table.write
        self._store: Store | None = None
        self._keeper: Keeper | None = None
        self._couriers: tuple[Courier, ...] = ()
        self._ways: dict[str, Transport] = {}
        self._intake: Intake | None = None
        self._divergences = Divergences(organisation, Pins(evidence).keep, clock=clock)
        self._sealed: bytes = b""
        self._ran: Ran | msgspec.UnsetType = msgspec.UNSET
        self._doubts: deque[Sequence[Early]] = deque(maxlen=64)
        self._lookout: Lookout | None = None
        self._renewal: Renewal | None = None
        self._news = threading.Event()
        self._closing = False
        self._clerk = threading.Thread(target=self._run, name="cosigning", daemon=True)

    @classmethod
    def load(cls, home: NodeHome, settings: NodeSettings, alarms: Alarms, keep: Keep) -> Cosigning:
        """A node's own, with the keys in its folder: those in use, and those that are to take their place."""
        return cls(
            home.ledger,
            settings.organisation,
            Keyring(paths=(home.cosigner_key, home.next_cosigner_key)),
            settings.peers,
            alarms,
            evidence=home.folder / EVIDENCE,
            publishers=Keyring(paths=(home.publisher_key, home.next_publisher_key)),
            look=Peers(home.settings, settings.peers).look,
            keep=keep,
        )

    @property
    def keeper(self) -> Keeper:
        """The lines. Once it is open."""
        if self._keeper is None:
            raise _unopened()
        return self._keeper

    def open(self) -> None:
        """Read the newest checkpoints and begin to exchange them. Raises what is wrong with the ledger's file or the keys'."""
        self._cosigners.check()
        self._publishers.check()
        store = self._store = Store.open(self._path, CACHE_KIB)
        self._open.callback(store.close)
        self._open.callback(self._table.close)
        self._open.callback(self._part)
        past = Past(store)
        keeper = self._keeper = Keeper(past, self.organisation, self._publishers)
        intake = self._intake = Intake(keeper, past, self._divergences, clock=self._clock)
        keeper.open()
        self._ran = _read_ran(store)
        self._lookout = Lookout(keeper, intake, self._divergences, self._alarms)
        self._renewal = Renewal(self.organisation, keeper, self._cosigners, self._alarms, clock=self._clock)
        keeper.listen(self._nudge)
        self._meet(self._peers)
        self._clerk.start()

    def close(self) -> None:
        """End the exchange and write what is not written."""
        self._closing = True
        self._news.set()
        if self._clerk.is_alive():
            self._clerk.join(10.0)
        for each in self._couriers:
            each.stop()
        until = clocks.monotonic() + CLOSING_SECONDS
        for each in self._couriers:
            each.join(max(0.0, until - clocks.monotonic()))
        if self._keeper is not None:
            self._save()
        self._open.close()

    def seal(self, sealed: Sealed) -> bytes:
        """The checkpoint of a block under this member's own line: what the store writes with the block."""
        voters = None if self._keeper is None else self._keeper.judge(sealed.header.height)
        in_force = None if voters is None else voters.key(self.organisation)
        # Who is no member signs all the same, and counts for nobody.
        signer = self._cosigners.find(in_force) or self._cosigners.some()
        if signer is None:
            raise NotFound(
                f"the key that {self.organisation} cosigns with is not here",
                code="no-cosigner-key",
                hint="Bring back node/cosigner.key from a copy, or have the member's key exchanged by the others.",
            )
        self._sealed = sealing.sign(sealed, self.organisation, signer, int(self._clock()))
        return self._sealed

    def committed(self, committed: Committed) -> None:
        """A block is on the disk. Returns at once."""
        sealed, keeper = committed.sealed, self._keeper
        if keeper is None:
            return
        strays = [] if sealed is None else keeper.committed(sealed, self._own_note(sealed))
        self._ran = Ran(height=committed.consensus, root=checkpoint.parse(keeper.newest.text).root.hex())
        self._doubt(strays)

    def catch_up(self) -> None:
        """A snapshot was taken: its blocks are on the disk, and nobody was told of them."""
        keeper, store = self._keeper, self._store
        if keeper is None or store is None:
            return
        self._doubt(keeper.catch_up())
        self._ran = _read_ran(store)

    def answer(self, notes: Sequence[Parsed]) -> Heard:
        """Take what a peer sent, and tell what it lacks.

        Raises VerificationError for a forged line, Conflict (`other-history`, with the evidence) where a member signed another
        ledger than this, Forbidden (`not-a-member`) where no line on the first of them is a member's.
        """
        if self._intake is None:
            raise _unopened()
        # The first note is the ticket: for a stranger's nothing else is looked up.
        taken = self._intake.take(notes[:1])
        if taken.valid:
            self._intake.take(notes[1:], taken)
        if taken.contradictions:
            shown = divergence.evidence_of(taken.contradictions[0])
            raise Conflict(
                "that checkpoint belongs to another history than the ledger here",
                code=OTHER_HISTORY,
                hint="Compare both checkpoints; `muniment node status` names who is alone.",
                details={"note": shown.pinned, "evidence": evidences.encode(shown).decode()},
            )
        if not taken.valid:
            raise Forbidden(
                "no line on the first of these notes is by a member of this ledger",
                code=NOT_A_MEMBER,
                hint="Only members in force exchange cosignatures; everybody else reads /checkpoint.",
            )
        return self._tell(notes)

    def is_near(self, notes: Sequence[Parsed]) -> bool:
        """Can `answer` be given without waiting for the disk?"""
        return self._intake is not None and self._intake.is_near(notes)

    def peers(self) -> tuple[PeerStanding, ...]:
        """The other members as this node last heard of them."""
        told = {} if self._lookout is None else self._lookout.peers()
        silent = [PeerStanding(organisation=each.organisation, url=each.url, reached=False) for each in self._peers]
        return tuple([told.get(each.organisation, each) for each in silent])

    def _meet(self, peers: Sequence[Peer]) -> None:
        """Exchange with these from now on; who is known at another address is asked there. Nobody is forgotten while this runs."""
        if not peers:
            return
        if self._lookout is None or self._intake is None:
            raise _unopened()
        couriers = {each.organisation: each for each in self._couriers}
        for each in peers:
            known = couriers.get(each.organisation)
            if not each.url or (known is not None and known.url == each.url):
                continue
            if known is not None:
                known.stop()
            courier = couriers[each.organisation] = Courier(
                each.organisation, each.url, self._reach(each), self.keeper, self._intake, self._compare
            )
            courier.open()
        self._peers = tuple({each.organisation: each for each in (*self._peers, *peers)}.values())
        self._couriers = self._lookout.couriers = tuple(couriers.values())

    def _own_note(self, sealed: Sealed) -> bytes:
        if self._sealed.startswith(sealing.format(sealed).encode() + b"\n"):
            return self._sealed
        store = self._store
        if store is None:
            raise _unopened()
        # Sealed by somebody else, or by an earlier life of this process.
        with store.view() as view:
            return view.checkpoint_at(sealed.header.height)

    def _tell(self, notes: Sequence[Parsed]) -> Heard:
        keeper, newest = self.keeper, self.keeper.newest
        told, room = list[str](), MAX_BYTES // 2
        for each in notes:
            found = None if self._intake is None else self._intake.find(each.checkpoint.size)
            if found is None or found.text != each.note.text:
                continue
            lacking = missing(keeper.shown(found), each.note.signatures)
            if lacking:
                told.append(found.note(lacking).decode())
                room -= len(told[-1])
            if room < 0:
                break
        return Heard(notes=tuple(told), newest=newest.note(keeper.said(newest)).decode(), height=newest.height, ran=self._ran)

    def _compare(self, organisation: str, ran: Ran) -> None:
        """A peer said how far it ran the chain: where this node ran it too, both came to one root, or one judged otherwise."""
        own, voters = self._ran, self.keeper.next_voters
        if self._store is None or voters is None or own is msgspec.UNSET:
            return
        if ran.height > own.height:
            self._divergences.pass_on(organisation)
        for mark in self._store.marks(ran.height, ran.height + 1):
            self._divergences.compare(organisation, ran.height, voters.quorum, differs=mark.root.hex() != ran.root)

    def _run(self) -> None:
        told = 0
        while not self._closing:
            self._news.wait(SAVE_SECONDS)
            self._news.clear()
            try:
                while self._doubts:
                    self._look_into(self._doubts.popleft())
                if self._lookout is not None:
                    self._meet(self._look())
                    self._lookout.look()
                if self._renewal is not None:
                    self._renewal.look()
                self._save()
                if self.keeper.mark != told:
                    told = self.keeper.mark
                    self._nudge()
            except Exception:
                # Whatever it is, the next round may be better, and nobody else does this.
                _log.exception("cosignatures could not be kept")

    def _doubt(self, strays: Sequence[Early]) -> None:
        if strays:
            self._doubts.append(strays)
            self._news.set()

    def _nudge(self) -> None:
        for each in self._couriers:
            each.nudge()

    def _look_into(self, strays: Sequence[Early]) -> None:
        try:
            if self._intake is not None:
                self._intake.doubt(strays)
        except MunimentError as error:
            _log.warning("an early cosignature could not be looked into: %s", error)

    def _save(self) -> None:
        """Write new lines in one transaction. One that fails is tried again in the next round."""
        lines = self.keeper.drain()
        if not lines:
            return
        try:
            self._keep(lines)
        except MunimentError as error:
            self.keeper.restore()
            _log.warning("cosignatures could not be written: %s", error)
            return
        self.keeper.saved()

    def _part(self) -> None:
        for each in self._ways.values():
            each.close()

    def _reach_http(self, peer: Peer) -> Ask:
        if before := self._ways.get(peer.organisation):
            before.close()
        transport = self._ways[peer.organisation] = Transport(address.parse(peer.url), ca=self._ca, patience=PATIENCE)
        return lambda told: transport.ask(PATH, told, Heard, limit=4 * MAX_BYTES)


def _read_ran(store: Store) -> Ran | msgspec.UnsetType:
    mark = store.mark()
    return msgspec.UNSET if mark is None else Ran(height=mark.height, root=mark.root.hex())


def _unopened() -> InvariantError:
    return InvariantError("cosignatures were asked for before they were opened")
