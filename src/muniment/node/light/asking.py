"""What other nodes say of their engines' blocks, asked over HTTP."""

from __future__ import annotations

from muniment.errors import InvalidInput
from muniment.net import address
from muniment.net.transport import Patience, Transport
from muniment.node.light import calls, commit
from muniment.node.light.commit import Commit

_PATIENCE = Patience(connect=3.0, read=10.0, answer=15.0, retries=2.0, attempts=2)


def ask_commit(url: str, height: int = 0, patience: Patience = _PATIENCE) -> Commit:
    """Who signed the block of a height (0: the newest) at the node that serves its ledger at `url`. Nothing is verified.

    Raises Unavailable, InvalidInput (`no-commit`, `bad-commit`, and what an address may lack).
    """
    transport = Transport(address.parse(url), patience=patience)
    asked = calls.Request(method="commit", params={"height": str(height)} if height else {})
    try:
        found = commit.decode(transport.send(calls.PATH, asked, limit=calls.MAX_ANSWER_BYTES))
    finally:
        transport.close()
    if height and found.height != height:
        raise InvalidInput(f"{url} answers with block {found.height} where {height} was asked for", code="bad-commit")
    return found
