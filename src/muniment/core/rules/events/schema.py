"""What a type of event holds, read from the type itself: every field, its form, and whether it is clear or sealed.

    sealed_fields(DatasetRegistered)        # ("origin", "reason")
    clear_fields(DatasetRegistered)         # ("actor", "bytes", ...)

A path names fields as the JSON does; `[]` stands for the elements of an array: `parameters[].value`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import MappingProxyType
from typing import get_args

import msgspec
from msgspec.inspect import (
    BoolType,
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

from muniment.core.format import encoding
from muniment.core.format.statement import Sealed, SealedDigest
from muniment.core.rules import genesis, policy
from muniment.core.rules.events import operation, stream_name, value
from muniment.core.rules.events.value import SealedText
from muniment.errors import InvariantError

FREE_TEXT = "free text"


def _pattern(alias: object) -> str:
    return str(get_args(alias)[1].pattern)


# The forms that clear text has, by the pattern that enforces each.
_FORMS = MappingProxyType(
    {
        _pattern(encoding.Identifier): "identifier",
        _pattern(encoding.Segment): "segment",
        _pattern(encoding.HexDigest): "digest",
        _pattern(encoding.GitDigest): "git digest",
        _pattern(encoding.Decimal): "decimal",
        _pattern(encoding.Time): "time",
        _pattern(encoding.EventId): "event id",
        _pattern(stream_name.Stream): "stream",
        _pattern(value.Key): "key",
        _pattern(value.ClearText): "decimal, identifier or digest",
        _pattern(value.Control): "control",
        _pattern(value.Clause): "clause",
        _pattern(value.MediaType): "media type",
        _pattern(operation.Country): "country",
        _pattern(policy.EventName): "event name",
        _pattern(policy.Writable): "event name or `*`",
        _pattern(genesis.Origin): "origin",
        _pattern(genesis.Signature): "signature",
        _pattern(SealedDigest): "commitment",
    }
)


class Leaf(msgspec.Struct, frozen=True):
    """One place of a type where a value stands. `form` says which values; a place may take clear and sealed ones."""

    path: str
    form: str
    sealed: bool


def leaves(type_: type[msgspec.Struct]) -> tuple[Leaf, ...]:
    """Every place of a struct type, in the order of paths."""
    info = type_info(type_)
    if not isinstance(info, StructType):
        raise InvariantError(f"{type_.__name__} is no struct")
    return tuple(sorted(_leaves_of_struct(info, ""), key=lambda leaf: (leaf.path, leaf.form)))


def sealed_fields(type_: type[msgspec.Struct]) -> tuple[str, ...]:
    """The paths of a type where a sealed value may stand."""
    return tuple(dict.fromkeys(leaf.path for leaf in leaves(type_) if leaf.sealed))


def clear_fields(type_: type[msgspec.Struct]) -> tuple[str, ...]:
    """The paths of a type where a clear value may stand."""
    return tuple(dict.fromkeys(leaf.path for leaf in leaves(type_) if not leaf.sealed))


def fields_of(type_: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a struct type, required ones first, as msgspec describes them."""
    info = type_info(type_)
    if not isinstance(info, StructType):
        raise InvariantError(f"{type_.__name__} is no struct")
    return info.fields


def parts_of(type_: Type) -> tuple[Type, ...]:
    """The alternatives of a type."""
    return type_.types if isinstance(type_, UnionType) else (type_,)


def describe(type_: Type) -> str:
    """The form of one alternative in words."""
    if isinstance(type_, StrType):
        return _FORMS.get(type_.pattern or "", FREE_TEXT)
    if isinstance(type_, LiteralType):
        return ", ".join(f"`{each}`" for each in type_.values)
    if isinstance(type_, IntType):
        return "natural number" if type_.ge == 0 else "integer"
    if isinstance(type_, BoolType):
        return "true or false"
    if isinstance(type_, VarTupleType):
        return "set of " + " or ".join(describe(each) for each in parts_of(type_.item_type))
    if isinstance(type_, StructType):
        return {Sealed: "sealed", SealedText: "sealed text"}.get(type_.cls, type_.cls.__name__)
    raise InvariantError(f"{type_} has no place in the vocabulary")


def meanings(type_: type[msgspec.Struct]) -> dict[str, str]:
    """What each field means, by its JSON name: the `name: meaning` lines of the docstrings of a type and its bases."""
    found: dict[str, str] = {}
    for each in type_.__mro__[: type_.__mro__.index(msgspec.Struct)]:
        for line in inspect.cleandoc(each.__doc__ or "").splitlines()[1:]:
            name, separator, meaning = line.partition(": ")
            if separator and name.isidentifier():
                found.setdefault(name, meaning)
    return found


def _leaves_of_struct(info: StructType, prefix: str) -> Iterator[Leaf]:
    for field in info.fields:
        yield from _leaves_of(field.type, f"{prefix}{field.encode_name}")


def _leaves_of(type_: Type, path: str) -> Iterator[Leaf]:
    for each in parts_of(type_):
        if isinstance(each, VarTupleType):
            yield from _leaves_of(each.item_type, f"{path}[]")
        elif isinstance(each, StructType) and each.cls is Sealed:
            yield Leaf(path, "sealed", True)
        elif isinstance(each, StructType):
            if each.cls is SealedText:
                yield Leaf(path, "sealed text", True)
            yield from _leaves_of_struct(each, f"{path}.")
        else:
            yield Leaf(path, describe(each), False)
