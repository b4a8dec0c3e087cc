"""Step 9: what is signed, by whom, and for which ledger (docs/spec, section 10.5).

The signature is checked over the bytes as received. An event that this release has no schema for is shown raw: its
signature and its ledger are checked all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import msgspec

from muniment.core.format import dsse, encoding, statement
from muniment.core.format.encoding import Value
from muniment.core.proof.verify.verified import Thing
from muniment.core.rules import events
from muniment.core.rules.events import Event
from muniment.core.rules.events.predicate import Grade
from muniment.errors import InvalidInput, VerificationError

STEP = 9
GRADES: tuple[Grade, ...] = get_args(Grade)
DECLARED: Grade = "declared"
"""What stands behind a claim of which nothing else is said."""
_SEALED = b'"sealed":'
_NESTED = (dict, list)


class Signed(msgspec.Struct, frozen=True, gc=False):
    """A statement whose signature holds. `key` is the public key in hex, `payload` what was signed, `predicate` its JSON.

    `event` is its typed form; None for an event of which this release has no schema. The common fields are empty where that
    one does not have them as text.
    """

    index: int
    key: str
    payload: bytes
    predicate: bytes
    name: str
    ledger: str
    event_id: str
    actor: str
    occurred_at: str
    grade: Grade | None
    things: tuple[Thing, ...]
    event: Event | None

    @property
    def known(self) -> bool:
        """Whether its schema was checked."""
        return self.event is not None

    def sealed(self) -> list[tuple[str, str]]:
        """Every sealed field: its path (`reason`, `results[].value`) and its commitment."""
        return find_sealed(msgspec.json.decode(self.predicate)) if _SEALED in self.predicate else []

    def digests(self) -> list[tuple[str, str]]:
        """Every commitment that has a digest beside it, as a text that is not shown, and that digest."""
        found: list[tuple[str, str]] = []
        if _SEALED in self.predicate:
            _collect_digests(msgspec.json.decode(self.predicate), found)
        return found


def open_statement(index: int, raw: bytes, ledger: str) -> Signed:
    """Open the envelope at an index. Raises VerificationError (step 9: `entry-form`, `signature`, `event-form`, `ledger`)."""
    try:
        envelope = dsse.decode(raw)
    except InvalidInput as error:
        raise VerificationError(f"entry {index} is not a signed event: {error}", step=STEP, code="entry-form") from None
    try:
        payload = dsse.open(envelope)
    except VerificationError:
        raise VerificationError(
            f"the signature of entry {index} is not by the key it names over what it says",
            step=STEP,
            code="signature",
            details={"entry": index, "key": envelope.key.hex()},
        ) from None
    event = _read_event(index, payload)
    key = envelope.key.hex()
    signed = _open_unknown(index, key, payload) if event is None else _open_known(index, key, payload, event)
    if signed.ledger != ledger:
        raise VerificationError(
            f"entry {index} was signed for another ledger",
            step=STEP,
            code="ledger",
            details={"entry": index, "found": signed.ledger, "expected": ledger},
        )
    return signed


def _open_known(index: int, key: str, payload: bytes, event: Event) -> Signed:
    return Signed(
        index=index,
        key=key,
        payload=payload,
        predicate=statement.predicate_of(payload),
        name=event.NAME,
        ledger=event.ledger,
        event_id=event.event_id,
        actor=event.actor,
        occurred_at=event.occurred_at,
        grade=None if event.grade is msgspec.UNSET else event.grade,
        things=tuple([Thing(name=name, digest=digest) for name, digest in events.about(event)]),
        event=event,
    )


def _open_unknown(index: int, key: str, payload: bytes) -> Signed:
    """A statement in canonical form, whose type nobody here knows yet."""
    document = encoding.decode(payload)
    predicate = document.get("predicate") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(predicate, dict):
        raise VerificationError(f"entry {index} holds no statement", step=STEP, code="event-form")
    texts = {key: value for key, value in predicate.items() if isinstance(value, str)}
    return Signed(
        index=index,
        key=key,
        payload=payload,
        predicate=encoding.encode(predicate),
        name=str(document.get("predicateType", "")).removeprefix("urn:muniment:event:").removesuffix(":v1"),
        ledger=texts.get("ledger", ""),
        event_id=texts.get("eventId", ""),
        actor=texts.get("actor", ""),
        occurred_at=texts.get("occurredAt", ""),
        grade=next((grade for grade in GRADES if grade == texts.get("grade")), None),
        things=tuple(_find_things(document.get("subject"))),
        event=None,
    )


def find_sealed(value: Value, path: str = "") -> list[tuple[str, str]]:
    """Every sealed field in a value: its path (`reason`, `results[].value`) and its commitment."""
    found: list[tuple[str, str]] = []
    _collect_sealed(value, path, found)
    return found


def _collect_sealed(value: Value, path: str, found: list[tuple[str, str]]) -> None:
    """`find_sealed` into a list: it looks at every value of every event, so it leaves single texts and numbers alone."""
    if isinstance(value, list):
        for item in value:
            if isinstance(item, _NESTED):
                _collect_sealed(item, f"{path}[]", found)
    elif isinstance(value, dict):
        commitment = value.get("sealed")
        if isinstance(commitment, str):
            found.append((path, commitment))
        for key, item in value.items():
            if isinstance(item, _NESTED):
                _collect_sealed(item, f"{path}.{key}" if path else key, found)


def _collect_digests(value: Value, found: list[tuple[str, str]]) -> None:
    if isinstance(value, dict):
        commitment, digest = value.get("sealed"), value.get("digest")
        if isinstance(commitment, str) and isinstance(digest, str):
            found.append((commitment, digest))
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _collect_digests(item, found)


def _read_event(index: int, payload: bytes) -> Event | None:
    try:
        return events.decode(payload)
    except InvalidInput as error:
        if error.code == "unknown-event":
            return None
        raise VerificationError(f"entry {index} is no event of protocol 1: {error}", step=STEP, code="event-form") from None


def _find_things(subjects: Value | None) -> Iterator[Thing]:
    for subject in subjects if isinstance(subjects, list) else []:
        digests = subject.get("digest") if isinstance(subject, dict) else None
        if isinstance(subject, dict) and isinstance(digests, dict):
            yield Thing(name=str(subject.get("name", "")), digest=str(digests.get("sha256", "")))
