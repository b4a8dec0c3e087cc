"""client.drafting: from what people say to what they sign."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from muniment.client.drafting import Plain, draft, free_form, measured, simplify
from muniment.core.format import digest, statement
from muniment.core.format.encoding import Value
from muniment.core.format.statement import Sealed
from muniment.core.rules import events
from muniment.errors import InvalidInput, MunimentError

COMMON: dict[str, Plain] = {
    "ledger": "a" * 64,
    "eventId": "0197f000-0000-7000-8000-000000000000",
    "occurredAt": "2026-03-04T12:00:00.000000Z",
    "actor": "alice",
}


class Sealer:
    """Remembers what was sealed, and in how many writes."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.writes = 0

    def __call__(self, values: Iterable[Value]) -> tuple[Sealed, ...]:
        listed = list(values)
        self.values += listed
        self.writes += 1
        return tuple(statement.seal(value, bytes(16)) for value in listed)


def drafted(name: str, fields: dict[str, Plain], sealer: Sealer | None = None) -> events.Event:
    return draft(name, {**COMMON, **fields}, sealer or Sealer())


class Colour(enum.StrEnum):
    RED = "red"


class Size(enum.IntEnum):
    LARGE = 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (0.1, "0.1"),
        (1e22, "1e22"),
        (1e-07, "1e-07"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (True, True),
        (3, 3),
        ((1, None, 2), [1, 2]),
        ({"a": None, "b": 1}, {"b": 1}),
        (np.float64(0.5), "0.5"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.str_("red"), "red"),
        (np.array(2.5), "2.5"),
        (Colour.RED, "red"),
        (Size.LARGE, 3),
        (Sealed("A" * 43), {"sealed": "A" * 43}),
    ],
)
def test_simplify(given: Plain, told: Value) -> None:
    assert simplify(given) == told
    assert type(simplify(given)) is type(told)


@pytest.mark.parametrize("given", [object(), b"bytes", {1, 2}, np.array([1, 2]), np.longdouble(1), 1 + 2j])
def test_simplify_refuses_what_has_no_form(given: Plain) -> None:
    with pytest.raises(InvalidInput) as caught:
        simplify([given])
    assert caught.value.code == "not-expressible"


def test_free_form_flattens_nested_parameters() -> None:
    given: dict[str, Plain] = {"optimizer": {"name": "adam", "betas": {"first": 0.9}}, "depth": 6, "absent": None}
    assert free_form(given) == [
        {"key": "depth", "value": 6},
        {"key": "optimizer.betas.first", "value": 0.9},
        {"key": "optimizer.name", "value": "adam"},
    ]


def test_free_form_tells_everything() -> None:
    given = {
        "layers": [64, 32],
        "path": Path("data/x"),
        "exact": Decimal("0.10"),
        "seed": 2**64,
        "rate": np.float32(0.5),
        "none": [None, "a"],
        "array": np.array([1, 2]),
    }
    told = {str(pair["key"]): pair["value"] for pair in free_form(given)}  # type: ignore[arg-type, call-overload, index]
    assert told == {
        "layers": "64, 32",
        "path": "data/x",
        "exact": "0.10",
        "seed": "18446744073709551616",
        "rate": 0.5,
        "none": "None, a",
        "array": "[1 2]",
    }


def test_measured() -> None:
    assert measured({"loss": np.float32(0.25), "auc": 0.913, "exact": "0.10"}) == [
        {"metric": "auc", "value": "0.913"},
        {"metric": "exact", "value": "0.10"},
        {"metric": "loss", "value": "0.25"},
    ]


def test_prose_is_sealed_in_one_write() -> None:
    sealer = Sealer()
    event = drafted(
        "training.started",
        {"reason": "second run", "parameters": free_form({"note": "two words", "depth": 6, "kind": "gbm"})},
        sealer,
    )
    assert isinstance(event, events.TrainingStarted)
    values = {parameter.key: parameter.value for parameter in event.parameters}
    assert values["depth"] == 6
    assert values["kind"] == "gbm"
    assert isinstance(values["note"], Sealed)
    assert isinstance(event.reason, Sealed)
    assert sorted(map(str, sealer.values)) == ["second run", "two words"]
    assert sealer.writes == 1
    assert b"two words" not in events.encode(event)


def test_no_prose_asks_for_nothing_to_be_sealed() -> None:
    sealer = Sealer()
    drafted("evaluation.planned", {"model": "credit-risk", "metric": "auc", "comparator": "ge", "threshold": 0.9}, sealer)
    assert sealer.values == []


def test_an_invalid_event_leaves_nothing_in_the_vault() -> None:
    sealer = Sealer()
    with pytest.raises(InvalidInput) as caught:
        drafted("dataset.registered", {"name": "loans", "reason": "a secret reason"}, sealer)
    assert caught.value.code == "schema"
    assert sealer.writes == 0


def test_a_sealed_text_stands_beside_its_digest() -> None:
    fields: dict[str, Plain] = {
        "of": {"version": "b" * 64},
        "target": "prompt",
        "path": "system",
        "old": "short",
        "new": "You are helpful.",
    }
    event = drafted("parameter.changed", fields)
    assert isinstance(event, events.ParameterChanged)
    assert event.old == "short"
    assert not isinstance(event.new, str | int | bool | Sealed)
    assert getattr(event.new, "digest", "") == digest.format(digest.sha256(b"You are helpful."))


def test_what_is_sealed_already_stays() -> None:
    sealer = Sealer()
    sealed = statement.seal("before", bytes(16))
    event = drafted("note.added", {"about": ["model/credit-risk"], "text": sealed}, sealer)
    assert isinstance(event, events.NoteAdded)
    assert event.text == sealed
    assert sealer.values == []


def test_snake_case_is_camel_case() -> None:
    event = drafted(
        "dataset.registered",
        {"name": "loans", "data": "c" * 64, "bytes": 1, "files": 1, "personal_data": "no", "purposes": ["b", "a", "b"]},
    )
    assert isinstance(event, events.DatasetRegistered)
    assert event.personal_data == "no"
    assert event.purposes == ("a", "b")


@pytest.mark.parametrize(
    ("name", "hint"), [("model.registerd", "Did you mean model.registered?"), ("zzz", "`muniment record --list`")]
)
def test_an_unknown_event_is_answered_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match="is no event") as caught:
        drafted(name, {})
    assert caught.value.code == "unknown-event"
    assert hint in caught.value.hint


def test_a_loop_of_containers_is_bad_input() -> None:
    loop: dict[str, Plain] = {}
    loop["self"] = loop
    with pytest.raises(InvalidInput) as caught:
        drafted("note.added", {"text": loop})
    assert caught.value.code == "too-deep"


@pytest.mark.parametrize("reason", ["\ud800", 2**60, [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]])
def test_prose_that_cannot_be_sealed_is_bad_input(reason: Plain) -> None:
    with pytest.raises(MunimentError):
        drafted("note.added", {"about": ["model/x"], "text": "t", "reason": reason})
