"""The one shape of every list that the interface gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Listed(msgspec.Struct, Generic[T], frozen=True, kw_only=True, rename="camel"):
    """A list. `size` is that of the ledger that it is about, or its own; `next` is the cursor of the rest, or null."""

    items: Sequence[T]
    size: int
    next: str | None = None
