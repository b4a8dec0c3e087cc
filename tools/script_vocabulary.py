"""Writes the forms of protocol 1 for the verification script: src/muniment/server/explorer/verify/vocabulary.js.

    python tools/script_vocabulary.py

Every struct of answers, bundles, events, records and headers, read from the types that enforce them here. A field is one text:
alternatives joined by `|`, each a form, a struct, `int`, `nat`, `bool`, `text`, `any`, `bytes:MIN:MAX` or `=a,b` for words, with
`[MIN,MAX]` behind it for an array. `?` and what follows say that it may be absent, and what absence stands for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.inspect import (
    BoolType,
    BytesType,
    CustomType,
    Field,
    IntType,
    LiteralType,
    StrType,
    StructType,
    Type,
    UnionType,
    VarTupleType,
    type_info,
)

from muniment.core.format import encoding, manifest, statement
from muniment.core.format.entry import Header
from muniment.core.format.state_map.record import Record
from muniment.core.proof.answer import Answer
from muniment.core.proof.bundle import Bundle
from muniment.core.proof.evidence import Evidence, Pin
from muniment.core.rules import events, records
from muniment.core.rules.events import Event
from muniment.core.rules.events.schema import describe
from muniment.core.rules.members import Validators

OUT = Path(__file__).resolve().parent.parent / "src/muniment/server/explorer/verify/vocabulary.js"
STATES = (
    records.Actor,
    records.Approval,
    records.Data,
    records.Deployment,
    records.Incident,
    records.Key,
    records.Run,
    records.Version,
    records.Waiver,
)
FILES = (Answer, Bundle, Evidence, Pin, Header, Validators, Record, manifest.Line, statement.Subject)
_HEAD = """// The forms of protocol 1. Written by tools/script_vocabulary.py from the types that enforce them; do not edit.
"""


class Vocabulary:
    """Collects structs and text forms by name."""

    def __init__(self) -> None:
        self.forms: dict[str, list[str | int]] = {}
        self.structs: dict[str, dict[str, str]] = {}

    def add(self, type_: type[msgspec.Struct], name: str = "", base: str = "") -> str:
        """The name of a struct, which is collected with everything in it; of one with a base only its own fields are."""
        info = type_info(type_)
        if not isinstance(info, StructType):
            raise TypeError(type_)
        name = name or info.cls.__name__.lstrip("_")
        if name not in self.structs:
            own: dict[str, str] = {"": base} if base else {}
            self.structs[name] = own
            if info.tag_field is not None:
                own[info.tag_field] = f"={info.tag}"
            common = self.structs[base] if base else {}
            own.update({each.encode_name: self._field(each) for each in info.fields if each.encode_name not in common})
        return name

    def _field(self, field: Field) -> str:
        text = "|".join(self._alternatives(field.type))
        if field.required:
            return text
        default = "" if field.default is msgspec.UNSET else field.default
        if field.default is msgspec.NODEFAULT:
            default = field.default_factory() if callable(field.default_factory) else ""
        return f"{text}?{'' if default == '' else json.dumps(default)}"

    def _alternatives(self, type_: Type) -> Iterable[str]:
        for each in type_.types if isinstance(type_, UnionType) else (type_,):
            text = self._one(each)
            if text:
                yield text

    def _one(self, type_: Type) -> str:
        if isinstance(type_, StructType):
            return self.add(type_.cls, name=f"{type_.cls.__name__}State" if issubclass(type_.cls, records.State) else "")
        if isinstance(type_, StrType):
            return self._text(type_)
        if isinstance(type_, LiteralType):
            return f"={','.join(each if isinstance(each, str) else f'#{each}' for each in type_.values)}"
        if isinstance(type_, IntType):
            return {None: "int", 0: "nat", 1: "nat1"}.get(type_.ge, "int")
        if isinstance(type_, BytesType):
            return f"bytes:{type_.min_length or 0}:{type_.max_length or ''}"
        if isinstance(type_, VarTupleType):
            inner = list(self._alternatives(type_.item_type))
            if len(inner) != 1:
                raise TypeError(f"an array of {' or '.join(inner)} has no text")
            return f"{inner[0]}[{type_.min_length or 0},{'' if type_.max_length is None else type_.max_length}]"
        if isinstance(type_, BoolType):
            return "bool"
        if isinstance(type_, CustomType) and type_.cls is msgspec.UnsetType:
            # The field's `?` says it.
            return ""
        return "any"

    def _text(self, type_: StrType) -> str:
        if type_.pattern is None and type_.max_length is None:
            return "text"
        name = "Text" if type_.pattern is None else "".join(word.capitalize() for word in _name(type_).split())
        self.forms[name] = [type_.pattern or "", type_.max_length or 0]
        return name


def _name(type_: StrType) -> str:
    found = describe(StrType(pattern=type_.pattern))
    if found == "free text":
        return "subject name" if type_.max_length else "salt"
    return {
        "decimal, identifier or digest": "clear text",
        "event name or `*`": "writable",
        "key": "map key",
    }.get(found, found)


def render() -> str:
    """The whole module."""
    found = Vocabulary()
    found.add(Event)
    names = {name: found.add(type_, base="Event") for name, type_ in sorted(events.TYPES.items())}
    for file in FILES:
        found.add(file)
    for state in STATES:
        found.add(state, name=f"{state.__name__}State")
    parts = [
        _HEAD,
        "/** Text forms: a pattern that matches the whole text, and the greatest number of characters (0: no limit). */\n",
        f"export const FORMS = {_write(found.forms)};\n",
        "\n/** Structs: fields and their forms; under the empty name, the struct whose fields they have as well. */\n",
        f"export const STRUCTS = {_write(found.structs)};\n",
        "\n/** Events by name: their struct. */\n",
        f"export const EVENTS = {_write(names)};\n",
        "\n/** The greatest integer, payload and depth of canonical JSON. */\n",
        f"export const MAX_INTEGER = {encoding.MAX_INTEGER};\n",
        f"export const MAX_PAYLOAD_BYTES = {encoding.MAX_PAYLOAD_BYTES};\n",
        f"export const MAX_ENTRY_BYTES = {encoding.MAX_ENTRY_BYTES};\n",
        f"export const MAX_DEPTH = {encoding.MAX_DEPTH};\n",
    ]
    return "".join(parts)


def _write(value: dict[str, object] | dict[str, str] | dict[str, list[str | int]] | dict[str, dict[str, str]]) -> str:
    lines = [f"  {json.dumps(key)}: {json.dumps(each, separators=(',', ':'))}," for key, each in value.items()]
    return "{\n" + "\n".join(lines) + "\n}"


if __name__ == "__main__":
    OUT.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{OUT}: {OUT.stat().st_size:,} bytes\n")
