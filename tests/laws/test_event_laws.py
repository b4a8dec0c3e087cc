"""Laws of the vocabulary: one event, one sequence of bytes; streams and subjects are functions of it."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.core.format.statement import Statement
from muniment.core.rules import events
from muniment.core.rules.events import Event, Stream
from muniment.errors import InvalidInput
from strategies import events as any_event

LEDGER = "ab" * 32
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("type_", events.TYPES.values(), ids=events.TYPES.keys())
def test_every_type_has_one_form(type_: type[Event]) -> None:
    @settings(quick, max_examples=12)
    @given(event=any_event(types=[type_]), seed=st.integers(0, 2**32))
    def law(event: Event, seed: int) -> None:
        payload = events.encode(event)
        read = events.decode(payload)
        assert type(read) is type_
        assert read == event
        assert events.encode(read) == payload
        check_arrays(event, random.Random(seed))

    law()


@quick
@given(event=any_event())
def test_payload_is_what_an_rfc_8785_library_writes(event: Event) -> None:
    payload = events.encode(event)
    assert rfc8785.dumps(json.loads(payload)) == payload


@quick
@given(event=any_event())
def test_payload_is_a_statement_about_the_subjects(event: Event) -> None:
    statement = msgspec.json.decode(events.encode(event), type=Statement[type(event)])  # type: ignore[misc]
    assert statement.predicate == event
    assert statement.predicate_type == events.predicate_type(event.NAME)
    assert statement.subject == events.subjects(event)


@quick
@given(event=any_event(), seed=st.integers(0, 2**32))
def test_every_flipped_byte_is_refused_or_says_something_else(event: Event, seed: int) -> None:
    payload, draw = events.encode(event), random.Random(seed)
    for at in range(len(payload)):
        flipped = bytearray(payload)
        flipped[at] ^= draw.randrange(1, 256)
        try:
            other = events.decode(bytes(flipped))
        except InvalidInput:
            continue
        assert other != event
        assert events.encode(other) == flipped


@quick
@given(event=any_event(), seed=st.integers(0, 2**32))
def test_cut_and_doubled_bytes_are_refused(event: Event, seed: int) -> None:
    payload, draw = events.encode(event), random.Random(seed)
    for _ in range(20):
        start, end = sorted(draw.sample(range(len(payload) + 1), 2))
        for other in (payload[:start] + payload[end:], payload[:end] + payload[start:]):
            try:
                read = events.decode(other)
            except InvalidInput:
                continue
            assert read != event
            assert events.encode(read) == other


@settings(quick, max_examples=200)
@given(payload=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_nothing_but_invalid_input_escapes(payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        events.decode(payload)


@quick
@given(event=any_event())
def test_streams_are_sorted_unique_named_and_pure(event: Event) -> None:
    names = events.streams(event)
    assert list(names) == sorted(set(names))
    assert len(names) <= events.MAX_STREAMS
    assert f"acts/{event.actor}" in names
    assert names == events.streams(events.decode(events.encode(event)))
    assert [msgspec.convert(name, Stream) for name in names] == list(names)


@quick
@given(event=any_event())
def test_streams_are_of_the_documented_kinds(event: Event) -> None:
    kinds = [name.partition("/")[0] for name in event.touches()]
    if "about" not in event.STREAMS:
        assert set(kinds) <= set(event.STREAMS)
    if event.STREAMS and event.STREAMS[0] not in ("about", "version"):
        assert kinds[0] == event.STREAMS[0]


def check_arrays(event: Event, draw: random.Random) -> None:
    """One order only, and `arrange` finds it."""
    for field, items in zip(event.__struct_fields__, msgspec.structs.astuple(event), strict=True):
        if not isinstance(items, tuple) or not items:
            continue
        shuffled = msgspec.structs.replace(event, **{field: tuple(draw.sample(items, len(items)))})
        assert events.arrange(shuffled) == event
        for wrong in {items[::-1], (*items, items[-1])} - {items}:
            with pytest.raises(InvalidInput) as caught:
                events.encode(msgspec.structs.replace(event, **{field: wrong}))
            assert caught.value.code == "not-sorted"


@quick
@given(event=any_event())
def test_build_reads_the_json_fields(event: Event) -> None:
    assert events.build(event.NAME, json.loads(events.encode(event))["predicate"]) == event


@quick
@given(event=any_event(ledger=LEDGER, actor="alice"))
def test_strategy_fixes_ledger_and_actor(event: Event) -> None:
    assert (event.ledger, event.actor) == (LEDGER, "alice")
