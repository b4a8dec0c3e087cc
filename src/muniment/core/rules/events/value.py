"""Values that events share: parameters, metrics, slices, and the clear text types that encoding.py does not have.

Free-form maps are arrays of `{"key", "value"}`, so that the keys of the signed JSON stay the schema's own.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from muniment.core.format import decimal, encoding
from muniment.core.format.encoding import Decimal, EventId, HexDigest, Identifier, Integer
from muniment.core.format.statement import Sealed, SealedDigest
from muniment.core.rules.policy import MAX_NAMED
from muniment.errors import InvalidInput, InvariantError

Absent = msgspec.UnsetType
UNSET = msgspec.UNSET

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"

# A key of a free-form map, such as the dotted name of a hyperparameter: printable ASCII.
Key = Annotated[str, msgspec.Meta(pattern=r"^[ -~]+$(?!\n)", max_length=128)]
# A decimal, an identifier or a digest: whatever an identifier cannot hold already is a decimal with a sign, of at most 40
# characters and with an exponent within +-400.
_NEGATIVE = r"(?=.{2,40}$)-[0-9]+(?:\.[0-9]+)?(?:e-?(?:[0-3]?[0-9]{1,2}|400))?|-Infinity"
_CLEAR_TEXT = rf"^(?:{_NAME}(?:/{_NAME})*|{_NEGATIVE})$(?!\n)"
ClearText = Annotated[str, msgspec.Meta(pattern=_CLEAR_TEXT, max_length=128)]
# A clause of a regulation or standard, `<framework>:<clause>`, such as `eu-ai-act:10(2)(b)`.
Control = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]+:[A-Za-z0-9.()/-]{1,64}$(?!\n)", max_length=128)]
# A part of a document or regulation, without its framework.
Clause = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.()/-]{1,64}$(?!\n)")]
# What an event relies on, by event id: few enough that judging it is quick.
Named = Annotated[tuple[EventId, ...], msgspec.Meta(max_length=MAX_NAMED)]
# `type/subtype[+suffix]` of RFC 6838, without parameters.
MediaType = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$(?!\n)", max_length=128)]


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True, gc=False):
    """The shape of every struct of the vocabulary: frozen, lowerCamelCase, known fields only, absent where nothing is said."""


class Element(Fields, frozen=True, kw_only=True):
    """A struct that stands in an array. Every array of an event is a set: in strictly ascending order of its elements' order."""

    def order(self) -> tuple[str, ...]:
        """What the array is sorted by, compared as bytes; no two elements share it."""
        raise InvariantError(f"{type(self).__name__} stands in an array and has no order")


class Parameter(Element, frozen=True, kw_only=True):
    """One entry of a free-form map, such as a hyperparameter or one condition of a slice. Absent is how None is written.

    key: its name, printable ASCII
    value: an integer, a boolean, a decimal, an identifier or a digest; any other text sealed
    """

    key: Key
    value: Integer | bool | ClearText | Sealed

    def order(self) -> tuple[str, ...]:
        return (self.key,)


Slice = tuple[Parameter, ...]


class Metric(Element, frozen=True, kw_only=True):
    """One measured value.

    metric: what was measured, such as auc
    value: the result; NaN and the infinities are results too, and pass no threshold
    slice: the part of the data that it was measured on; absent for all of it
    """

    metric: Identifier
    value: Decimal
    slice: Slice = ()

    def order(self) -> tuple[str, ...]:
        return (self.metric, order_of_slice(self.slice))


class SealedText(Fields, frozen=True, kw_only=True):
    """A text that is not shown, beside its digest: two holders of a prompt can see that it is the same one.

    sealed: the commitment to the text, as in every sealed field
    digest: SHA-256 of the text's UTF-8 bytes
    """

    sealed: SealedDigest
    digest: HexDigest


class Harness(Fields, frozen=True, kw_only=True):
    """The program that evaluates.

    name: what it is called
    version: its version
    digest: digest of its code, package or image
    """

    name: Identifier
    version: Identifier | Absent = UNSET
    digest: HexDigest | Absent = UNSET


def order_of_slice(conditions: Slice) -> str:
    """What slices are sorted by: their canonical bytes; nothing for the whole."""
    return encoding.encode(conditions).decode() if conditions else ""


def check_decimal(text: str) -> None:
    """Check what the pattern of a decimal leaves open: an exponent within +-400. Raises InvalidInput (`bad-decimal`)."""
    if "e" in text:
        decimal.parse(text)


def check_number(field: str, text: str | Absent) -> None:
    """Check that a decimal, where there is one, is a finite number, as thresholds are. Raises InvalidInput (`bad-decimal`)."""
    if text is UNSET:
        return
    if text in decimal.NOT_NUMBERS:
        raise InvalidInput(f"{field} is {text}, which is no number", code="bad-decimal", hint="Give a finite decimal.")
    check_decimal(text)
