"""The way of one event: draft, seal, sign, append, and check the ledger's answer before believing it."""

from __future__ import annotations

import difflib
import os
import time as clocks
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from muniment.capture.hashing import Progress
from muniment.client import capturing
from muniment.client.capturing import Captured, PathLike
from muniment.client.drafting import Plain, Seal, draft
from muniment.client.home import Home, check_actor, purpose
from muniment.client.reach import Reach
from muniment.client.things import Recorded
from muniment.core.format import dsse, keys, merkle, time
from muniment.core.format.encoding import Value
from muniment.core.format.statement import SALT_BYTES, Sealed, seal
from muniment.core.proof import authority, receipt
from muniment.core.proof.evidence import SplitView
from muniment.core.proof.receipt import Receipt
from muniment.core.proof.trust import Trust
from muniment.core.rules import events
from muniment.core.rules.policy import PolicyViolation, Verdict
from muniment.errors import CaptureError, Conflict, InvalidInput, LedgerError, NotFound, Unavailable, VerificationError
from muniment.ledger import signers
from muniment.ledger.embedded import system_clock
from muniment.ledger.engine import View
from muniment.ledger.ids import new_event_id
from muniment.ledger.pins import Contact, Pins
from muniment.ledger.spool import Drained, Spool

IMPATIENCE_S = 30.0
SETTLING_LOOK_S = 0.05

_CONFLICTS = frozenset({"once", "event-id"})


class Writer:
    """Everything that one actor needs to write to one ledger."""

    def __init__(
        self, home: Home, reach: Reach, trust: Trust, pins: Pins, actor: str | None, *, on_behalf_of: tuple[str, ...] = ()
    ) -> None:
        self.home = home
        self.reach = reach
        self.engine = reach.engine
        self.trust = trust
        self.pins = pins
        self.vault = reach.vault
        self.blobs = reach.blobs
        self.manifests = reach.manifests
        self.spool = Spool(home.spool)
        self.named = actor
        self.on_behalf_of = on_behalf_of
        self._patient_from = 0.0
        self._owes = False
        self._signer: keys.Signer | None = None

    @property
    def actor(self) -> str:
        """Who writes: the one that was asked for, or the only one whose key lies here. Raises InvalidInput."""
        if self.named is not None:
            return self.named
        here = self.home.actors()
        if len(here) == 1:
            return here[0]
        raise InvalidInput(
            f"{len(here)} actors have a key here" if here else "nobody has a key here",
            code="no-actor",
            hint=f"Say who you are with --actor or MUNIMENT_ACTOR: {', '.join(here)}."
            if here
            else "Make a key with `muniment keys request --actor NAME`, and have it admitted.",
            details={"actors": here},
        )

    @property
    def is_patient(self) -> bool:
        """Whether it is worth asking: not for a while after the ledger could not take an event."""
        return clocks.monotonic() >= self._patient_from

    def lose_patience(self) -> None:
        """Do not ask for a while: whoever waited just now does not wait again for each event, which goes straight to the spool."""
        if self.is_patient:
            self._patient_from = clocks.monotonic() + IMPATIENCE_S

    def capture(self, path: PathLike, progress: Progress | None = None) -> Captured:
        """Hash the files at `path` and keep their manifest. Raises CaptureError, Unavailable.

        A folder that holds this ledger would change with every event, and takes its keys along: it is refused.
        """
        here, there = self.home.folder.resolve(), Path(path).resolve()
        if here.is_relative_to(there):
            raise CaptureError(
                f"{path} holds the ledger itself ({here})",
                code="ledger-inside",
                hint="Name the folder of the files alone, or keep the ledger elsewhere with --home.",
            )
        return capturing.capture(path, self.manifests, progress)

    def record(self, event: str, fields: Mapping[str, Plain]) -> Recorded:
        """Draft, sign and append an event, and verify the receipt. Raises InvalidInput, PolicyViolation, Conflict, Unavailable."""
        return self.append(*self.sign(event, fields))

    def record_or_keep(self, event: str, fields: Mapping[str, Plain]) -> Recorded:
        """As `record`; what the ledger cannot take now is kept durably and sent before anything else is recorded."""
        drafted, raw = self.sign(event, fields)
        try:
            if not self.is_patient:
                raise Unavailable("the ledger could not take an earlier event", code="waiting")
            return self.append(drafted, raw)
        except (LedgerError, VerificationError) as obstacle:
            # A node that does not take our token, or fails, says nothing about the event: it can be sent once that is mended. Nor
            # does a block that too few organisations have voted for yet.
            if (
                not isinstance(obstacle, Unavailable)
                and obstacle.code != "quorum"
                and (type(obstacle) is not LedgerError or obstacle.code == "forbidden")
            ):
                raise
            self.lose_patience()
            self.spool.store(raw)
            self._owes = True
            return Recorded(event=event, event_id=drafted.event_id, obstacle=f"{obstacle}. {obstacle.hint}")

    def sign(self, event: str, fields: Mapping[str, Plain], sealing: Seal | None = None) -> tuple[events.Event, bytes]:
        """An event and its entry, signed by this actor; its prose is in the vault when this returns."""
        # First, so that nothing lies in the vault for somebody who cannot sign.
        signer = self.load_signer()
        common: dict[str, Plain] = {
            "ledger": self.trust.ledger,
            "eventId": new_event_id(),
            "occurredAt": time.format(system_clock()),
            "actor": self.actor,
            "onBehalfOf": list(self.on_behalf_of),
        }
        drafted = draft(event, {**common, **fields}, sealing or self.vault.seal_all)
        return drafted, dsse.encode(dsse.sign(events.encode(drafted), signer))

    def append(self, event: events.Event, raw: bytes) -> Recorded:
        """Append one signed entry; whatever the ledger answers is verified before it is believed.

        What waits in the spool goes first: a run must be known to have started before it can end.
        """
        drained = self.drain()
        if drained is not None and drained.obstacle is not None:
            raise drained.obstacle
        (verdict,) = self.engine.append([raw])
        if verdict.decision == "refused":
            raise refusal(verdict)
        return self._verify(event, verdict, raw)

    def append_together(self, drafted: Sequence[tuple[events.Event, bytes]]) -> list[Recorded]:
        """Append several signed entries of a ledger in a folder in one block: all of them, or nothing.

        For what holds only as a whole. Raises as `append`, for the first that would be refused.
        """
        drained = self.drain()
        if drained is not None and drained.obstacle is not None:
            raise drained.obstacle
        entries = [raw for _, raw in drafted]
        for judged in self.engine.judge(entries):
            if judged.decision == "refused":
                raise refusal(judged)
        verdicts = self.engine.append(entries)
        return [self._verify(event, verdict, raw) for (event, raw), verdict in zip(drafted, verdicts, strict=True)]

    def settle(self) -> None:
        """Send what this writer had to keep, where it is worth trying; what cannot be sent waits for the next one."""
        if self._owes and self.is_patient:
            with suppress(LedgerError):
                self.drain()

    def drain(self) -> Drained | None:
        """Send what the ledger still has to take; None where nothing waits."""
        return self.spool.drain(self.engine) if self.spool.pending() else None

    @contextmanager
    def contact(self) -> Iterator[tuple[View, Contact]]:
        """The ledger as of its newest block, after it has shown that it continues what this client saw of it before.

        Raises SplitView where it does not, VerificationError where it is another ledger, Unavailable (`quorum-missing`) where the
        members take too long to cosign the newest block, and what opening a view raises.
        """
        until = clocks.monotonic() + self.reach.settling
        while True:
            # Read before the view is opened: an honest ledger is never behind it.
            pinned = self.pins.load(self.trust.origin)
            with self.engine.view() as view:
                self.believe(view)
                try:
                    contact = self.pins.check(view.checkpoint, self.trust, view.consistency)
                except SplitView as split:
                    if self.pins.load(self.trust.origin) == pinned:
                        raise
                    # Another process wrote and pinned meanwhile; what was compared is an old view, and accuses nobody.
                    if kept := split.details.get("evidence"):
                        Path(str(kept)).unlink(missing_ok=True)
                    continue
                except VerificationError as error:
                    weighed = self._weigh(error)
                    if not isinstance(weighed, Unavailable) or clocks.monotonic() >= until:
                        raise weighed from None
                else:
                    self._check_ledger(view)
                    yield view, contact
                    return
            clocks.sleep(SETTLING_LOOK_S)

    def believe(self, view: View) -> Trust:
        """Whom to believe as of a view: the trust file, which follows the members of a consortium as they change."""
        self.trust = self.reach.follow(view, self.trust)
        return self.trust

    def load_signer(self) -> keys.Signer:
        """The key of this actor. Raises InvalidInput, NotFound (`no-actor-key`), Unavailable."""
        if self._signer is None:
            check_actor(self.actor)
            path = self.home.actor_key(self.actor)
            if not path.exists():
                here = self.home.actors()
                near = difflib.get_close_matches(self.actor, here, n=1)
                raise NotFound(
                    f"there is no key of {self.actor} here",
                    code="no-actor-key",
                    hint=f"Did you mean {near[0]}?"
                    if near
                    else f"Make one with `muniment keys request --actor {self.actor}` and have it admitted.",
                    details={"actors": here},
                )
            self._signer = signers.load_file(path)
        return self._signer

    def make_next_key(self) -> keys.Signer:
        """The key that is to take the place of this actor's: the one that an interrupted change left, else a new one."""
        return self.home.make_next_key(self.actor, purpose(self.actor, self.trust.origin))

    def take_next_key(self) -> None:
        """Sign with the next key from now on; the file of the one before is kept beside it."""
        self.home.take_next_key(self.actor, purpose(self.actor, self.trust.origin))
        self._signer = None

    def _weigh(self, error: VerificationError) -> VerificationError | Unavailable:
        """In the home of a member the newest block may be there before a quorum cosigned it: no forgery, and no proof yet."""
        lacking = error.step in (3, 4) and error.code in ("log-key-unknown", "quorum")
        if self.reach.url is not None or not self.trust.votes or not lacking:
            return error
        return Unavailable(
            "the newest block here was not cosigned by a quorum of the members yet",
            code="quorum-missing",
            hint="Wait until enough members can be reached: muniment node status.",
            retry_after=1.0,
        )

    def _check_ledger(self, view: View) -> None:
        found = merkle.leaf(view.entry(0)).hex()
        if found != self.trust.ledger:
            raise VerificationError(
                f"this is the ledger {found[:8]}…, and the trust file is about {self.trust.ledger[:8]}…",
                step=2,
                code="ledger",
                hint=f"Compare {self.home.trust} with what the ledger's owner gave out, or restore the ledger that it is about.",
            )

    def _verify(self, event: events.Event, verdict: Verdict, raw: bytes) -> Recorded:
        with self.contact() as (view, _):
            note = view.checkpoint
            head = authority.open_head(note, self.trust).checkpoint
            # A repetition may have been signed anew, after a change of keys: the receipt is for the entry that stands there.
            stored = raw if verdict.decision == "admitted" else view.entry(verdict.index)
            proof = view.inclusion(verdict.index, head.size)
            merkle.check_inclusion(merkle.leaf(stored), verdict.index, head.size, proof, head.root)
            height = view.sealed_by(verdict.index)
        return Recorded(
            event=event.NAME,
            event_id=event.event_id,
            index=verdict.index,
            height=height,
            again=verdict.decision == "repeated",
            receipt=receipt.format(Receipt(index=verdict.index, proof=proof, checkpoint=note)),
        )


def refusal(verdict: Verdict) -> PolicyViolation | Conflict:
    """The error for a refused event: a conflict where the name or id already means something else, else a violation."""
    first = verdict.reasons[0]
    if all(reason.rule in _CONFLICTS for reason in verdict.reasons):
        return Conflict(first.sentence(), code=f"conflict-{first.rule}", hint=first.mend or None)
    return PolicyViolation(verdict)


def seal_and_forget(values: Iterable[Value]) -> tuple[Sealed, ...]:
    """Commitments that nobody can open, for an event that is only to be judged."""
    return tuple(seal(value, os.urandom(SALT_BYTES)) for value in values)
