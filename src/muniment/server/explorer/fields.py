"""What an event says, laid out for people: its fields in words, names beside digests, links where things have pages.

    for field in lay_out(said.fields, context): field.label, field.piece

A piece is one of few forms, so that a template needs to know nothing of events (`p.fields` in pieces.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from muniment.core.format.encoding import Value
from muniment.server.explorer import links

Form = Literal["text", "number", "digest", "time", "link", "opened", "sealed", "many", "fields"]

_digest = re.compile(r"[0-9a-f]{64}")
_event_id = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z")
_hump = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# Fields that hold the ids of actors; other names are linked by what they are called.
_ACTORS = frozenset({"actor", "from", "of", "onBehalfOf", "responsible", "to"})
_MODELS = frozenset({"model"})
# A pair of one of these and `value` is told as the one beside the other.
_KEYS = ("key", "metric")


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A value. `name` stands beside the digest `text`, `href` is where it leads, `pieces` and `fields` are what it consists of."""

    form: Form
    text: str = ""
    name: str = ""
    href: str = ""
    pieces: tuple[Piece, ...] = ()
    fields: tuple[Field, ...] = ()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field by its name in words, with what it means where that is known."""

    label: str
    piece: Piece
    meaning: str = ""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is known besides the fields: names of digests, opened prose by its commitment, meanings by field, actors that exist."""

    base: str
    names: Mapping[str, str] = {}
    opened: Mapping[str, str] = {}
    meanings: Mapping[str, str] = {}
    actors: frozenset[str] = frozenset()


def lay_out(fields: Mapping[str, Value], context: Context, *, inner: bool = False) -> tuple[Field, ...]:
    """The fields of an object; those of one within another come without their meanings."""
    return tuple(
        Field(label=say_name(name), piece=_lay_out(name, value, context), meaning="" if inner else context.meanings.get(name, ""))
        for name, value in fields.items()
    )


def say_name(name: str) -> str:
    """`personalData` as `Personal data`."""
    words = _hump.sub(" ", name).lower()
    return words[:1].upper() + words[1:]


def find_digests(value: Value) -> Iterator[str]:
    """Every digest that stands anywhere in a value."""
    if isinstance(value, str):
        if _digest.fullmatch(value):
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from find_digests(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from find_digests(each)


def _lay_out(name: str, value: Value, context: Context) -> Piece:
    if isinstance(value, str):
        return _lay_out_text(name, value, context)
    if isinstance(value, bool):
        return Piece(form="text", text="yes" if value else "no")
    if isinstance(value, int):
        return Piece(form="number", text=str(value))
    if isinstance(value, list):
        return Piece(form="many", pieces=tuple(_lay_out(name, each, context) for each in value))
    if set(value) == {"sealed"}:
        commitment = str(value["sealed"])
        opened = context.opened.get(commitment)
        form: Form = "sealed" if opened is None else "opened"
        return Piece(form=form, text=opened or "", name=commitment)
    for key in _KEYS:
        if set(value) == {key, "value"}:
            return Piece(form="fields", fields=(Field(label=str(value[key]), piece=_lay_out("value", value["value"], context)),))
    return Piece(form="fields", fields=lay_out(value, context, inner=True))


def _lay_out_text(name: str, text: str, context: Context) -> Piece:
    if _digest.fullmatch(text):
        known = context.names.get(text, "")
        return Piece(form="digest", text=text, name=known, href=links.search(context.base, text) if known else "")
    if _event_id.fullmatch(text):
        return Piece(form="link", text=text, href=links.event(context.base, text))
    if _time.fullmatch(text):
        return Piece(form="time", text=text)
    if name in _ACTORS and text in context.actors:
        return Piece(form="link", text=text, href=links.actor(context.base, text))
    if name in _MODELS:
        return Piece(form="link", text=text, href=links.link(context.base, f"model/{text}"))
    return Piece(form="text", text=text)
