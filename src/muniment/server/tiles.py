"""The ledger as any C2SP reader takes it: `/checkpoint`, `/tile/<L>/<N>[.p/<W>]`, `/tile/entries/<N>[.p/<W>]` (tlog-tiles).

The resources are a finite set: every full tile and bundle, and the partial ones that belong to a size at which a checkpoint
was signed, for ever, also once the full ones are there. A width at which the tree never stood between two blocks belongs to
no checkpoint, so no reader may ask for it, and it is not there. Nothing that is there ever changes, but the checkpoint.
"""

from __future__ import annotations

import gzip
from typing import Any

from litestar import Request, Response, route
from litestar.di import NamedDependency
from litestar.params import FromPath

from muniment.core.format.tiles import HEIGHT, WIDTH, Bundle, Tile, encode_bundle, parse_path
from muniment.errors import InvalidInput, MunimentError, NotFound
from muniment.ledger.engine import View
from muniment.ledger.store.snapshot import Snapshot
from muniment.server import caching
from muniment.server.application import tell
from muniment.server.hosting import Hosted
from muniment.server.settings import Settings
from muniment.server.snapshots import open_snapshot

# The framework adds the charset that the format asks for.
CHECKPOINT_TYPE = "text/plain"
TILE_TYPE = "application/octet-stream"
GZIP_LEVEL = 6
YEAR = 365 * 24 * 3_600


def read_resource(view: Snapshot, resource: Tile | Bundle) -> bytes:
    """The bytes of a tile or bundle that was published. Raises NotFound (`no-such-tile`) for every other one."""
    level = resource.level if isinstance(resource, Tile) else 0
    end = resource.index * WIDTH + resource.width
    if not _is_published(view, end, level, full=resource.width == WIDTH):
        raise NotFound(
            "no tile was published under this path",
            code="no-such-tile",
            hint="Ask for the tiles of the tree whose size the checkpoint names.",
        )
    if isinstance(resource, Tile):
        return view.tile(resource)
    start = resource.index * WIDTH
    return encode_bundle([raw for _, raw in view.entries(start, end)])


def _is_published(view: View, end: int, level: int, *, full: bool) -> bool:
    """Is there a checkpoint whose tree has the tile that ends before hash `end` of its level: at least, or exactly, as wide?"""
    shift = HEIGHT * level
    # Numbers beyond any tree are not worth shifting: the path allows level 63.
    if end > view.size >> shift:
        return False
    if full:
        return True
    # The first checkpoint at which all of `end` hashes were there; a partial tile was published if there were no more yet.
    first = view.header(view.sealed_by((end << shift) - 1)).size + 1
    return first >> shift == end


@route(
    "/checkpoint",
    http_method=["GET", "HEAD"],
    status_code=200,
    media_type=CHECKPOINT_TYPE,
    opt={"scope": "tiles"},
    operation_id="readCheckpoint",
    summary="The newest signed checkpoint (C2SP tlog-checkpoint)",
    tags=["tiles"],
    sync_to_thread=True,
)
def read_checkpoint(request: Request[Any, Any, Any], hosted: NamedDependency[Hosted]) -> Response[bytes]:
    """The newest signed checkpoint. It changes with every block, so caches must ask again."""
    with hosted.reader.view() as view:
        raw = view.checkpoint
    return _answer(request, raw, CHECKPOINT_TYPE, {"Cache-Control": "no-cache", "ETag": caching.tag(raw)})


def _tell_absent(request: Request[Any, Any, Any], error: MunimentError) -> Response[bytes]:
    """The answer about something that is not there yet; no cache may keep it until it is."""
    found = tell(request, error)
    found.headers["Cache-Control"] = "no-store"
    return found


@route(
    "/tile/{rest:path}",
    http_method=["GET", "HEAD"],
    status_code=200,
    media_type=TILE_TYPE,
    opt={"scope": "tiles"},
    operation_id="readTile",
    summary="A tile of hashes or a bundle of entries (C2SP tlog-tiles)",
    tags=["tiles"],
    exception_handlers={NotFound: _tell_absent},
    sync_to_thread=True,
)
def read_tile(
    request: Request[Any, Any, Any], hosted: NamedDependency[Hosted], settings: NamedDependency[Settings], rest: FromPath[str]
) -> Response[bytes]:
    """A tile (`0/x001/067`, `1/000.p/5`) or a bundle of entries (`entries/000.p/5`). What is there never changes."""
    try:
        # The path as it was sent: only the one form of it names a tile.
        resource = parse_path(_sent_path(request))
    except InvalidInput as error:
        raise NotFound(str(error), code=error.code, hint=error.hint) from None
    with open_snapshot(hosted.reader) as view:
        raw = read_resource(view, resource)
    headers = {
        "Cache-Control": f"{'public' if settings.public else 'private'}, max-age={YEAR}, immutable",
        "ETag": caching.tag(raw),
    }
    if isinstance(resource, Bundle):
        headers["Vary"] = "Accept-Encoding"
        if caching.takes_gzip(request.headers):
            headers["ETag"] = caching.tag(raw, "gzip")
            headers["Content-Encoding"] = "gzip"
    return _answer(request, raw, TILE_TYPE, headers)


def _sent_path(request: Request[Any, Any, Any]) -> str:
    """The path below the ledger's base, without its first slash, as it was sent."""
    sent = request.scope.get("raw_path") or str(request.scope["path"]).encode()
    return sent.partition(b"?")[0].decode("latin-1").removeprefix("/")


def _answer(request: Request[Any, Any, Any], raw: bytes, media_type: str, headers: dict[str, str]) -> Response[bytes]:
    headers["X-Content-Type-Options"] = "nosniff"
    if caching.is_known(request.headers, headers["ETag"]):
        headers.pop("Content-Encoding", None)
        return Response(content=b"", status_code=304, headers=headers, media_type=media_type)
    if "Content-Encoding" in headers:
        raw = gzip.compress(raw, GZIP_LEVEL, mtime=0)
    return Response(content=raw, media_type=media_type, headers=headers)


ROUTES = (read_checkpoint, read_tile)
