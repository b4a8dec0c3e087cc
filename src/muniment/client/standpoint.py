"""Where a reader stands: whom he believes, what he saw before, and the ledger here, if there is one.

    stand = standpoint.take(settings, trust=None)
    with stand.ask(size) as (pin, consistency):         # what step 5 of verification needs for a checkpoint of this size
        verify_answer(raw, stand.trust, pin=pin, consistency=consistency)

A proof is verified against the reader's own trust file, never against what comes with the proof. The ledger here only helps:
it shows that a checkpoint and a pin belong to one history, and gives the entry that a receipt is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.client.reach import Here
from muniment.client.writing import Writer
from muniment.config import Config
from muniment.core.format import merkle
from muniment.core.proof import path as paths
from muniment.core.proof.evidence import Pin, Prove
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.errors import LedgerError, NotFound, VerificationError
from muniment.ledger.embedded import Embedded
from muniment.ledger.engine import View
from muniment.ledger.pins import Pins
from muniment.ledger.store.connection import CACHE_KIB
from muniment.ledger.store.file import Store

T = TypeVar("T")
# What a verification says where the members who cosigned are not those of the trust file.
_OTHERS = frozenset({"log-key-unknown", "quorum"})


class Standpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A reader. `home` is where a ledger may lie here; whether it is the one that `trust` is about is found out by asking it.

    `settings` are those that name a node which is asked instead; None for a folder. `follower` says whether the trust file
    follows the members of a consortium: one that the reader named stays as it is.
    """

    trust: Trust
    pins: Pins
    home: Home
    settings: Config | None = None
    follower: Follower = Follower()

    @contextmanager
    def ask(self, size: int) -> Iterator[tuple[Pin | None, Prove | None]]:
        """The pin, and who can show that it and a checkpoint of `size` entries are one history.

        Where nobody can, there is no pin either: the verification then says that nothing was compared. Raises SplitView
        where the ledger here contradicts the pin.
        """
        pin = self.pins.load(self.trust.origin)
        if pin is None or pin.size == size:
            yield pin, None
            return
        with self.meet() as view:
            # The contact may have moved the pin forward.
            pin = self.pins.load(self.trust.origin)
            if view is None or pin is None or view.size < max(size, pin.size):
                yield None, None
            else:
                yield pin, view.consistency

    @contextmanager
    def meet(self) -> Iterator[View | None]:
        """The ledger here as of its newest block, if it is the one that the trust file is about and can be read.

        Raises SplitView where it does not continue what this client saw of it before.
        """
        writer = self._open_here()
        if writer is None:
            yield None
            return
        try:
            with writer.contact() as (view, _):
                yield view
        finally:
            writer.engine.close()

    def lead(self) -> tuple[Step, ...]:
        """The trust path that the ledger here gives; empty where none can be asked, or has no members. Nothing of it is checked."""
        if not paths.is_led(self.trust):
            return ()
        with self.meet() as view:
            return () if view is None else view.path()

    def open(self, home: Home, path: Path | None = None, *, cache_kib: int = CACHE_KIB) -> Writer:
        """A ledger's folder (or only its file, at `path`), opened for reading. Raises NotFound, CorruptStore, Unavailable."""
        engine = Embedded(Store.open(path or home.store, cache_kib), None)
        return Writer(home, Here(home, engine, self.follower), self.trust, self.pins, None)

    def open_ledger(self) -> Writer:
        """The ledger here or at the node, for reading. Raises as `open` and what the node raises."""
        if self.settings is None:
            return self.open(self.home)
        # Here, because who stands beside a folder needs no network.
        from muniment.client.remote import node

        return Writer(self.home, node.open(self.settings, self.trust, self.pins), self.trust, self.pins, None)

    def _open_here(self) -> Writer | None:
        try:
            writer = self.open_ledger()
        except LedgerError:
            return None
        try:
            with writer.engine.view() as view:
                if is_of(view, self.trust):
                    return writer
        except LedgerError:
            # A proof needs no ledger: one that is damaged or busy is as good as none.
            pass
        writer.engine.close()
        return None


def lead(stand: Standpoint, verify: Callable[[tuple[Step, ...]], T]) -> T:
    """Verify by the trust file; where others cosigned than those it names, by the path that the ledger here gives as well."""
    try:
        return verify(())
    except VerificationError as error:
        steps = stand.lead() if error.code in _OTHERS else ()
        if not steps:
            raise
        return verify(steps)


def take(settings: Config, trust: Trust | None = None) -> Standpoint:
    """Stand where the settings say. Raises NotFound (`no-trust`) where nobody said whom to believe."""
    home = Home(settings.home)
    return Standpoint(
        trust=trust or load_trust(settings),
        pins=Pins(settings.state / "pins"),
        home=home,
        settings=settings if settings.url else None,
        follower=Follower(home.trust if trust is None and settings.trust is None else None),
    )


def load_trust(settings: Config) -> Trust:
    """The trust file that was named, else that of the ledger here. Raises NotFound (`no-trust`), InvalidInput (`bad-trust`)."""
    home = Home(settings.home)
    if settings.trust is None and not home.trust.exists():
        raise NotFound(
            "nothing says whom to believe: no trust file was named, and there is no ledger here",
            code="no-trust",
            hint="Name the file that the ledger's owner handed you: --trust FILE; or the folder of a ledger of yours: --home DIR. "
            "What a proof says of itself counts for nothing.",
        )
    return home.load_trust(settings.trust)


def is_of(view: View, trust: Trust) -> bool:
    """Is this the ledger that a trust file is about, by its id?"""
    return merkle.leaf(view.entry(0)).hex() == trust.ledger
