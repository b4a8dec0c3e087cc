"""What a ledger is reached through: its engine, and what is kept beside it; in a folder here, or at a node (client.remote).

A writer is the same over both. What a node hands out is verified before it is believed, so nothing above this line has to ask
where the ledger is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from muniment.client import capturing
from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.core.format.encoding import Value
from muniment.core.format.statement import Disclosure, Sealed
from muniment.core.proof import path as paths
from muniment.core.proof.answer import Answer, Question
from muniment.core.proof.trust import Trust
from muniment.index import Index, Query
from muniment.index.follower import Progress
from muniment.ledger import prover
from muniment.ledger.blobs import Blobs, Evidence
from muniment.ledger.engine import Engine, View
from muniment.ledger.prover import Disclose, Hints
from muniment.vault import Vault

SETTLING_SECONDS = 3.0


class Disclosures(Protocol):
    """Sealed prose, and what opens it; raises as `vault.Vault` does."""

    def seal_all(self, values: Iterable[Value]) -> tuple[Sealed, ...]:
        """Seal several values; what opens them is durable when this returns."""

    def find(self, sealed: Sealed) -> Disclosure | None:
        """What opens a sealed field, where it is held."""

    def disclose(self, sealed: Sealed) -> Value | None:
        """The value behind a sealed field, where it is held."""


class ReadModel(Query, Protocol):
    """An index that can be brought up to a view."""

    def follow(self, view: View, progress: Progress | None = None) -> None:
        """Answer as of this view from now on."""

    def discard(self) -> None:
        """Forget everything; the next `follow` begins anew."""

    def close(self) -> None:
        """Let go of files."""


class Reach(Protocol):
    """One ledger, wherever it is. What it raises is what the ledger raises; over a network also Unavailable."""

    @property
    def url(self) -> str | None:
        """The address of the node; None for a folder."""

    @property
    def engine(self) -> Engine:
        """What takes events and shows entries."""

    @property
    def vault(self) -> Disclosures:
        """What opens sealed prose."""

    @property
    def blobs(self) -> Evidence:
        """Run logs, environments and other evidence, by SHA-256."""

    @property
    def manifests(self) -> Evidence:
        """The lists of files of data sets and models, by root."""

    @property
    def may_lag(self) -> bool:
        """Whether this may be an older state of the ledger, such as a copy, that knows nothing of what was recorded since."""

    @property
    def settling(self) -> float:
        """Seconds that a quorum of the members may take to cosign the newest block, once it is here."""

    def open_index(self) -> ReadModel:
        """The read model, which follows nothing yet."""

    def prove(self, view: View, question: Question, *, hints: Hints, disclose: Disclose | None) -> Answer:
        """The ledger's answer to a question, as of `view` or later; nobody has verified it yet."""

    def follow(self, view: View, trust: Trust) -> Trust:
        """Whom to believe from now on, where the members of a consortium have changed since a trust file was written."""


class Here:
    """A ledger in a folder. `follower` says which trust file follows its members, if one does.

    `settling`: in the home of a member a block lies there a moment before its quorum does; 0.0 where `engine` waits for it.
    """

    url = None

    def __init__(self, home: Home, engine: Engine, follower: Follower | None = None, *, settling: float = SETTLING_SECONDS) -> None:
        self.engine = engine
        self.settling = settling
        self._follower = follower or Follower()
        self._followed = 0
        self.vault = Vault(home.vault)
        self.blobs = Blobs(home.blobs)
        self.manifests = capturing.open_manifests(home.manifests)
        self._home = home

    @property
    def may_lag(self) -> bool:
        """Without the log's key it may be a copy."""
        return not self._home.log_key.exists()

    def open_index(self) -> Index:
        """The read model in the ledger's folder."""
        return Index(self._home.index)

    def prove(self, view: View, question: Question, *, hints: Hints, disclose: Disclose | None) -> Answer:
        """The answer as of `view`."""
        return prover.prove(view, question, hints=hints, disclose=disclose)

    def follow(self, view: View, trust: Trust) -> Trust:
        """Whom to believe from now on. Raises VerificationError where the members changed and the path does not hold."""
        if view.changed <= self._followed or not paths.is_led(trust):
            return trust
        steps = view.path()
        led = self._follower.follow(trust, steps)
        self._followed = paths.read_end(steps)
        return led
