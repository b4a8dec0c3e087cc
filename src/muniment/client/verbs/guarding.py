"""What stops or explains: data withdrawn, incidents with and without a hold, notes."""

from __future__ import annotations

from typing import get_args

from muniment.client import moments
from muniment.client.drafting import Plain
from muniment.client.moments import Moment
from muniment.client.things import Dataset, Recorded, Version
from muniment.client.verbs.recorder import DatasetRef, Recorder, VersionRef
from muniment.core.rules import records
from muniment.core.rules.events.data import WithdrawalCause
from muniment.core.rules.events.incident import Severity
from muniment.errors import InvalidInput, NotFound
from muniment.index.rows import ThingKind

# A note about a model is no note about its newest version.
_NOTED: tuple[ThingKind, ...] = tuple(each for each in get_args(ThingKind) if each not in ("data", "version"))


class Guarding(Recorder):
    """Verbs of those who watch over what runs."""

    def withdraw(
        self, dataset: DatasetRef, *, cause: WithdrawalCause, remedy: str | None = None, reason: str | None = None
    ) -> Recorded:
        """Withdraw a version of a data set: nothing that descends from it is deployed from now on (`impact` tells what does)."""
        return self.record(
            "dataset.withdrawn",
            {"data": self.digest_of(dataset, "data"), "cause": cause, "remedy": remedy, "reason": reason},
        )

    def hold(
        self,
        version: VersionRef,
        *,
        severity: Severity,
        impact: str | None = None,
        reason: str | None = None,
        aware_at: Moment | None = None,
        occurred_at: Moment | None = None,
    ) -> Recorded:
        """Record an incident that holds a version: it is not deployed anywhere until `release`. What runs goes on running."""
        return self.incident(
            version, severity=severity, hold=True, impact=impact, reason=reason, aware_at=aware_at, occurred_at=occurred_at
        )

    def incident(
        self,
        version: VersionRef,
        *,
        severity: Severity,
        hold: bool = False,
        impact: str | None = None,
        reason: str | None = None,
        aware_at: Moment | None = None,
        occurred_at: Moment | None = None,
    ) -> Recorded:
        """Record that something went wrong with a version. It holds nothing unless `hold` says so.

        `impact` says in words what it did, to whom (sealed). The times default to now.
        """
        fields: dict[str, Plain] = {
            "version": self.digest_of(version, "version"),
            "severity": severity,
            "hold": hold,
            "impact": impact,
            "reason": reason,
            "awareAt": moments.now() if aware_at is None else moments.write(aware_at),
        }
        if occurred_at is not None:
            fields["occurredAt"] = moments.write(occurred_at)
        return self.record("incident.recorded", fields)

    def release(self, held: Recorded | VersionRef, *, outcome: str | None = None, reason: str | None = None) -> Recorded:
        """Close an incident and release its hold, if it has one: by its event id or entry, or by the version that it holds.

        Raises NotFound (`no-hold`), and InvalidInput (`ambiguous`) for a version that several incidents hold.
        """
        incident, version = self.find_incident(held.event_id if isinstance(held, Recorded) else held)
        return self.record("incident.closed", {"incident": incident, "version": version, "outcome": outcome, "reason": reason})

    def note(self, thing: str | DatasetRef | VersionRef, text: str) -> Recorded:
        """Add words (sealed) to anything that is recorded. A bare name means the model or data set, not its newest version."""
        return self.record_or_keep("note.added", {"about": [self.stream_of(thing)], "text": text})

    def stream_of(self, thing: str | DatasetRef | VersionRef) -> str:
        """The stream of a thing, by its name as for `note`. Raises NotFound, InvalidInput (`ambiguous`, `no-history`)."""
        if isinstance(thing, Dataset | Version):
            return f"{'data' if isinstance(thing, Dataset) else 'version'}/{thing.digest}"
        try:
            found = self.resolve(thing, _NOTED)
        except NotFound:
            found = self.resolve(thing)
        if found.stream is None:
            raise InvalidInput(
                f"{thing} is the header of a block", code="no-history", hint="Name a thing, such as a version or a deployment."
            )
        return found.stream

    def find_incident(self, held: VersionRef) -> tuple[str, str]:
        """An incident by its event id or entry, or the one that holds a version; and that version's digest. Raises as `release`."""
        found = None if isinstance(held, Version) else self.resolve(held, ("version", "incident", "event"))
        incident = self._holding(held) if found is None or found.kind == "version" else self.event_of(str(held), "incident")
        state = self.state(f"incident/{incident}", records.Incident)
        if state is None:
            raise NotFound(f"{held} is no incident", code="no-such-incident", hint="`muniment log` lists what is recorded.")
        return incident, state.version

    def _holding(self, held: VersionRef) -> str:
        """The one incident that holds a version."""
        digest = self.digest_of(held, "version")
        holding = self.open_holds(digest)
        if len(holding) == 1:
            return holding[0].event_id
        described = self.describe(digest)
        if not holding:
            raise NotFound(f"nothing holds {described}", code="no-hold", hint=f"See `muniment log {described.partition(' ')[0]}`.")
        raise InvalidInput(
            f"{len(holding)} incidents hold {described}",
            code="ambiguous",
            hint=f"Name one by its entry: {', '.join(str(row.index) for row in holding)}.",
            details={"incidents": [{"eventId": row.event_id, "entry": str(row.index)} for row in holding]},
        )
