"""Signing in and out: with a token, with the link that `muniment serve` prints, or at a provider (access.code_flow)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from muniment.errors import MunimentError, NotFound
from muniment.server.access import code_flow, cookies, credentials, entrance, links, origins, sign_in_page
from muniment.server.access.credentials import Cookie
from muniment.server.access.entrance import Access
from muniment.server.access.rate import address_of
from muniment.server.access.tokens import Token
from muniment.server.caller import Caller
from muniment.server.explorer.rendering import MEDIA_TYPE
from muniment.server.problems import Gone, TooOften, Unauthenticated, describe, headers
from muniment.server.settings import Provider

Asked = Request[Any, Any, Any]
MAX_FORM_BYTES = 16_384
_OPEN: dict[str, Any] = {"opt": {"scope": "open"}, "include_in_schema": False, "media_type": MEDIA_TYPE}


@get("/sign-in", **_OPEN)
async def show_sign_in(request: Asked) -> Response[bytes]:
    """The page; with `?code=` the link that signs in at once."""
    access, scope = entrance.access_of(request.scope), request.scope
    path = str(request.query_params.get("next", ""))
    code = request.query_params.get("code")
    if code is None or request.method == "HEAD":
        return _page(sign_in_page.draw(scope, access, path or f"{sign_in_page.base_of(scope)}/"))
    try:
        access.rates.check_failures(address_of(scope))
        raw = await access.run(lambda: access.once.take(links.PURPOSE, str(code)))
    except (Gone, TooOften) as error:
        return _refuse(request, error, "/")
    cookie = await _begin(request, msgspec.json.decode(raw, type=Caller))
    return _page(sign_in_page.draw_signed_in(scope, origins.local_path(path)), cookies.format_session(access.settings, cookie))


@post("/sign-in", request_max_body_size=MAX_FORM_BYTES, status_code=303, **_OPEN)
async def sign_in(request: Asked) -> Response[bytes]:
    """With a token that somebody pasted. The request comes from a page of ours (access.authentication saw to it)."""
    access, scope = entrance.access_of(request.scope), request.scope
    form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=8)
    path = origins.local_path(form.get("next", [""])[0])
    text = "".join(form.get("token", [""])[0].split())
    try:
        access.rates.check_failures(address_of(scope))
        token = await access.run(lambda: access.tokens.verify(text))
    except (Unauthenticated, TooOften) as error:
        return _refuse(request, error, path)
    cookie = await _begin(request, token.caller(), token)
    return _redirect(path, cookies.format_session(access.settings, cookie))


@post("/sign-out", status_code=303, **_OPEN)
async def sign_out(request: Asked) -> Response[bytes]:
    """End the session; of every window of the browser."""
    access = entrance.access_of(request.scope)
    await _end(request, access)
    return _redirect(f"{sign_in_page.base_of(request.scope)}/sign-in", cookies.format_session(access.settings, ""))


@get("/sign-in/{name:str}", **_OPEN)
async def leave(request: Asked, name: FromPath[str]) -> Response[bytes]:
    """To a provider."""
    access = entrance.access_of(request.scope)
    provider = _find(access, name)
    path = origins.local_path(str(request.query_params.get("next", "")))
    returns_to = f"{origins.own(request.scope, access.settings)}/sign-in/{name}/return"
    try:
        access.rates.check_failures(address_of(request.scope))
        location, cookie = await access.ask_provider(
            lambda: code_flow.begin(access.providers, access.once, provider, returns_to, path)
        )
    except MunimentError as error:
        return _refuse(request, error, path)
    return _redirect(location, cookies.format_sign_in(access.settings, cookie))


@get("/sign-in/{name:str}/return", **_OPEN)
async def arrive(request: Asked, name: FromPath[str]) -> Response[bytes]:
    """Back from a provider."""
    access, asked = entrance.access_of(request.scope), request.query_params
    provider = _find(access, name)
    code, state, issuer = (str(asked.get(each, "")) for each in ("code", "state", "iss"))
    brought = request.cookies.get(cookies.sign_in_name(access.settings), "")
    try:
        access.rates.check_failures(address_of(request.scope))
        claimed, path = await access.ask_provider(
            lambda: code_flow.finish(access.providers, access.once, provider, code, state, brought, issuer)
        )
    except MunimentError as error:
        return _refuse(request, error, "/")
    cookie = await _begin(request, claimed.caller)
    return _page(sign_in_page.draw_signed_in(request.scope, path), cookies.format_session(access.settings, cookie))


async def _begin(request: Asked, caller: Caller, token: Token | None = None) -> str:
    """A new session, in the place of the one that the browser had: its cookie."""
    access = entrance.access_of(request.scope)
    await _end(request, access)
    id_, until = (None, None) if token is None else (token.id, entrance.until_of(token))
    return await access.run(lambda: access.sessions.begin(caller, token=id_, until_us=until))


async def _end(request: Asked, access: Access) -> None:
    try:
        presented = credentials.read(request.scope, cookies.session_name(access.settings))
    except Unauthenticated:
        return
    if isinstance(presented, Cookie):
        await access.run(lambda: access.sessions.end(presented.text))
        access.verified.forget()


def _find(access: Access, name: str) -> Provider:
    provider = access.providers.named(name)
    if provider is None:
        raise NotFound("nobody signs in there", code="no-such-provider", hint="Begin on the page /sign-in.")
    return provider


def _refuse(request: Asked, error: MunimentError, path: str) -> Response[bytes]:
    """The page again, with what was wrong. An attempt to be somebody that failed is counted."""
    access = entrance.access_of(request.scope)
    if isinstance(error, Unauthenticated | Gone):
        access.rates.note_failure(address_of(request.scope))
    body = sign_in_page.draw(request.scope, access, path, trouble=str(error), code=error.code)
    sign_in_page.note_drawn(request.scope)
    return Response(
        content=body, status_code=describe(error).status, media_type=MEDIA_TYPE, headers=sign_in_page.sent(headers(error))
    )


def _page(body: bytes, cookie: str = "") -> Response[bytes]:
    more = {"Set-Cookie": cookie} if cookie else {}
    return Response(content=body, media_type=MEDIA_TYPE, headers=sign_in_page.sent(more))


def _redirect(path: str, cookie: str) -> Response[bytes]:
    return Response(content=b"", status_code=303, headers=sign_in_page.sent({"Location": path, "Set-Cookie": cookie}))


ROUTES = (arrive, leave, show_sign_in, sign_in, sign_out)
