"""What an effect sees of the world, and how it says no.

An effect reads states, refuses with reasons, and sets the states that its event changes. Writes take effect only if no
reason was given: an event is admitted whole or not at all.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from muniment.core.format import encoding
from muniment.core.rules import events, measurement
from muniment.core.rules.events import Event
from muniment.core.rules.measurement import Measurement
from muniment.core.rules.overlay import Overlay, Writes
from muniment.core.rules.policy import Policy, Reason
from muniment.core.rules.records import MAX_SET_BYTES, Actor, Consortium, Data, Run, State, Version
from muniment.errors import InvariantError

E = TypeVar("E", bound=Event)
S = TypeVar("S", bound=State)


class Context(msgspec.Struct, gc=False):
    """One event under judgement: the policy in force, its future index, its block's time, its signer, and the state before it.

    `first` is the entry that registered the same thing already, if the event only says it again.
    """

    overlay: Overlay
    policy: Policy
    origin: str
    index: int
    time: str
    keyid: str
    event: Event
    roles: tuple[str, ...] = ()
    reasons: list[Reason] = []
    writes: dict[str, State] = {}
    first: int = -1
    _signer: Actor | None = None

    def speak_for(self, actor: Actor) -> None:
        """Note who signs, and so in which roles."""
        self._signer = actor
        self.roles = actor.roles

    @property
    def kind(self) -> str:
        """Whether the signer is a person, a service or an organisation."""
        return "" if self._signer is None else self._signer.kind

    @property
    def organisation(self) -> str | msgspec.UnsetType:
        """The organisation of the signer, if it has one."""
        return msgspec.UNSET if self._signer is None else self._signer.organisation

    @property
    def persons(self) -> tuple[str, ...]:
        """The persons who answer for the event, sorted; `onBehalfOf` only adds to the signer's own.

        Whom nobody answers for stands for nobody: else one service could speak with as many voices as there are persons.
        """
        own = self.own_persons
        return tuple(sorted({*own, *self.event.on_behalf_of})) if own else ()

    @property
    def own_persons(self) -> tuple[str, ...]:
        """The persons who answer for the signer, whatever it says."""
        return self._signer.persons(self.event.actor) if self._signer is not None else ()

    def read(self, stream: str, kind: type[S]) -> S | None:
        """The state of a stream, or None where nothing ever touched it."""
        written = self.writes.get(stream)
        return written if isinstance(written, kind) else self.overlay.read(stream, kind)

    def exists(self, stream: str) -> bool:
        """Has anything ever touched this stream?"""
        return stream in self.writes or self.overlay.exists(stream)

    def write(self, stream: str, state: State) -> None:
        """Set what the ledger says about a stream once the event is admitted."""
        self.writes[stream] = state

    def refuse(self, rule: str, required: str, found: str, *, missing: tuple[str, ...] = (), mend: str = "") -> None:
        """Give a reason against the event."""
        self.reasons.append(Reason(rule=rule, required=required, found=found, missing=missing, mend=mend))

    def encode_writes(self) -> Writes:
        """Each state to set with its canonical bytes. Refuses sets that would outgrow a record, whose size bounds every proof."""
        encoded = {}
        for stream, state in self.writes.items():
            raw = encoding.encode_struct(state)
            # What an element counts is at most twice what it takes.
            if 2 * len(raw) > MAX_SET_BYTES and state.set_bytes() > MAX_SET_BYTES:
                self.refuse(
                    "record-size",
                    f"The sets in the record of a stream take at most {MAX_SET_BYTES} bytes.",
                    f"Those of {stream} would take {state.set_bytes()}.",
                )
            encoded[stream] = state, raw
        return encoded

    def require(self, stream: str, kind: type[S], what: str, *, mend: str = "") -> S | None:
        """The state of a stream that the event relies on; refuses with rule `unknown` where it does not exist."""
        state = self.read(stream, kind)
        if state is None:
            self.refuse(
                "unknown",
                "Everything that an event relies on is recorded before it.",
                f"{what} is not recorded.",
                missing=(stream,),
                mend=mend,
            )
        return state

    def require_version(self, version: str) -> Version | None:
        """A registered model version."""
        return self.require(
            f"version/{version}",
            Version,
            f"The model version {version[:8]}…",
            mend="Register it first: `muniment register MODEL PATH`.",
        )

    def require_data(self, data: str) -> Data | None:
        """A registered data set version."""
        return self.require(
            f"data/{data}", Data, f"The data set {data[:8]}…", mend="Register it first: `muniment dataset NAME PATH`."
        )

    def require_fresh(self, data: Data, digest: str) -> None:
        """Data that nobody has withdrawn."""
        if data.withdrawn is not msgspec.UNSET:
            self.refuse(
                "withdrawn",
                "What was withdrawn is used no more.",
                f"{data.name}@{data.ordinal} was withdrawn (entry {data.withdrawn}).",
                missing=(f"data/{digest}",),
                mend="Use other data.",
            )

    def require_environment(self, name: str) -> None:
        """An environment of the policy, where it lists any."""
        reason = self.policy.check_environment(name)
        if reason is not None:
            self.reasons.append(reason)

    def require_persons(self) -> None:
        """Somebody who answers for the event."""
        if not self.persons:
            self.refuse(
                "persons",
                "A decision is made by somebody who answers for it.",
                f"Nobody answers for {self.event.actor}.",
                mend=f"Enrol {self.event.actor} anew with the persons who are responsible for it.",
            )

    def require_later(self, moment: str | msgspec.UnsetType) -> None:
        """A time that is still to come when the event is sealed."""
        if moment is not msgspec.UNSET and moment <= self.time:
            self.refuse("expired", "An expiry lies in the future.", f"{moment} is past: the block's time is {self.time}.")

    def require_holder(self) -> None:
        """A signer who may open and release holds."""
        if not self.policy.may_hold(self.roles):
            self.refuse(
                "hold-role",
                f"Holds are opened and released by {' or '.join(self.policy.hold_roles)}.",
                f"{self.event.actor} holds {', '.join(self.roles) or 'no role'}.",
                mend="Ask somebody with that role. An incident that holds nothing needs none: `muniment incident`.",
            )

    def require_own(self, of: str, organisation: str | msgspec.UnsetType) -> None:
        """In a consortium: an actor of a member is a matter of that member alone, or one could vote with the voices of all."""
        consortium = self.read("members", Consortium)
        if consortium is None or organisation is msgspec.UNSET or organisation == self.organisation:
            return
        if organisation in consortium.active:
            self.refuse(
                "organisation",
                "Who belongs to a member of the consortium is enrolled, and gets keys, by that member.",
                f"{of} is of {organisation}, and {self.event.actor} of {self.organisation or 'none'}.",
                mend=f"Ask {organisation} to do it.",
            )

    def require_run(self, run: str) -> Run | None:
        """A training run that was recorded as started."""
        return self.require(f"run/{run}", Run, f"The training run {run}")

    def require_stream(self, stream: str, what: str) -> None:
        """Something that the ledger has heard of, whatever its state."""
        if not self.exists(stream):
            self.refuse(
                "unknown",
                "Everything that an event relies on is recorded before it.",
                f"{what} ({stream}) is not recorded.",
                missing=(stream,),
            )

    def repeat(self, what: str, name: str, stream: str, known_name: str, ordinal: int) -> None:
        """The same bytes again: under the same name this is the first registration once more, under another a conflict."""
        if name == known_name:
            self.first = self.overlay.first(stream)
            return
        self.refuse(
            "once",
            f"A {what} is registered once, under one name.",
            f"These bytes are {known_name}@{ordinal}.",
            mend=f"Use {known_name}@{ordinal}.",
        )

    def body(self, index: int) -> bytes:
        """The signed bytes of an event that was admitted before, in this block or an earlier one."""
        own = self.overlay.bodies.get(index)
        return self.overlay.reader.event(index) if own is None else own

    def measurement(self, index: int) -> Measurement:
        """What the measurement at an entry said; read once a block."""
        found = self.overlay.measurements.get(index)
        if found is None:
            found = self.overlay.measurements[index] = measurement.decode(self.body(index))
        return found

    def find(self, index: int, kind: type[E]) -> E:
        """The event that a record names, which is of this kind: no other one could have made the record."""
        event = events.decode(self.body(index))
        if not isinstance(event, kind):
            raise InvariantError(f"entry {index} is no {kind.NAME}")
        return event

    def payload(self, event_id: str) -> bytes | None:
        """The signed bytes of an event that was admitted in an earlier block."""
        index = self.overlay.reader.find(event_id)
        return None if index is None else self.overlay.reader.event(index)
