"""Which headers name a set of members: those that a path of trust leads over. An embedded ledger has none."""

from __future__ import annotations

import apsw
import msgspec

from muniment.core.format.entry import Header
from muniment.core.rules import genesis, members
from muniment.core.rules.members import Validators


def append(connection: apsw.Connection, height: int) -> None:
    """Note that the header of a height names a set of members."""
    connection.execute("INSERT INTO membership VALUES (?)", (height,))


def scan(connection: apsw.Connection) -> list[int]:
    """The heights, ascending."""
    return [height for (height,) in connection.execute("SELECT height FROM membership ORDER BY height")]


def last_before(connection: apsw.Connection, height: int) -> int | None:
    """The newest of them below `height`; None where there was no member then."""
    found: int | None = connection.execute("SELECT max(height) FROM membership WHERE height < ?", (height,)).get
    return found


def read(header: Header) -> Validators | None:
    """The set that a header names, if it does. Raises InvalidInput."""
    if header.validators is not msgspec.UNSET:
        return members.decode(bytes(header.validators))
    return None if header.genesis is msgspec.UNSET else genesis.decode(bytes(header.genesis)).validators
