"""client.explaining: what is wrong with a field, in the words of whoever filled it in."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from muniment.client.drafting import Plain, draft
from muniment.client.explaining import explain
from muniment.core.format.encoding import Value
from muniment.core.format.statement import Sealed
from muniment.core.rules.events import DatasetRegistered
from muniment.errors import InvalidInput

COMMON: dict[str, Plain] = {
    "ledger": "a" * 64,
    "eventId": "0197f000-0000-7000-8000-000000000000",
    "occurredAt": "2026-03-04T12:00:00.000000Z",
    "actor": "alice",
}
DATASET: dict[str, Plain] = {"name": "loans", "data": "c" * 64, "bytes": 1, "files": 1}


def seal(values: Iterable[Value]) -> tuple[Sealed, ...]:
    return tuple(Sealed("A" * 43) for _ in values)


@pytest.mark.parametrize(
    ("name", "fields", "message", "hint"),
    [
        ("dataset.registered", {"name": "the loans"}, "name cannot be 'the loans'; it takes a name", "joined by slashes"),
        ("dataset.registered", {"name": "x" * 200}, "…; it takes a name", "at most 128 characters"),
        ("dataset.registered", {"licence": "MIT OR x"}, "licence cannot be 'MIT OR x'; it takes a name without slashes", "dashes"),
        ("dataset.registered", {"bytes": -1}, "bytes cannot be -1; it takes a whole number from 0 on", "docs/events.md"),
        ("dataset.registered", {"data": "c" * 63}, "it takes a digest", "64 lower-case hex digits"),
        ("dataset.registered", {"personal_data": "maybe"}, "it takes one of no, pseudonymised, yes", "docs/events.md"),
        ("dataset.registered", {"purposes": "x"}, "purposes takes a list of values", "docs/events.md"),
        ("dataset.registered", {"purposes": ["ok", "a b"]}, "purposes[1] cannot be 'a b'; it takes a name", ""),
        ("dataset.registered", {"snapshot": "x"}, "snapshot takes an object with fields", ""),
        ("dataset.registered", {"licenze": "MIT"}, "dataset.registered has no field 'licenze'", "Did you mean licence?"),
        ("dataset.registered", {"zzz": "MIT"}, "dataset.registered has no field 'zzz'", "Its fields are ledger"),
        ("dataset.registered", {"data": None}, "dataset.registered needs the field 'data'", "docs/events.md"),
        ("dataset.registered", {"snapshot": {"system": "s"}}, "dataset.registered needs the field", ""),
        ("training.started", {"inputs": [{"data": "c" * 64, "role": "x"}]}, "inputs[0].role cannot be 'x'", ""),
        ("training.started", {"inputs": [{"data": "c" * 64, "role": "test", "x": 1}]}, "inputs[0] has no field 'x'", ""),
        ("evaluation.planned", {"model": "m", "metric": "auc", "comparator": "ge", "threshold": "x"}, "it takes a number", "0.913"),
        ("approval.decided", {"of": {}, "decision": "approve", "meaning": "approval"}, "`of` is", "docs/events.md"),
    ],
)
def test_in_words(name: str, fields: dict[str, Plain], message: str, hint: str) -> None:
    given = {**COMMON, **(DATASET if name == "dataset.registered" else {}), **fields}
    with pytest.raises(InvalidInput) as caught:
        draft(name, given, seal)
    assert message in str(caught.value)
    assert hint in caught.value.hint
    assert "regex" not in str(caught.value)


def test_an_error_about_something_else_stays() -> None:
    other = InvalidInput("the event is too long", code="too-long")
    assert explain(DatasetRegistered, {}, other) is other
    unread = InvalidInput("not a valid dataset.registered: something new", code="schema")
    assert explain(DatasetRegistered, {}, unread) is unread
