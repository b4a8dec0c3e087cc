"""The decoders of every event, made all together when the first event is read: by the one thread that imports (format.layout)."""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from muniment.core.format import encoding, statement
from muniment.core.rules.events.catalogue import TYPES

OUTLINES = MappingProxyType({name: msgspec.json.Decoder(statement.outline_of(type_)).decode for name, type_ in TYPES.items()})
PREDICATES = MappingProxyType({name: encoding.decoder(type_) for name, type_ in TYPES.items()})
STATEMENTS = MappingProxyType({name: encoding.decoder(statement.statement_of(type_)) for name, type_ in TYPES.items()})
# Arrays in any order, and numbers in any form.
LOOSE = MappingProxyType({name: msgspec.json.Decoder(type_).decode for name, type_ in TYPES.items()})
