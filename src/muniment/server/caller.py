"""Who asks, as the server found out before a route runs; what they may do is checked by one guard (server.guard)."""

from __future__ import annotations

from typing import Literal

import msgspec

Scope = Literal["read", "write", "admin"]
Kind = Literal["anonymous", "token", "oidc", "session"]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """A caller. `ledgers` and `environments` narrow what the scopes allow; empty ones mean all.

    `id` is what the access log says: a token's id, or the issuer and subject of a provider's token. It is never a proof of who said
    something: that is the signature's.
    """

    kind: Kind
    id: str
    scopes: frozenset[str] = frozenset()
    ledgers: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()

    def may(self, scope: str, ledger: str) -> bool:
        """Whether this caller has a scope for a ledger, by the name under which it is served. `admin` includes the others."""
        if self.ledgers and ledger not in self.ledgers:
            return False
        return scope in self.scopes or "admin" in self.scopes


ANONYMOUS = Caller(kind="anonymous", id="anonymous")
