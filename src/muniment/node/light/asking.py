"""The engine of this node and the routes of others, asked over HTTP."""

from __future__ import annotations

from muniment.errors import InvalidInput, Unavailable
from muniment.net import address
from muniment.net.reply import Lost
from muniment.net.transport import Patience, Transport
from muniment.node.light import calls, commit
from muniment.node.light.calls import Ask
from muniment.node.light.commit import Commit

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 8.0
_PATIENCE = Patience(connect=3.0, read=10.0, answer=15.0, retries=2.0, attempts=2)


def ask_here(place: str) -> Ask:
    """The way to the engine that listens at `place` (host:port). What it answers with an error status is an answer too."""
    # Here, because a node that is never asked needs no HTTP client for it.
    from muniment.net.connecting import Connections

    where = address.parse(f"http://{place}")
    pool = Connections(where, None, _CONNECT_SECONDS, _ANSWER_SECONDS, _ANSWER_SECONDS)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}

    def ask(raw: bytes) -> bytes:
        try:
            return pool.ask("POST", where.locate("/", ()), raw, headers, calls.MAX_ANSWER_BYTES).body
        except Lost:
            raise Unavailable("the engine of this node does not answer", code="engine-away", retry_after=3.0) from None

    return ask


def ask_commit(url: str, height: int = 0) -> Commit:
    """Who signed the block of a height (0: the newest) at the node that serves its ledger at `url`. Nothing is verified.

    Raises Unavailable, InvalidInput (`no-commit`, `bad-commit`, and what an address may lack).
    """
    transport = Transport(address.parse(url), patience=_PATIENCE)
    asked = calls.Request(method="commit", params={"height": str(height)} if height else {})
    try:
        found = commit.decode(transport.send(calls.PATH, asked, limit=calls.MAX_ANSWER_BYTES))
    finally:
        transport.close()
    if height and found.height != height:
        raise InvalidInput(f"{url} answers with block {found.height} where {height} was asked for", code="bad-commit")
    return found
