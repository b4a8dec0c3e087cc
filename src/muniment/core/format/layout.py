"""How msgspec lays out structs, settled before a second thread can be there.

The first decoder of a struct works out its fields, and a thread that meets the struct in the middle of that crashes the whole
interpreter. So modules settle their structs while they are imported, which one thread does at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


def settle(named: Iterable[object]) -> None:
    """Work out the fields of every struct among these. What no decoder can be made of is passed over: none is made later."""
    for each in tuple(named):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            try:
                msgspec.json.Decoder(each)
            except TypeError:
                continue
