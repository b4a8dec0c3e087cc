"""The event reference, docs/events.md, rendered from the types themselves: what is documented is what is enforced."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

import msgspec
from msgspec.inspect import Field, StructType, Type, VarTupleType

from muniment.core.format.statement import Sealed
from muniment.core.rules.events.catalogue import FAMILIES
from muniment.core.rules.events.codec import MAX_STREAM_CHARACTERS_OF_TARGET, MAX_STREAMS, MAX_STREAMS_OF_TARGET, predicate_type
from muniment.core.rules.events.predicate import Event
from muniment.core.rules.events.schema import describe, fields_of, meanings, parts_of
from muniment.core.rules.events.value import SealedText
from muniment.core.rules.policy import Policy

_INTRODUCTION = f"""# Events of protocol 1

Generated from `src/muniment/core/rules/events/` by `python tools/event_reference.py`; do not edit.

Each event is the predicate of an in-toto Statement v1 with the predicate type `{predicate_type("<name>")}`.
Its fields are the common ones and its own, side by side. A field is *clear* (an enumeration, digest, number, time or ASCII
identifier) or *sealed* (only a salted commitment stands in the ledger; the text lives in the vault). Every array is a set:
sorted, without repeats, absent when empty. An optional field that says nothing is absent, never null.

An event belongs to the streams listed with it and to `acts/<actor>`: at most {MAX_STREAMS_OF_TARGET} in all, whose names have
at most {MAX_STREAM_CHARACTERS_OF_TARGET:,} characters together; an amendment, which names every stream of its target, at most
{MAX_STREAMS}. The statement's subject is the things by digest that the event is about, else its first own stream with the
SHA-256 of that name.

## Forms

| form | what it is |
|---|---|
| identifier | ASCII segments joined by `/`, at most 128 characters |
| segment | `[A-Za-z0-9][A-Za-z0-9._-]*`, at most 128 characters |
| digest | SHA-256, a manifest root or a public key: 64 lower hex digits |
| git digest | 40 or 64 lower hex digits |
| decimal | `-?digits[.digits][e[-]digits]` as a string of at most 40 characters, or `NaN`, `Infinity`, `-Infinity` |
| integer, natural number | a JSON number within +-(2^53 - 1); a natural number is not negative |
| time | RFC 3339 in UTC with exactly six digits of fraction: `2026-03-04T12:00:00.000000Z` |
| event id | a UUIDv7 in lower case |
| stream | the name of a stream, such as `model/credit-risk` |
| key | printable ASCII, at most 128 characters |
| control | a clause of a regulation or standard: `eu-ai-act:10(2)(b)` |
| clause | a part of a document, such as `2(g)` |
| media type | `type/subtype`, without parameters |
| event name | such as `model.registered` |
| origin | `<organisation-or-host>/<name>`, without a scheme |
| country | two upper-case letters |
| signature | Ed25519, 64 bytes in padded base64 |
| **sealed** | `{{"sealed": "<base64url SHA-256(salt, canonical value)>"}}` |
| **sealed text** | the same with `digest`, the SHA-256 of the text |
"""


def render() -> str:
    """The whole reference, in Markdown."""
    parts = [_INTRODUCTION, "## Common fields\n\n" + _table(Event, fields_of(Event))]
    common = {field.encode_name for field in fields_of(Event)}
    for family, types in FAMILIES.items():
        parts.append(f"## {family}\n")
        parts.extend(_event(each, common) for each in types)
    parts.append("## Structs\n")
    for struct in _structs(types for family in FAMILIES.values() for types in family):
        parts.append(f"### {struct.__name__}\n\n{_summary(struct)}\n\n{_table(struct, fields_of(struct))}")
    return "\n".join(parts)


def _event(type_: type[Event], common: set[str]) -> str:
    own = [field for field in fields_of(type_) if field.encode_name not in common]
    streams = ", ".join(f"`{each}`" if each != "about" else "those of `about`" for each in type_.STREAMS) or "no others"
    return f"### `{type_.NAME}`\n\n{_summary(type_)}\n\nStreams: {streams}.\n\n{_table(type_, own)}"


def _table(type_: type[msgspec.Struct], fields: Iterable[Field]) -> str:
    meaning = meanings(type_)
    rows = []
    for field in fields:
        name = f"`{field.encode_name}`" + ("" if field.required else " (optional)")
        rows.append(f"| {name} | {_form(field.type)} | {meaning.get(field.encode_name, '')} |")
    return "\n".join(["| field | form | meaning |", "|---|---|---|", *rows, ""])


def _form(type_: Type) -> str:
    forms = [describe(each) for each in parts_of(type_)]
    return " or ".join(f"**{form}**" if form.startswith("sealed") else form for form in forms)


def _summary(type_: type[msgspec.Struct]) -> str:
    return inspect.cleandoc(type_.__doc__ or "").splitlines()[0]


def _structs(types: Iterable[type[msgspec.Struct]]) -> list[type[msgspec.Struct]]:
    """The structs that stand in fields of these types, by name, without the sealed forms and the inside of the policy."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting = list(types)
    while waiting:
        for field in fields_of(waiting.pop()):
            for struct in _inside(field.type):
                if struct not in (Sealed, SealedText) and struct.__name__ not in found:
                    found[struct.__name__] = struct
                    waiting.append(struct)
    return [found[name] for name in sorted(found)]


def _inside(type_: Type) -> Iterator[type[msgspec.Struct]]:
    for each in parts_of(type_):
        if isinstance(each, VarTupleType):
            yield from _inside(each.item_type)
        elif isinstance(each, StructType) and not issubclass(each.cls, Policy):
            yield each.cls
