"""`POST /v1/engine`: what the light client of a node that begins from a snapshot asks (calls). Open to everybody: it says who
signed which block of the engine, and nothing of what is in the blocks.

The application that has this route keeps `state.engine`, a `calls.Ask`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, Response, post

from muniment.node.light import calls
from muniment.server import guard


@post(calls.PATH, opt={"scope": guard.OPEN}, status_code=200, include_in_schema=False)
async def ask_engine(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Answer a question about the engine's headers, in JSON-RPC."""
    answer = await asyncio.to_thread(calls.forward, await request.body(), request.app.state.engine)
    return Response(answer, media_type="application/json")


ROUTES = (ask_engine,)
