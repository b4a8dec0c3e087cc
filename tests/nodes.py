"""A ledger with the short life of a credit model, served; and what it takes to sign further events of it by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import credit
import makers
import serving
from muniment.client import opening
from muniment.client.home import Home
from muniment.core.proof.trust import Trust
from muniment.ledger import signers
from muniment.server.caller import Caller

ORIGIN = "example.com/credit"
ACTOR = "alice"


class Node(NamedTuple):
    """A served ledger. `client` asks with the token of an administrator."""

    client: serving.Client
    home: Home
    trust: Trust
    signer: signers.FileSigner
    lived: credit.Lived | None

    def sign(self, event: str = "system.registered", /, **fields: object) -> bytes:
        """A signed event; without fields a system of its own."""
        if event == "system.registered" and not fields:
            fields = {"name": f"system-{makers.random_id()}", "operatorRole": "provider"}
        return makers.sign(self.trust.ledger, event, self.signer, ACTOR, makers.random_id(), **fields)

    def size(self) -> int:
        """How many entries there are."""
        size: int = self.client.get("/v1/view").json()["size"]
        return size


def body(*entries: bytes, disclosures: bytes = b"[]") -> bytes:
    """The body of a request with these envelopes, byte for byte."""
    return b'{"entries":[' + b",".join(entries) + b'],"disclosures":' + disclosures + b"}"


@contextmanager
def node(
    folder: Path, *, origin: str = ORIGIN, lived: bool = False, callers: dict[str, Caller] | None = None, **settings: Any
) -> Iterator[Node]:
    """Found a ledger in a folder, and serve it in this process."""
    folder.mkdir(exist_ok=True)
    with opening.init(folder / "ledger", origin=origin, actor=ACTOR) as ledger:
        life = credit.live(ledger, folder) if lived else None
    home = Home(folder / "ledger")
    signer = signers.load_file(home.actor_key(ACTOR))
    with serving.served(home.folder, state=folder / "state", callers=callers, **settings) as client:
        yield Node(client, home, home.load_trust(), signer, life)
