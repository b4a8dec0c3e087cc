"""What one server is told at its start: one frozen struct, resolved at the edge by `muniment serve`."""

from __future__ import annotations

from pathlib import Path

import msgspec

PORT = 8760


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one caller may ask for.

    body_bytes: of a request to `/v1/entries`; other bodies may have an eighth of it. blob_bytes: of a blob that is put here.
    requests_per_second: of one caller, and of one address that says no name; a burst may hold twice as many.
    header_seconds, body_seconds, answer_seconds: until the head of a request, its body, its answer is complete
    depth: of nested JSON; connections: at once; listeners: to server-sent events, at once
    """

    body_bytes: int = 8 << 20
    blob_bytes: int = 64 << 20
    requests_per_second: int = 2_000
    anonymous_per_second: int = 50
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 60.0
    depth: int = 32
    connections: int = 4_096
    listeners: int = 2_048


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """An OIDC provider whose tokens are taken.

    `scopes` are what its tokens may do where `claims` (name and exact value) hold; `actor_claim` names the claim that says
    who it is in a ledger; `actor` says so for all of them, where no claim can. `client_id` and `client_secret` are for people who
    sign in with a browser. `ephemeral` says that its workloads may have a key of their own admitted for a job, at most
    `ephemeral_seconds` long, with these roles.
    """

    name: str
    issuer: str
    audience: str
    scopes: tuple[str, ...] = ("read",)
    claims: dict[str, str] = {}
    ledgers: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    actor_claim: str = "sub"
    actor: str = ""
    client_id: str = ""
    client_secret: str = ""
    ephemeral: bool = False
    ephemeral_roles: tuple[str, ...] = ()
    ephemeral_seconds: int = 3_600


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger by the name under which it is served, and its folder. The name "" is the root of the server."""

    name: str
    home: Path


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a server is told.

    `state` is the server's own folder (0700): tokens, sessions, the access log, webhooks. `public` opens checkpoint and
    tiles, and nothing else, to everybody. `url` is how callers reach the server, where that is not `host` and `port`.
    `proxies` are addresses and networks from which `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    `webhooks_private` lets webhooks go to addresses inside this network, and without encryption.
    """

    ledgers: tuple[Served, ...]
    state: Path
    host: str = "127.0.0.1"
    port: int = PORT
    workers: int = 1
    public: bool = False
    url: str = ""
    certificate: Path | None = None
    certificate_key: Path | None = None
    limits: Limits = Limits()
    providers: tuple[Provider, ...] = ()
    identity_actor: str = ""
    log_format: str = "json"
    webhooks_private: bool = False
    proxies: tuple[str, ...] = ()
