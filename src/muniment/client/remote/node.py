"""A ledger at a node, or at several that serve the same one, as everything that a client reaches a ledger through
(client.reach.Reach)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from muniment.client import capturing
from muniment.client.following import Follower
from muniment.client.home import Home
from muniment.client.remote import first_contact
from muniment.client.remote.disclosures import RemoteVault
from muniment.client.remote.folders import RemoteBlobs
from muniment.client.remote.index import RemoteIndex
from muniment.config import Config
from muniment.core.format import checkpoint, digest, dsse, note, time
from muniment.core.format.statement import Sealed
from muniment.core.proof import answer as answers
from muniment.core.proof import path as paths
from muniment.core.proof import receipt
from muniment.core.proof.answer import UNSET, Answer, Opened, Question
from muniment.core.proof.authority import Tier
from muniment.core.proof.path import Step
from muniment.core.proof.trust import Trust
from muniment.core.proof.verify import verify_answer
from muniment.core.proof.verify.freshness import STALE
from muniment.core.proof.verify.statement import find_sealed
from muniment.errors import InvalidInput, VerificationError
from muniment.ledger.blobs import Blobs
from muniment.ledger.embedded import system_clock
from muniment.ledger.engine import View
from muniment.ledger.pins import Pins
from muniment.ledger.prover import Disclose, Hints
from muniment.net.reader import Reader
from muniment.net.several import Several
from muniment.net.ways import Ways
from muniment.vault import Vault

_EVENT = b'{"payload"'
_PIN_STEP = 5


class There:
    """A ledger at its nodes. `home` holds what belongs to this client: keys, vault, spool, and copies of evidence.

    `max_age`: seconds after which what a quorum signed is old, so that another member's node is asked for something newer.
    """

    settling = 0.0

    def __init__(
        self, home: Home, ways: Ways, trust: Trust, pins: Pins, follower: Follower | None = None, *, max_age: int | None = None
    ) -> None:
        self._ways = ways
        self._max_age = max_age
        self._trust = trust
        self._follower = follower or Follower()
        self._led = 0
        self._local = Vault(home.vault)
        self.vault = RemoteVault(self._local, ways)
        owed = home.folder / "owed"
        self.blobs = RemoteBlobs(Blobs(home.blobs), owed / "blobs", ways, "/v1/blobs", digest.sha256)
        self.manifests = RemoteBlobs(
            capturing.open_manifests(home.manifests), owed / "manifests", ways, "/v1/manifests", capturing.identify
        )
        self.engine = Several(
            ways,
            trust,
            Reader(
                recall=lambda: pins.load(trust.origin),
                keep=pins.keep,
                disclose=self._local.find,
                prepare=self.deliver,
                follow=self._lead,
            ),
        )

    @property
    def url(self) -> str:
        """The address of the node; of several, with spaces between them, as they are written in settings."""
        return self._ways.url

    @property
    def may_lag(self) -> bool:
        """In a consortium one member's node answers, which may show what a quorum signed long ago; else the operator's own does."""
        return self._trust.votes

    def open_index(self) -> RemoteIndex:
        """The node's read model."""
        return RemoteIndex(self._ways)

    def prove(self, view: View, question: Question, *, hints: Hints, disclose: Disclose | None) -> Answer:
        """The node's answer, as of `view` or later. What only the vault of this machine opens is opened as well."""
        try:
            answer = self._ask(question, view, disclose is not None, self._max_age if self.may_lag else None)
        except VerificationError as error:
            if error.code != STALE:
                raise
            # Nobody has anything newer: what that means is for whoever asked.
            answer = self._ask(question, view, disclose is not None, None)
        return answer if disclose is None else _open_more(answer, self._local)

    def _ask(self, question: Question, view: View, disclose: bool, max_age: int | None) -> Answer:
        return self.engine.prove(question, disclose, lambda answer: self._check(answer, view, max_age))

    def _check(self, answer: Answer, view: View, max_age: int | None) -> Answer:
        _check_size(answer, view)
        if self._ways.are_several:
            # Whoever asked verifies it as well, but only here another node can be asked for one that holds.
            tier: Tier = "consortium" if self._trust.votes else "solo"
            verify_answer(answers.write(answer), self._trust, tier=tier, now=time.format(system_clock()), max_age=max_age)
        return answer

    def follow(self, view: View, trust: Trust) -> Trust:
        """Whom to believe from now on: who showed this view was led there already."""
        return self._trust

    def _lead(self, trust: Trust, steps: tuple[Step, ...]) -> Trust:
        """Walk a node's path, and remember where it led. A node that lags behind another one leads nobody back."""
        if not paths.is_led(trust):
            return trust
        end = paths.read_end(steps)
        if end > self._led:
            self._trust = self._follower.follow(self._trust, steps)
            self._led = end
        return self._trust

    def deliver(self) -> None:
        """Send the node what it is owed. Raises Unavailable."""
        self.blobs.deliver()
        self.manifests.deliver()


def open(settings: Config, trust: Trust, pins: Pins, *, max_age: int | None = None) -> There:
    """The nodes that the settings name; nothing is asked of them yet. Raises InvalidInput for a bad address or token."""
    home = Home(settings.home)
    # A trust file that was named is its reader's own: it is followed, and left as it is.
    follower = Follower(home.trust if settings.trust is None else None)
    return There(home, first_contact.open_ways(settings), trust, pins, follower, max_age=max_age)


def alone(settings: Config, url: str) -> Config:
    """The same settings with one of their nodes only, and the token that is for it."""
    token = settings.token
    if token is not None and len(tokens := token.split()) == len(settings.urls):
        token = tokens[settings.urls.index(url)]
    return msgspec.structs.replace(settings, url=url, token=token)


def check_ready(settings: Config) -> None:
    """Ask whether one of the nodes can do its work. Raises Unavailable with the reason where none can."""
    ways = first_contact.open_ways(settings)
    try:
        ways.ask(lambda way: way.fetch("/readyz"))
    finally:
        ways.close()


@contextmanager
def reach(settings: Config, trust: Trust, pins: Pins, *, max_age: int | None = None) -> Iterator[There]:
    """As `open`, and its connections are let go of afterwards."""
    there = open(settings, trust, pins, max_age=max_age)
    try:
        yield there
    finally:
        there.engine.close()


def _check_size(answer: Answer, view: View) -> None:
    """Check that an answer is as of `view` or later: what held in an older block may not hold any more."""
    # That there is one, and that it was signed, is verified with the rest of the answer.
    try:
        size = checkpoint.parse(note.parse(receipt.parse(answer.receipt).checkpoint).text).size
    except InvalidInput:
        return
    if size < view.size:
        raise VerificationError(
            f"the node answered as of {size} entries, and its ledger has {view.size}",
            step=_PIN_STEP,
            code="older-answer",
            hint="Ask again; if it stays, tell whoever runs the node.",
        )


def _open_more(answer: Answer, vault: Vault) -> Answer:
    """The answer with what a vault opens in it besides."""
    opened = {each.sealed: each for each in answer.disclosures}
    raws = [each.entry for each in answer.entries] + [each.entry for each in answer.events]
    raws += [] if answer.history is UNSET else [each.entry for each in answer.history.events]
    for raw in raws:
        if not raw.startswith(_EVENT):
            continue
        for _, sealed in find_sealed(msgspec.json.decode(dsse.decode(raw).payload)["predicate"]):
            found = None if sealed in opened else vault.find(Sealed(sealed))
            if found is not None:
                opened[sealed] = Opened(salt=found.salt, sealed=sealed, value=found.value)
    return msgspec.structs.replace(answer, disclosures=tuple(opened[sealed] for sealed in sorted(opened)))
