"""The files that pages load, each under the name of its content: they never change, so that a browser asks for each only once.

Only these are sent compressed. Pages are not: they show what is private beside text that others chose, and how well the two
compress together would tell somebody who counts the bytes on the network what he may not read (BREACH).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from muniment.errors import NotFound
from muniment.server import caching, scripts
from muniment.server.explorer import headers

_SCRIPT = "verify.js"
_TYPES = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".ico": "image/x-icon"}
)
_FOREVER = "public, max-age=31536000, immutable"
_HASH_DIGITS = 12


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is sent; `version` is the beginning of its SHA-256, `packed` the content compressed with gzip."""

    name: str
    version: str
    media_type: str
    content: bytes
    packed: bytes


@cache
def load_all() -> Mapping[str, Asset]:
    """Every file by its name, read once: those of the folder static/, and the verification script."""
    paths = sorted((Path(__file__).parent / "static").glob("*"))
    contents = {path.name: path.read_bytes() for path in paths if path.suffix in _TYPES}
    # The modules under verify/ are sent as one file.
    contents[_SCRIPT] = scripts.join(module=True).encode()
    found = {name: _build(name, content) for name, content in contents.items()}
    return MappingProxyType(found)


def link(base: str, name: str) -> str:
    """The address of a file, which changes with its content. Raises NotFound (`no-such-page`)."""
    return f"{base}/static/{name}?v={_find(name).version}"


def _build(name: str, content: bytes) -> Asset:
    version = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
    return Asset(
        name=name,
        version=version,
        media_type=_TYPES[Path(name).suffix],
        content=content,
        packed=gzip.compress(content, mtime=0),
    )


def _find(name: str) -> Asset:
    asset = load_all().get(name)
    if asset is None:
        raise NotFound(f"there is no file {name[:80]!r} here", code="no-such-page", hint="Reload the page that led you here.")
    return asset


@get("/static/{name:str}", opt={"scope": "open"}, include_in_schema=False, sync_to_thread=False)
def send_asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A file of the pages: for ever where its content was asked for by name, else to be asked for again."""
    asset = _find(name)
    packs = caching.takes_gzip(request.headers)
    tag = f'"{asset.version}{"-gzip" if packs else ""}"'
    asked_for = request.query_params.get("v") == asset.version
    kept = _FOREVER if asked_for else "public, no-cache"
    sent = {**headers.SECURITY, "ETag": tag, "Cache-Control": kept, "Vary": "Accept-Encoding"}
    if caching.is_known(request.headers, tag):
        return Response(content=b"", status_code=304, headers=sent)
    if packs:
        sent["Content-Encoding"] = "gzip"
    return Response(content=asset.packed if packs else asset.content, media_type=asset.media_type, headers=sent)


ROUTES = (send_asset,)
