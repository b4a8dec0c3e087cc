"""The one order of arrays: every array of an event is a set, in strictly ascending order, and absent when empty.

So equal events have equal bytes, whatever order their parts were given in. Texts are compared by their bytes, structs by
their `order()`, slices by their canonical bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar, cast

import msgspec
from msgspec.inspect import StructType, VarTupleType, type_info

from muniment.core.rules.events.value import Element, Parameter, order_of_slice
from muniment.core.rules.genesis import KeyProof
from muniment.errors import InvalidInput

S = TypeVar("S", bound=msgspec.Struct)


def check_order(value: msgspec.Struct) -> None:
    """Check the arrays of a struct and of the elements in them. Raises InvalidInput (`not-sorted`)."""
    for attribute, field in _arrays(type(value)):
        items = getattr(value, attribute)
        # One text alone is in order: the common case, and every event that is read passes here.
        if items and (len(items) > 1 or not isinstance(items[0], str)):
            _check_items(field, items)


def arrange(value: S) -> S:
    """The same struct with its arrays sorted and exact repeats dropped, for writers that collect things in any order."""
    changes = {attribute: _arrange_items(getattr(value, attribute)) for attribute, _ in _arrays(type(value))}
    return msgspec.structs.replace(value, **changes) if changes else value


@functools.cache
def _arrays(type_: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The array fields of a struct type: their names here and in the JSON."""
    info = cast(StructType, type_info(type_))
    return tuple((field.name, field.encode_name) for field in info.fields if isinstance(field.type, VarTupleType))


def _check_items(field: str, items: Sequence[object]) -> None:
    orders = items
    if not isinstance(items[0], str):
        for item in items:
            if isinstance(item, msgspec.Struct):
                check_order(item)
            else:
                _check_items(field, cast(Sequence[object], item))
        orders = [_order(item) for item in items] if len(items) > 1 else ()
    for left, right in pairwise(cast(Sequence[str], orders)):
        if left >= right:
            raise InvalidInput(
                f"{field} is not sorted, or says something twice",
                code="not-sorted",
                hint=f"Sort {field} by its bytes and drop repeats.",
            )


def _arrange_items(items: Sequence[object]) -> tuple[object, ...]:
    inner = [
        arrange(item) if isinstance(item, msgspec.Struct) else _arrange_items(item) if isinstance(item, tuple | list) else item
        for item in items
    ]
    ordered = sorted(inner, key=_order)
    return tuple(item for at, item in enumerate(ordered) if at == 0 or item != ordered[at - 1])


def _order(item: object) -> tuple[str, ...]:
    """What an element is sorted by; the last case is a slice."""
    if isinstance(item, str):
        return (item,)
    if isinstance(item, Element):
        return item.order()
    if isinstance(item, KeyProof):
        return (item.key,)
    return (order_of_slice(cast(tuple[Parameter, ...], item)),)
