"""A served ledger as its own file has it: with its tiles and the checkpoint of every block, which a `View` does not promise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from muniment.client.ledger import Ledger
from muniment.errors import InvariantError
from muniment.ledger.store.snapshot import Snapshot


@contextmanager
def open_snapshot(ledger: Ledger) -> Iterator[Snapshot]:
    """The ledger as of its newest block. A server reads files that lie here, so there is a snapshot behind every view."""
    with ledger.view() as view:
        if not isinstance(view, Snapshot):
            raise InvariantError("a server serves a ledger that is not here")
        yield view
