"""POST /v1/cosignatures: how other members' nodes say what they signed. Plain ASGI, because it is called several times a block.

No token is asked for: a line by a member in force is the ticket. What is cheap is answered in the event loop, what needs the
disk in a thread, and whoever asks for that takes turns: lines are public, so a stranger may hold a ticket too.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
from litestar import asgi
from litestar.exceptions import MethodNotAllowedException
from litestar.types import Receive, Scope, Send

from muniment.errors import InvalidInput
from muniment.node.cosigning.cosigning import Cosigning
from muniment.node.cosigning.intake import parse
from muniment.node.cosigning.message import MAX_BYTES, PATH, Told
from muniment.node.turns import Turns
from muniment.server import guard
from muniment.server.access import rate
from muniment.server.api import reading
from muniment.server.problems import Gone

DEPTH = 4

_decoder = msgspec.json.Decoder(Told)
_encode = msgspec.json.Encoder().encode


@asgi(PATH, opt={"scope": guard.OPEN}, copy_scope=False)
async def exchange(scope: Scope, receive: Receive, send: Send) -> None:
    """Take cosignatures, and tell those that the sender lacks."""
    raw = cast(guard.Raw, scope)
    if raw["method"] != "POST":
        raise MethodNotAllowedException(headers={"Allow": "POST"})
    cosigning: Cosigning = raw["litestar_app"].state.cosigning
    told = reading.read(await _receive(receive), _decoder, DEPTH)
    notes = parse(told.notes, cosigning.keeper.origin)
    if cosigning.is_near(notes):
        heard = cosigning.answer(notes)
    else:
        turns: Turns = raw["litestar_app"].state.turns
        async with turns.take(rate.address_of(scope)):
            heard = await asyncio.to_thread(cosigning.answer, notes)
    answer = _encode(heard)
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": answer, "more_body": False})


async def _receive(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message: Any = await receive()
        if message["type"] != "http.request":
            raise Gone("the caller went away before the body was complete", code="cut-off")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BYTES:
            raise InvalidInput(f"these notes have more than {MAX_BYTES} bytes", code="too-long", hint="Send fewer at once.")
        if not message.get("more_body", False):
            return b"".join(parts)


ROUTES = (exchange,)
