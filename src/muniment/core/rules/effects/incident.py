"""Effects of incidents, hand-offs and amendments of records."""

import msgspec

from muniment.core.rules import events
from muniment.core.rules.effects.context import Context
from muniment.core.rules.effects.dispatch import effect
from muniment.core.rules.events import IncidentClosed, IncidentRecorded, OwnershipAccepted, OwnershipOffered, RecordAmended
from muniment.core.rules.records import Amendment, Incident, Model
from muniment.core.rules.requirements import title


@effect.register
def _recorded(event: IncidentRecorded, context: Context) -> None:
    version = context.require_version(event.version)
    if event.hold:
        context.require_holder()
    context.write(f"incident/{event.event_id}", Incident(hold=event.hold, status="open", version=event.version))
    if version is not None and event.hold:
        context.write(f"version/{event.version}", msgspec.structs.replace(version, holds=version.holds + 1))


@effect.register
def _closed(event: IncidentClosed, context: Context) -> None:
    incident = context.require(f"incident/{event.incident}", Incident, f"The incident {event.incident}")
    version = context.require_version(event.version)
    if incident is None or version is None:
        return
    if incident.status != "open" or incident.version != event.version:
        context.refuse(
            "incident",
            "Only an open incident is closed, and under its own version.",
            f"This one is {incident.status} and belongs to {title(context, f'version/{incident.version}')}.",
        )
    if incident.hold:
        context.require_holder()
    context.write(f"incident/{event.incident}", msgspec.structs.replace(incident, status="closed"))
    if incident.hold:
        context.write(f"version/{event.version}", msgspec.structs.replace(version, holds=version.holds - 1))


@effect.register
def _offered(event: OwnershipOffered, context: Context) -> None:
    model = context.require(f"model/{event.model}", Model, f"The model {event.model}")
    context.require_stream(f"actor/{event.to}", f"The actor {event.to}")
    if model is not None:
        if not model.owner == event.from_ == event.actor:
            owner = "nobody" if model.owner is msgspec.UNSET else model.owner
            context.refuse("owner", "A model is offered by its owner.", f"{event.model} belongs to {owner}.")
        context.write(f"model/{event.model}", msgspec.structs.replace(model, offer=event.event_id, offered_to=event.to))


@effect.register
def _accepted(event: OwnershipAccepted, context: Context) -> None:
    model = context.require(f"model/{event.model}", Model, f"The model {event.model}")
    if model is not None:
        if (model.offer, model.offered_to) != (event.offer, event.actor):
            context.refuse(
                "owner",
                "The receiver accepts the offer that is open.",
                "No offer is open." if model.offered_to is msgspec.UNSET else f"The offer that is open is to {model.offered_to}.",
            )
        context.write(
            f"model/{event.model}",
            msgspec.structs.replace(model, owner=event.actor, offer=msgspec.UNSET, offered_to=msgspec.UNSET),
        )


@effect.register
def _amended(event: RecordAmended, context: Context) -> None:
    payload = context.payload(event.target)
    if payload is None:
        context.refuse(
            "unknown", "What is amended is recorded before.", f"There is no event {event.target}.", missing=(event.target,)
        )
        return
    if event.about != events.streams(events.decode(payload)):
        context.refuse("about", "`about` names exactly the streams of the target.", "It names others.")
    stream = f"amendment/{event.target}"
    before = context.read(stream, Amendment) or Amendment()
    if event.kind == "redact" and before.preserved:
        context.refuse(
            "preserved",
            "What has to be preserved is not redacted.",
            f"{event.target} has to be.",
            mend="Lift that first, with a `record.amended` of kind unpreserve.",
        )
    changed = {
        "preserve": Amendment(preserved=True, redacted=before.redacted),
        "unpreserve": Amendment(preserved=False, redacted=before.redacted),
        "redact": Amendment(preserved=before.preserved, redacted=True),
        "correct": before,
    }
    context.write(stream, changed[event.kind])
