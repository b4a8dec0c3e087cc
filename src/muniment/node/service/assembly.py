"""A node's application put together: everything in its process but the way into it (application_process).

The engine's questions -> Application -> the ledger's file; once that is on the disk -> Cosigning and Pending are told
a caller -> HTTP -> ChainSubmitter -> the engine; then its commit, its quorum, its answer
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.client.ledger import Ledger
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.core.rules.policy import Verdict
from muniment.errors import Unavailable
from muniment.ledger import signers
from muniment.ledger.pins import Contact, Pins
from muniment.ledger.refusals import Refusals
from muniment.ledger.spool import Spool
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.node import files
from muniment.node.abci import server
from muniment.node.abci.proto import types_pb2 as abci
from muniment.node.abci.server import Fail, Server
from muniment.node.alarms import Alarms
from muniment.node.chain.application import PROTOCOL_UNKNOWN, Application, Committed, Doubt
from muniment.node.chain.opened import Opened
from muniment.node.chain.session import Session
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.cosigning.reading import Settled
from muniment.node.cosigning.routes import ROUTES as COSIGNING
from muniment.node.engine import pruning
from muniment.node.engine.rpc import EngineRpc
from muniment.node.engine.votes import SIGNED_ELSEWHERE, OwnVotes, read_silence, tell
from muniment.node.founding import answer as answers
from muniment.node.homes import NodeHome
from muniment.node.light.routes import ROUTES as LIGHT
from muniment.node.peers import Peers
from muniment.node.service.observing import Observer
from muniment.node.snapshots import Snapshots
from muniment.node.submitting.pending import Pending
from muniment.node.submitting.refusals import Attempts
from muniment.node.submitting.submitter import ChainSubmitter
from muniment.node.turns import Turns
from muniment.server.hosting import CACHE_KIB, Hosted, Hosting
from muniment.server.settings import Settings
from muniment.server.submitting import Observe

AT_ONCE = 2
"""So many of those whom nobody has to know are served at once where that takes a thread."""

ROOT = ""
"""A node serves its one ledger at the root."""

_log = logging.getLogger("muniment.node")


class Node:
    """One node's parts. `open` starts them, in the order in which they need each other; `close` ends them.

    `halt` is told a code and a text where the engine is to run no more: what it orders is not for this release. `fail` ends the
    process where a question of the engine has no answer.
    """

    def __init__(
        self, home: NodeHome, socket: Path, settings: Settings, halt: Callable[[str, str], None], fail: Fail = server.fail
    ) -> None:
        self.home = home
        self.alarms = Alarms()
        self._socket = socket
        self._settings = settings
        self._halt = halt
        self._fail = fail
        self._ending = ExitStack()
        self._counting: Observe | None = None

    def open(self) -> None:
        """Open the ledger and answer the engine from now on. Raises what is wrong with the folder."""
        home, ending = self.home, self._ending
        consortium, settings, base = home.load_consortium(), home.load_settings(), Home(home.home)
        store = self._open_store()
        self.cosigning = Cosigning.load(home, settings, self.alarms, store.cosign)
        self.cosigning.open()
        ending.callback(self.cosigning.close)
        opened, pending = Opened(), Pending()

        def committed(block: Committed) -> None:
            self.cosigning.committed(block)
            pending.resolve(block)

        application = Application(
            store,
            self.cosigning.seal,
            opened,
            protocol=consortium.start.protocol,
            on_commit=committed,
            retain=pruning.retain(settings.keep_blocks),
            known=Peers(home.settings, settings.peers).knows,
            tell_clock=self._tell_clock,
            halt=lambda told: self._halt(PROTOCOL_UNKNOWN, told),
            doubt=self._doubt_votes(home),
        )
        snapshots = Snapshots(self._open_store(), self.cosigning.seal, self.cosigning.catch_up)
        ending.callback(snapshots.close)
        self.engine = EngineRpc(address.parse(f"http://{settings.rpc}"))
        self.reader = Settled(self._open_store(), self.cosigning.keeper)
        service = answers.name_service(settings.organisation)
        attempts = Attempts(Refusals(signers.load_file(base.actor_key(service)), Spool(base.spool), actor=service))
        self.submitter = ChainSubmitter(self.engine, opened, pending, self.reader, attempts=attempts, observe=self._observe)
        self.hosting = Hosting((_host(base, self.reader, self._settings),))
        self.observer = Observer(
            settings.organisation,
            self._open_store().view,
            self.engine,
            self.cosigning.peers,
            self.alarms,
            home.home,
            lambda raw: files.write(home.status, raw),
            lambda: snapshots.trouble,
        )
        if told := application.find_unknown():
            # Nothing that the engine has can be judged here: it is not started at all.
            self._halt(PROTOCOL_UNKNOWN, told)
        listening = Server(self._socket, lambda: Session(application, snapshots), self._fail)
        listening.open()
        ending.callback(listening.close)

    @property
    def routes(self) -> tuple[ControllerRouterHandler, ...]:
        """What a node answers beside what every server does."""
        return (*COSIGNING, *LIGHT)

    @asynccontextmanager
    async def running(self, app: Litestar) -> AsyncIterator[None]:
        """While the server answers: events go to the engine, and the node looks at itself."""
        app.state.submitters = {each.name: self.submitter for each in self.hosting}
        app.state.standing = self.observer.stand
        app.state.alarms = self.alarms.standing
        app.state.cosigning = self.cosigning
        app.state.engine = self.engine.forward
        app.state.turns, app.state.engine_turns = Turns(AT_ONCE), Turns(AT_ONCE)
        app.state.require = self.engine.status
        self._counting = app.state.observe[ROOT]
        self.submitter.open()
        # Nobody may take for the present what an earlier life wrote.
        with suppress(OSError):
            self.home.status.unlink(missing_ok=True)
        self.observer.open()
        try:
            yield
        finally:
            await asyncio.to_thread(self.observer.close)
            await asyncio.to_thread(self.submitter.close)

    def close(self) -> None:
        """Let go of everything."""
        self._ending.close()

    def _open_store(self) -> Store:
        """A connection of its own to the ledger's file: whoever reads must not hold up who writes."""
        store = Store.open(self.home.ledger, CACHE_KIB)
        self._ending.callback(store.close)
        return store

    def _doubt_votes(self, home: NodeHome) -> Doubt:
        own = OwnVotes(home)
        if silence := read_silence(home):
            self.alarms.sound(SIGNED_ELSEWHERE, "", tell(silence))

        def doubt(height: int, commit: abci.CommitInfo) -> str:
            told = own.doubt(height, commit)
            if told:
                self._halt(SIGNED_ELSEWHERE, told)
            return told

        return doubt

    def _tell_clock(self, told: str) -> None:
        if told:
            self.alarms.sound("clock", "", told)
        else:
            self.alarms.quiet("clock")

    def _observe(self, verdicts: Sequence[Verdict]) -> None:
        if self._counting is not None:
            self._counting(verdicts)


def _host(home: Home, reader: Settled, settings: Settings) -> Hosted:
    """The ledger as the server reads it: through the reader that waits for the quorum."""
    reach = Here(home, reader, Follower(home.trust, _log.warning), settling=0.0)
    writer = Writer(home, reach, home.load_trust(), Pins(settings.state / "pins"), None)
    return Hosted(settings.ledgers[0], home, Ledger(writer, _contact(writer)), writer, None)


def _contact(writer: Writer) -> Contact | None:
    try:
        with writer.contact() as (_, contact):
            return contact
    except Unavailable:
        # Without a quorum now there is nothing to compare: whoever asks for a proof is told so then.
        return None
