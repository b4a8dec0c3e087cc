"""Bytes and events (docs/spec, sections 1, 3.3 and 12).

An event has exactly one sequence of bytes: the statement that `encode` writes. So `decode` reads the predicate by its type,
writes the statement again and compares; what differs in any way is refused. Only then does it look for the reason.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping

import msgspec

from muniment.core.format import encoding, statement
from muniment.core.format.encoding import MAX_PAYLOAD_BYTES, Value
from muniment.core.format.statement import STATEMENT_TYPE, Outline, Statement, Subject
from muniment.core.rules.events.amendment import RecordAmended
from muniment.core.rules.events.catalogue import TYPES
from muniment.core.rules.events.order import arrange, check_order
from muniment.core.rules.events.predicate import Event
from muniment.errors import InvalidInput

MAX_STREAMS = 256
# An amendment names its own stream, its author's and every stream of its target. Each target leaves room for that, in number
# and in bytes: else its author could see to it that an event is never redacted or preserved.
MAX_STREAMS_OF_TARGET = MAX_STREAMS - 2
MAX_STREAM_CHARACTERS_OF_TARGET = 46_000
PREFIX = "urn:muniment:event:"
SUFFIX = ":v1"

# Each stream beyond three comes from an array element of at least this many bytes, such as `"acts/a",`.
_STREAM_BYTES = 9
_TYPE_KEY = b'"predicateType":"'


def decode(payload: bytes) -> Event:
    """Read the payload of an envelope as an event.

    Raises InvalidInput: `too-long`, `too-deep`, `not-json`, `not-canonical` and the other codes of canonical JSON, then
    `not-a-statement`, `unknown-event`, `schema`, `subject`, and last those of the event's own form (`not-sorted`,
    `one-form`, `form`, `bad-decimal`, `too-many-streams`).

    An event that is written again as the same bytes is canonical and as shallow as its schema, so that the general checks
    run only on what failed. The type is looked up where canonical form has it; a wrong guess fails the comparison.
    """
    if len(payload) <= MAX_PAYLOAD_BYTES:
        start = payload.rfind(_TYPE_KEY) + len(_TYPE_KEY)
        try:
            event = _outline_reader(payload[start : payload.find(b'"', start)])(payload).predicate
            exact = _format(event) == payload
        except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError):
            exact = False
        if exact:
            _check(event, len(payload))
            return event
    raise _explain(payload)


def encode(event: Event) -> bytes:
    """The payload that an actor signs: canonical, read back and checked. Raises InvalidInput like `decode`."""
    try:
        predicate = encoding.encode_struct(event)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"not expressible in canonical JSON: {error}", code="not-expressible") from None
    read = _predicate_reader(event.NAME)(predicate)
    payload = _format(read)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise InvalidInput(
            f"the event has {len(payload)} bytes where at most {MAX_PAYLOAD_BYTES} are allowed",
            code="too-long",
            hint="Put what is long into a file and name its digest.",
        )
    _check(read, len(payload))
    return payload


def build(name: str, fields: Mapping[str, Value]) -> Event:
    """An event from its JSON fields, common ones included; arrays may be in any order. Raises InvalidInput."""
    if name not in TYPES:
        raise _unknown(name)
    plain = encoding.encode(dict(fields))
    try:
        event = arrange(_loose_reader(name)(plain))
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"not a valid {name}: {error}", code="schema", hint=f"docs/events.md lists the fields of {name}."
        ) from None
    encode(event)
    return event


def predicate_type(name: str) -> str:
    """The predicate type of an event name: `urn:muniment:event:<name>:v1`."""
    return f"{PREFIX}{name}{SUFFIX}"


def streams(event: Event) -> tuple[str, ...]:
    """The streams of the state map that the event is part of: sorted and unique.

    Raises InvalidInput over 254 streams or 46,000 characters of their names; for an amendment, over 256 streams.
    """
    names = tuple(sorted({f"acts/{event.actor}", *event.touches()}))
    if len(names) > MAX_STREAMS or (
        (len(names) > MAX_STREAMS_OF_TARGET or sum(map(len, names)) > MAX_STREAM_CHARACTERS_OF_TARGET)
        and not isinstance(event, RecordAmended)
    ):
        raise InvalidInput(
            f"the event touches {len(names)} streams, which are too many or have names that are too long",
            code="too-many-streams",
            hint=f"Record it as several events: each touches at most {MAX_STREAMS_OF_TARGET} streams.",
        )
    return names


def subjects(event: Event) -> tuple[Subject, ...]:
    """The in-toto subject: the things by digest that the event is about, else its first own stream."""
    return tuple(statement.subject(name, sha256) for name, sha256 in about(event))


def about(event: Event) -> tuple[tuple[str, str], ...]:
    """The same as pairs of a name and a digest."""
    things = event.things()
    if things:
        return things
    own = event.touches()
    name = own[0] if own else f"acts/{event.actor}"
    return ((name, hashlib.sha256(name.encode()).hexdigest()),)


def _format(event: Event) -> bytes:
    return statement.encode(encoding.encode_struct(event), predicate_type(event.NAME), about(event))


def _check(event: Event, length: int) -> None:
    check_order(event)
    event.check()
    if length > MAX_STREAMS_OF_TARGET * _STREAM_BYTES:
        streams(event)


@functools.cache
def _outline_reader(type_: bytes) -> Callable[[bytes], Outline[Event]]:
    """The reader for a predicate type; KeyError where there is none (which is not cached)."""
    name = _name_of(type_.decode())
    # Here, because whoever imports the vocabulary need not read an event.
    from muniment.core.rules.events import readers

    return readers.OUTLINES[name]


@functools.cache
def _predicate_reader(name: str) -> Callable[[bytes], Event]:
    from muniment.core.rules.events import readers

    return readers.PREDICATES[name]


@functools.cache
def _statement_reader(name: str) -> Callable[[bytes], Statement[Event]]:
    from muniment.core.rules.events import readers

    return readers.STATEMENTS[name]


@functools.cache
def _loose_reader(name: str) -> Callable[[bytes], Event]:
    from muniment.core.rules.events import readers

    return readers.LOOSE[name]


def _name_of(type_: str) -> str:
    """The event name in a predicate type. Raises KeyError."""
    name = type_.removeprefix(PREFIX).removesuffix(SUFFIX)
    if name not in TYPES or type_ != predicate_type(name):
        raise KeyError(type_)
    return name


def _explain(payload: bytes) -> InvalidInput:
    """Say what keeps a payload from being an event. Raises InvalidInput itself for what is no canonical JSON."""
    value = encoding.decode(payload)
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE or not isinstance(value.get("predicateType"), str):
        return InvalidInput("not an in-toto statement", code="not-a-statement", hint=f"`_type` is {STATEMENT_TYPE}.")
    type_ = str(value["predicateType"])
    try:
        name = _name_of(type_)
    except KeyError:
        return _unknown(type_[:128])
    try:
        encode(_statement_reader(name)(payload).predicate)
    except InvalidInput as error:
        return error
    return InvalidInput(
        "the statement's subject is not what its event is about",
        code="subject",
        hint="Write the subject as docs/spec says, or let Muniment write the statement.",
    )


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name!r} is no event of protocol 1",
        code="unknown-event",
        hint="docs/events.md lists every event.",
        details={"event": name},
    )
