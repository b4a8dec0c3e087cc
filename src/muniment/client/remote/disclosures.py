"""What opens sealed prose: the vault of this machine, and behind it what the node is willing to show.

What is sealed here is kept here first, and goes to the node with the event that carries it (net.remote). What the node shows is
checked and not kept on disk: where a vault is made to forget, no copy of it is to lie about.
"""

from __future__ import annotations

from collections.abc import Iterable

from muniment.core.format.encoding import Value
from muniment.core.format.statement import Disclosure, Sealed, check_disclosure
from muniment.core.proof.answer import Opened
from muniment.errors import InvalidInput, NotFound, VerificationError
from muniment.net.address import segments
from muniment.net.transport import Transport
from muniment.net.ways import Ways
from muniment.vault import MAX_LINE_BYTES, Vault


class RemoteVault:
    """The disclosures of a ledger at a node; raises as `vault.Vault`, VerificationError for what opens something else."""

    def __init__(self, local: Vault, ways: Ways) -> None:
        self.local = local
        self._ways = ways

    def seal_all(self, values: Iterable[Value]) -> tuple[Sealed, ...]:
        """Seal several values; what opens them is durable on this machine when this returns."""
        return self.local.seal_all(values)

    def find(self, sealed: Sealed) -> Disclosure | None:
        """What opens a sealed field, where this machine or the node holds it and shows it to this caller."""
        return self.local.find(sealed) or self._ask(sealed)

    def disclose(self, sealed: Sealed) -> Value | None:
        """The value behind a sealed field, where it is held."""
        found = self.find(sealed)
        return None if found is None else found.value  # type: ignore[return-value]

    def _ask(self, sealed: Sealed) -> Disclosure | None:
        try:
            # Each node's vault holds what was sent to that node.
            return self._ways.ask(lambda way: _read(way, sealed), lacking=True)
        except NotFound:
            return None


def _read(way: Transport, sealed: Sealed) -> Disclosure:
    opened = way.read(f"/v1/disclosures/{segments(sealed.sealed)}", Opened, limit=MAX_LINE_BYTES)
    found = Disclosure(opened.salt, opened.value)
    try:
        check_disclosure(sealed, found)
    except InvalidInput as error:
        raise VerificationError(f"what the node shows opens nothing: {error}", step=12, code="disclosure") from None
    return found
