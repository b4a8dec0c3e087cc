"""Tokens and waiting requests for keys, over HTTP.

Nobody hands on more than he has: an administrator of some ledgers sees, makes and revokes tokens for these alone, and a token that
ends makes none that outlives it. A request for a key may be put here by whoever may read: it changes nothing in the ledger, and who
has just signed in to look is exactly who has no key yet; each caller may have a few waiting.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar import Request, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody

from muniment.core.format import time
from muniment.errors import InvalidInput, NotFound
from muniment.server import guard, methods
from muniment.server.access import entrance, identity, signing_in
from muniment.server.access.pending import Pending, list_waiting
from muniment.server.access.tokens import Made, Token, Wish
from muniment.server.access.verified import Identity
from muniment.server.caller import Caller
from muniment.server.hosting import Hosted, Hosting
from muniment.server.listing import Listed
from muniment.server.problems import Forbidden

Asked = Request[Any, Any, Any]
MAX_BODY_BYTES = 16_384


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A line that begins with `muniment-key-request:v1:`."""

    request: str


@get("/v1/tokens", opt={"scope": "admin"})
async def list_tokens(request: Asked, caller: NamedDependency[Caller]) -> Listed[Token]:
    """Every token that this caller may administer, the newest first, without its secret; also those that have ended."""
    access = entrance.access_of(request.scope)
    found = await access.run(access.tokens.list)
    items = tuple([each for each in found if _covers(caller, each.ledgers)])
    return Listed(items=items, size=len(items))


@post("/v1/tokens", opt={"scope": "admin"}, status_code=201, request_max_body_size=MAX_BODY_BYTES)
async def create_token(request: Asked, caller: NamedDependency[Caller], data: JSONBody[Wish]) -> Made:
    """Make a token. Its text is in this answer and nowhere else."""
    access = entrance.access_of(request.scope)
    hosting: Hosting = request.app.state.hosting
    unknown = sorted(set(data.ledgers) - set(hosting.by_name))
    if unknown:
        raise InvalidInput(
            f"no ledger {unknown[0][:64]!r} is served here",
            code="no-such-ledger",
            hint="Names are those of the addresses /l/NAME/.",
        )
    _check_narrower(caller, data)
    _check_shorter(entrance.identity_of(request.scope), data)
    return await access.run(lambda: access.tokens.create(data, caller.id))


@delete("/v1/tokens/{id:str}", opt={"scope": "admin"}, status_code=200)
async def revoke_token(request: Asked, caller: NamedDependency[Caller], id: FromPath[str]) -> Token:
    """End a token: here at once, in other processes of this server within two seconds."""
    access = entrance.access_of(request.scope)
    token = await access.run(lambda: access.tokens.load(id))
    if not _covers(caller, token.ledgers):
        raise NotFound(f"there is no token {id[:32]!r}", code="no-such-token", hint="GET /v1/tokens lists them.")
    revoked = await access.run(lambda: access.tokens.revoke(id))
    access.verified.forget()
    return revoked


@post("/v1/requests", opt={"scope": "read"}, status_code=201, request_max_body_size=MAX_BODY_BYTES)
async def put_request(
    request: Asked, hosted: NamedDependency[Hosted], caller: NamedDependency[Caller], data: JSONBody[KeyRequest]
) -> Pending:
    """Ask for the admission of a key. It waits for seven days; an administrator admits it with a key of his own."""
    access = entrance.access_of(request.scope)
    line = "".join(data.request.split())
    return await access.run(lambda: access.requests.put(hosted.name, hosted.origin, line, caller.id))


@get("/v1/requests", opt={"scope": "read"})
async def list_requests(request: Asked, hosted: NamedDependency[Hosted], caller: NamedDependency[Caller]) -> Listed[Pending]:
    """What waits for admission, the oldest first: an administrator sees all of it, others what they asked for."""
    access = entrance.access_of(request.scope)
    items = await access.run(lambda: list_waiting(access.requests, hosted, _asker(caller, hosted)))
    return Listed(items=items, size=len(items))


@delete("/v1/requests/{id:int}", opt={"scope": "read"}, status_code=204)
async def withdraw_request(
    request: Asked, hosted: NamedDependency[Hosted], caller: NamedDependency[Caller], id: FromPath[int]
) -> None:
    """Take a request out: one's own, or as an administrator any."""
    access = entrance.access_of(request.scope)
    await access.run(lambda: access.requests.withdraw(hosted.name, id, _asker(caller, hosted)))


async def _require_workload(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Before the body and the ledger are looked at, so that nobody else learns what is there."""
    raw = cast(guard.Raw, connection.scope)
    found, hosted = entrance.identity_of(raw), guard.ledger_of(raw)
    identity.admit(found.claimed if found else None, None if hosted is None else hosted.name)


@post(
    "/v1/identity",
    opt={"scope": "open"},
    guards=[_require_workload],
    status_code=200,
    request_max_body_size=MAX_BODY_BYTES,
)
async def admit_workload(request: Asked, hosted: NamedDependency[Hosted], data: JSONBody[identity.Wanted]) -> identity.Admitted:
    """Have a workload's key admitted for a job, by a token of a provider that the settings allow this."""
    raw = cast(guard.Raw, request.scope)
    found = entrance.identity_of(raw)
    claimed = identity.check(found.claimed if found else None, hosted, data)
    access, settings = entrance.access_of(raw), request.app.state.settings
    admission = await access.run(lambda: identity.propose(hosted, settings, claimed, data))
    if admission.entries:
        await access.run(lambda: identity.bind(access.file, hosted.name, claimed, data.key))
        admission = identity.conclude(admission, await request.app.state.submitters[hosted.name].submit(admission.batch()))
    return admission.admitted


def _asker(caller: Caller, hosted: Hosted) -> str | None:
    return None if caller.may("admin", hosted.name) else caller.id


def _covers(caller: Caller, ledgers: tuple[str, ...]) -> bool:
    """May this administrator look after a token for these ledgers (none: all)?"""
    return not caller.ledgers or (bool(ledgers) and caller.ledgers.issuperset(ledgers))


def _check_narrower(caller: Caller, wish: Wish) -> None:
    """Nobody hands on more than he has. Raises Forbidden (`ledgers`, `environments`)."""
    if not _covers(caller, wish.ledgers):
        mine = ", ".join(sorted(caller.ledgers))
        raise Forbidden("you administer some ledgers only", code="ledgers", hint=f"Name ledgers of these: {mine}.")
    if caller.environments and not (wish.environments and caller.environments.issuperset(wish.environments)):
        mine = ", ".join(sorted(caller.environments))
        raise Forbidden("you act in some environments only", code="environments", hint=f"Name environments of these: {mine}.")


def _check_shorter(found: Identity | None, wish: Wish) -> None:
    """A token that ends makes none that outlives it; a session's own short life does not count. Raises Forbidden (`outlives`)."""
    if found is None or found.until_us is None or found.caller.kind != "token":
        return
    if wish.expires_at is None or time.parse(wish.expires_at) > found.until_us:
        raise Forbidden(
            "a token cannot make one that outlives it", code="outlives", hint=f"Let it end by {time.format(found.until_us)}."
        )


ROUTES = (
    *signing_in.ROUTES,
    methods.allow("/v1/requests", "GET", "POST"),
    methods.allow("/v1/tokens", "GET", "POST"),
    admit_workload,
    create_token,
    list_requests,
    list_tokens,
    put_request,
    revoke_token,
    withdraw_request,
)
