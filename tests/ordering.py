"""A ledger of one member whose blocks a real CometBFT orders, served by this process: what a node is made of, without a supervisor.

member = ordering.found(tmp_path, makers.founding())        # Member: its engine runs, and it answers over HTTP
remote = hosts.connect(member.url, member.trust)
member.close()
member = ordering.open(tmp_path)                            # the same one again
"""

from __future__ import annotations

import time as clocks
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from litestar import Litestar

import engines
import hosts
import makers
import membership
from muniment.core.format import time
from muniment.core.proof import consortium
from muniment.core.proof import trust as trusts
from muniment.core.rules.genesis import Genesis
from muniment.core.rules.members import Publisher
from muniment.errors import Unavailable
from muniment.ledger.embedded import system_clock
from muniment.ledger.refusals import Refusals
from muniment.ledger.spool import Spool
from muniment.ledger.store.file import Store
from muniment.net import address
from muniment.node.alarms import Alarms
from muniment.node.chain.application import Committed
from muniment.node.cosigning import sealing
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.cosigning.keyring import Keyring
from muniment.node.cosigning.reading import Settled
from muniment.node.engine.rpc import EngineRpc
from muniment.node.submitting.pending import Pending
from muniment.node.submitting.refusals import Attempts
from muniment.node.submitting.submitter import ChainSubmitter

ORGANISATION = "lender"
COSIGNER = membership.signer(ORGANISATION, "cosign")
PATIENCE_SECONDS = 90.0


class Member:
    """The only member of a consortium. Its engine is a process; the other parts run here."""

    def __init__(self, folder: Path, node: engines.Node) -> None:
        self.node = node
        path = folder / "ledger.db"
        self._cosigning = Cosigning(
            path,
            ORGANISATION,
            Keyring([COSIGNER]),
            (),
            Alarms(),
            evidence=folder / "evidence",
            publishers=Keyring([makers.LOG]),
        )
        self._cosigning.open()
        self._pending = Pending()
        node.seal, node.on_commit = self._cosigning.seal, self._tell
        node.start()
        rpc = EngineRpc(address.parse(f"http://127.0.0.1:{node.rpc}"))
        _wait(rpc, node)
        reader = Settled(Store.open(path), self._cosigning.keeper)
        attempts = Attempts(Refusals(makers.NODE, Spool(folder / "spool")))
        self._submitter = ChainSubmitter(rpc, node.opened, self._pending, reader, attempts=attempts)
        validators = node.store.validators
        assert validators is not None
        self.trust = consortium.to_trust(makers.ORIGIN, reader.ledger, validators)
        (folder / "trust.toml").write_text(trusts.format(self.trust))
        self._host = hosts.Host(folder, None, self.trust, system_clock, reader=reader, lifespan=(self._submitting,))
        self.url = self._host.url

    def close(self) -> None:
        """End all of it."""
        self._host.close()
        self.node.stop()
        self._cosigning.close()

    def _tell(self, block: Committed) -> None:
        self._cosigning.committed(block)
        self._pending.resolve(block)

    @asynccontextmanager
    async def _submitting(self, app: Litestar) -> AsyncIterator[None]:
        app.state.submitters = {"": self._submitter}
        self._submitter.open()
        yield
        self._submitter.close()


def found(folder: Path, founding: Genesis) -> Member:
    """Found a ledger that belongs to one member, and run it. The log's own line is that of `makers`."""
    node = engines.Node(folder, ORGANISATION, engines.find_engine())
    publisher = Publisher(key=makers.LOG.public_key.hex(), organisation=ORGANISATION)
    genesis = msgspec.structs.replace(founding, members=(node.member,), publisher=publisher)
    begun = time.format(system_clock() - 1_000_000)
    store = Store.create(
        folder / "ledger.db", genesis, begun, lambda sealed: sealing.sign(sealed, ORGANISATION, COSIGNER, int(clocks.time()))
    )
    (node.engine / "config" / "genesis.json").write_text(engines.format_genesis(store, begun, [node]))
    store.close()
    return Member(folder, node)


def open(folder: Path) -> Member:
    """Run the same one again."""
    return Member(folder, engines.Node(folder, ORGANISATION, engines.find_engine()))


def _wait(rpc: EngineRpc, node: engines.Node) -> None:
    """Until the engine takes transactions."""
    ends = clocks.monotonic() + PATIENCE_SECONDS
    while clocks.monotonic() < ends:
        with suppress(Unavailable):
            rpc.status()
            return
        clocks.sleep(0.02)
    raise AssertionError(f"the engine does not answer\n{node.log[-4_000:]}")


__all__ = ["Member", "found", "open"]
