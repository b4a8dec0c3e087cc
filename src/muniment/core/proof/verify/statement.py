"""Step 9: what is signed, by whom, and for which ledger (docs/spec, section 10.5).

The signature is checked over the bytes as received. An event that this release has no schema for is shown raw: its
signature and its ledger are checked all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

import msgspec

from muniment.core.format import dsse, encoding
from muniment.core.format.encoding import Value
from muniment.core.proof.verify.verified import Thing
from muniment.core.rules import events
from muniment.core.rules.events.predicate import Grade
from muniment.errors import InvalidInput, VerificationError

STEP = 9
GRADES: tuple[Grade, ...] = get_args(Grade)
DECLARED: Grade = "declared"
"""What stands behind a claim of which nothing else is said."""


class Signed(msgspec.Struct, frozen=True):
    """A statement whose signature holds. `key` is the public key in hex; `known` is whether its schema was checked."""

    index: int
    key: str
    name: str
    predicate: Mapping[str, Value]
    things: tuple[Thing, ...]
    known: bool

    @property
    def grade(self) -> Grade | None:
        """What the event says that stands behind its claim."""
        return next((grade for grade in GRADES if grade == self.predicate.get("grade")), None)

    def text(self, field: str) -> str:
        """A field of the predicate that is text; empty where there is none."""
        value = self.predicate.get(field)
        return value if isinstance(value, str) else ""

    def sealed(self) -> Iterator[tuple[str, str]]:
        """Every sealed field: its path (`reason`, `results[].value`) and its commitment."""
        return find_sealed(self.predicate)


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
    known = _check_form(index, payload)
    document = encoding.decode(payload)
    predicate = document.get("predicate") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(predicate, dict):
        raise VerificationError(f"entry {index} holds no statement", step=STEP, code="event-form")
    type_ = str(document.get("predicateType", ""))
    signed = Signed(
        index=index,
        key=envelope.key.hex(),
        name=type_.removeprefix("urn:muniment:event:").removesuffix(":v1"),
        predicate=predicate,
        things=tuple(_find_things(document.get("subject"))),
        known=known,
    )
    if signed.text("ledger") != ledger:
        raise VerificationError(
            f"entry {index} was signed for another ledger",
            step=STEP,
            code="ledger",
            details={"entry": index, "found": signed.text("ledger"), "expected": ledger},
        )
    return signed


def find_sealed(value: Value | Mapping[str, Value], path: str = "") -> Iterator[tuple[str, str]]:
    """Every sealed field in a value: its path (`reason`, `results[].value`) and its commitment."""
    if isinstance(value, Mapping):
        commitment = value.get("sealed")
        if isinstance(commitment, str):
            yield path, commitment
        for key, item in value.items():
            yield from find_sealed(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from find_sealed(item, f"{path}[]")


def _check_form(index: int, payload: bytes) -> bool:
    try:
        events.decode(payload)
    except InvalidInput as error:
        if error.code == "unknown-event":
            return False
        raise VerificationError(f"entry {index} is no event of protocol 1: {error}", step=STEP, code="event-form") from None
    return True


def _find_things(subjects: Value | None) -> Iterator[Thing]:
    for subject in subjects if isinstance(subjects, list) else []:
        digests = subject.get("digest") if isinstance(subject, dict) else None
        if isinstance(subject, dict) and isinstance(digests, dict):
            yield Thing(name=str(subject.get("name", "")), digest=str(digests.get("sha256", "")))
