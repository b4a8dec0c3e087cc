"""The files that pages load, each under the name of its content: they never change, so that a browser asks for each only once."""

from __future__ import annotations

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
    """A file as it is sent; `version` is the beginning of its SHA-256."""

    name: str
    version: str
    media_type: str
    content: bytes


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
    return Asset(name=name, version=version, media_type=_TYPES[Path(name).suffix], content=content)


def _find(name: str) -> Asset:
    asset = load_all().get(name)
    if asset is None:
        raise NotFound(f"there is no file {name[:80]!r} here", code="no-such-page", hint="Reload the page that led you here.")
    return asset


@get("/static/{name:str}", opt={"scope": "open"}, include_in_schema=False, sync_to_thread=False)
def send_asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    """A file of the pages: for ever where its content was asked for by name, else to be asked for again."""
    asset = _find(name)
    tag = f'"{asset.version}"'
    asked_for = request.query_params.get("v") == asset.version
    sent = {**headers.SECURITY, "ETag": tag, "Cache-Control": _FOREVER if asked_for else "public, no-cache"}
    if caching.is_known(request.headers, tag):
        return Response(content=b"", status_code=304, headers=sent)
    return Response(content=asset.content, media_type=asset.media_type, headers=sent)


ROUTES = (send_asset,)
