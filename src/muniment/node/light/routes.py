"""`POST /v1/engine`: what the light client of a node that begins from a snapshot asks (calls). Open to everybody: it says who
signed which block of the engine, and nothing of what is in the blocks.

The application that has this route keeps `state.engine`, a `calls.Ask`, and `state.engine_turns` (node.turns): to know the
validators of an early height the engine counts up to it, which takes longer than to ask. Who asks waits for others who do, and no
member waits for him: cosignatures have turns of their own.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, post

from muniment.node.light import calls
from muniment.server import guard
from muniment.server.access import rate


@post(calls.PATH, opt={"scope": guard.OPEN}, status_code=200, include_in_schema=False)
async def ask_engine(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Answer a question about the engine's headers, in JSON-RPC."""
    body, turns = await request.body(), request.app.state.engine_turns
    async with turns.take(rate.address_of(request.scope)):
        answer = await asyncio.to_thread(calls.forward, body, request.app.state.engine)
    return Response(answer, media_type="application/json")


ROUTES = (ask_engine,)
