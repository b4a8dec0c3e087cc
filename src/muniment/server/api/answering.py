"""How answers leave: encoded once, with an entity tag that changes with the ledger, or as the exact bytes that are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response

from muniment.index.rows import Query
from muniment.ledger.engine import View
from muniment.server import caching
from muniment.server.hosting import Hosted
from muniment.server.listing import Listed

JSON = "application/json"
BYTES = "application/octet-stream"
TEXT = "text/plain"
CHANGING = "private, no-cache"
LASTING = "private, max-age=31536000, immutable"
TAG_DIGITS = 16

T = TypeVar("T")
Asked = Request[Any, Any, Any]

_encode = msgspec.json.Encoder().encode


def told(answer: Any, said: str, *, media: str = JSON, scope: str = "read", tagged: bool = False) -> dict[str, Any]:
    """The `opt` of a route: its scope, and for its description the type of its answer and what that is."""
    return {"scope": scope, "answer": answer, "said": said, "media": media, "tagged": tagged}


def tag(view: View) -> str:
    """The entity tag of whatever depends on the newest checkpoint: `"<size>-<first hex digits of the note's SHA-256>"`.

    The signatures count: members of a consortium sign the same checkpoint anew, and an answer with the earlier lines grows old.
    """
    return f'"{view.size}-{sha256(view.checkpoint).hexdigest()[:TAG_DIGITS]}"'


def answer(request: Asked, hosted: Hosted, make: Callable[[], object]) -> Response[bytes]:
    """What `make` returns as JSON, or 304 where the asker has it already. Bytes are JSON already.

    The tag is taken before the answer is made, so that it never names a newer block than the answer is about.
    """
    with hosted.reader.view() as view:
        current = tag(view)
    sent = {"ETag": current, "Cache-Control": CHANGING}
    if caching.is_known(request.headers, current):
        return Response(b"", status_code=304, headers=sent, media_type=JSON)
    made = make()
    return Response(made if isinstance(made, bytes) else _encode(made), headers=sent, media_type=JSON)


def lasting(request: Asked, name: str, raw: bytes, media_type: str = JSON) -> Response[bytes]:
    """Bytes that never change under their address; `name` is their entity tag."""
    sent = {"ETag": f'"{name}"', "Cache-Control": LASTING}
    if caching.is_known(request.headers, sent["ETag"]):
        return Response(b"", status_code=304, headers=sent, media_type=media_type)
    return Response(raw, headers=sent, media_type=media_type)


def encode(value: object) -> bytes:
    """A value as JSON."""
    return _encode(value)


def listing(hosted: Hosted, ask: Callable[[Query], Sequence[T]]) -> Listed[T]:
    """The whole answer of the read model to one question, with the size that it is about."""
    index = hosted.reader.index
    while True:
        size = index.size
        items = ask(index)
        # Somebody else may have brought the index forward in between.
        if index.size == size:
            return Listed(items=items, size=size)
