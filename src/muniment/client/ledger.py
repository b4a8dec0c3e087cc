"""The SDK: one verb for each thing that happens to a model, each written, sealed and verified before it returns.

ledger = muniment.open()
data = ledger.dataset("loans", "data/loans.csv", licence="CC-BY-4.0")
with ledger.training("credit-risk", inputs={"training": data}) as run:
    version = run.register("credit-risk", "out/model")
ledger.approve(version, environment="production", reason="second review")
ledger.deploy(version, environment="production")
"""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from muniment.client.capturing import PathLike
from muniment.client.council import Members
from muniment.client.gating.decision import Gated, Glass
from muniment.client.governing import Policies
from muniment.client.identity import Keys
from muniment.client.protocols import Protocols
from muniment.client.rehearsing import Judged, Rehearser
from muniment.client.things import Rehearsal
from muniment.client.verbs.guarding import Guarding
from muniment.client.verbs.handing import Handing
from muniment.client.verbs.making import Making
from muniment.client.verbs.tuning import Tuning
from muniment.client.writing import Writer
from muniment.ledger.pins import Contact, fingerprint
from muniment.ledger.spool import Rejected


class Ledger(Making, Tuning, Guarding, Handing):
    """An open ledger. `Answers` has the reading half; every verb records an event and returns when it is durable.

    `contact` says how the ledger stood to what this client knew of it when it was opened; None where its node was away, and what
    is recorded waits until it is back.
    """

    def __init__(self, writer: Writer, contact: Contact | None) -> None:
        super().__init__(writer)
        self._writer = writer
        self.contact = contact

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Send what had to be kept, where that is possible now, and let go of files and connections."""
        self._writer.settle()
        self._writer.engine.close()
        self.close_index()

    @property
    def keys(self) -> Keys:
        """Who may write, with which keys."""
        return Keys(self._writer, self)

    @property
    def policies(self) -> Policies:
        """What may happen, since when, and how to change it."""
        return Policies(self._writer, self)

    @property
    def members(self) -> Members:
        """Who votes in a consortium, and how to change it."""
        return Members(self._writer, self)

    @property
    def protocols(self) -> Protocols:
        """By which rules all validators judge, and how to take the next ones."""
        return Protocols(self._writer, self)

    def gate(
        self,
        deployment: str,
        target: PathLike,
        *,
        receipt: PathLike | None = None,
        max_age: timedelta = timedelta(days=7),
        broken: Glass | None = None,
    ) -> Gated:
        """May what is at `target` (files, or a digest) start as `deployment` (`environment/name`)? Never raises; read `allowed`.

        The answer with its proof is kept at `receipt`, else beside the files; where the ledger cannot be asked, it decides while
        it is no older than `max_age`, and so does what a node of a consortium shows. `broken` lets it start all the same: a waiver,
        which is recorded.
        """
        # Here, because of all that opens a ledger only a gate needs it.
        from muniment.client.gating import entrance

        place = None if receipt is None else Path(receipt)
        terms = entrance.Terms(receipt=place, max_age=max_age // timedelta(seconds=1))
        return entrance.gate_through(self._writer, deployment, target, terms, broken=broken)

    @property
    def fingerprint(self) -> str:
        """What two people compare aloud before they trust the same ledger."""
        return fingerprint(self._writer.trust)

    @property
    def url(self) -> str | None:
        """The address of the node; None where the ledger lies in a folder."""
        return self._writer.reach.url

    def pending(self) -> list[Path]:
        """What is signed and waits in the spool; `deliver` sends it, and so does the next event that is recorded."""
        return self._writer.spool.pending()

    def rejected(self) -> list[Rejected]:
        """What waited in the spool and was refused by the ledger, with every reason."""
        return self._writer.spool.rejected()

    def deliver(self) -> None:
        """Send what waits in the spool, as far as the ledger takes it now. What it refuses is in `rejected`, with every reason."""
        self._writer.drain()

    def describe_spool(self) -> str:
        """What is to be said about the spool in one sentence; nothing where it is empty."""
        pending, rejected = len(self.pending()), len(self.rejected())
        said = [f"{pending} of your events {'waits' if pending == 1 else 'wait'} to be sent"] if pending else []
        said += [f"{rejected} {'was' if rejected == 1 else 'were'} refused by the ledger"] if rejected else []
        return f"{' and '.join(said)}: see `muniment log --pending`" if said else ""

    def rehearse(self, action: Callable[[Ledger], object]) -> Rehearsal:
        """What the ledger would answer to the first event that an action records; nothing is written, and nothing after it runs.

        Every verb can be rehearsed: `ledger.rehearse(lambda it: it.deploy(version, "production"))`.
        """
        rehearsed = Ledger(Rehearser(self._writer), self.contact)
        try:
            action(rehearsed)
        except Judged as judged:
            return judged.rehearsal
        finally:
            rehearsed.close_index()
        with self.view() as view:
            return Rehearsal(decision="admitted", size=view.size)

    def __repr__(self) -> str:
        return f"<Ledger {self.origin} {self.id[:8]} {f'at {self.url}' if self.url else f'in {self.home}'}>"

    def _repr_html_(self) -> str:
        with self.view() as view:
            size, height = view.size, view.height
        title = f"<b>{html.escape(self.origin)}</b> <code>{self.id[:8]}</code>"
        return f"{title} <small>{size} entries, {height + 1} blocks, in {html.escape(self.url or str(self.home))}</small>"
