"""A rehearsal: everything as if an event were recorded, up to the ledger's verdict; and nothing is written anywhere.

    found = ledger.rehearse(lambda it: it.approve("credit-risk@7", "production"))
    found.decision, found.reasons

The first event that is about to be appended ends it. No entry, no disclosure, no key, no list of files and nothing in the spool
is left behind. The verdict is advice as of the ledger's size: what others record meanwhile may change it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from muniment.client import capturing
from muniment.client.drafting import Plain, Seal
from muniment.client.things import Recorded, Rehearsal
from muniment.client.writing import Writer, seal_and_forget
from muniment.core.format import digest
from muniment.core.format.keys import Signer
from muniment.core.rules import events
from muniment.ledger.blobs import Blobs
from muniment.ledger.signers import SEED_BYTES, SeedSigner
from muniment.ledger.spool import Drained


class Judged(BaseException):
    """The end of a rehearsal. No error, and no `Exception`: what shields a training run from its record must not catch it."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        super().__init__(rehearsal)
        self.rehearsal = rehearsal


class Rehearser(Writer):
    """A writer that asks for the verdict where another one appends, and keeps in memory what another one keeps on disk."""

    def __init__(self, writer: Writer) -> None:
        super().__init__(writer.home, writer.reach, writer.trust, writer.pins, writer.named, on_behalf_of=writer.on_behalf_of)
        self.blobs = _Unkept(writer.home.blobs)
        self.manifests = _Unkept(writer.home.manifests, identify=capturing.identify)

    def sign(self, event: str, fields: Mapping[str, Plain], sealing: Seal | None = None) -> tuple[events.Event, bytes]:
        """As a writer signs; its prose is in no vault."""
        return super().sign(event, fields, sealing or seal_and_forget)

    def append(self, event: events.Event, raw: bytes) -> Recorded:
        """Raises Judged with what the ledger would answer."""
        with self.engine.view() as view:
            size = view.size
        (verdict,) = self.engine.judge([raw])
        raise Judged(
            Rehearsal(event=event.NAME, decision=verdict.decision, size=size, index=verdict.index, reasons=verdict.reasons)
        )

    def record_or_keep(self, event: str, fields: Mapping[str, Plain]) -> Recorded:
        """As `record`: what the ledger cannot judge now is kept for nobody."""
        return self.record(event, fields)

    def drain(self) -> Drained | None:
        """What waits goes on waiting."""
        return None

    def make_next_key(self) -> Signer:
        """The one that an interrupted change left, else a key that nobody keeps."""
        return super().make_next_key() if self.home.next_key(self.actor).exists() else SeedSigner(os.urandom(SEED_BYTES))

    def take_next_key(self) -> None:
        """The key files stay as they are."""


class _Unkept(Blobs):
    """Names what it is given and keeps nothing; what was kept before is there."""

    def store(self, data: bytes) -> str:
        return digest.format(self._identify(data))
