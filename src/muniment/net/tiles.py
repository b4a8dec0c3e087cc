"""Tiles and entry bundles over HTTP (C2SP tlog-tiles), for whoever checks them against a root."""

from __future__ import annotations

from muniment.core.format.encoding import MAX_ENTRY_BYTES
from muniment.core.format.merkle import HASH_BYTES
from muniment.core.format.tile_reader import Read
from muniment.core.format.tiles import WIDTH, Bundle, Tile, decode_bundle, encode_bundle, path
from muniment.errors import InvalidInput, Unavailable
from muniment.net.transport import Transport

CHECKPOINT = "checkpoint"
MAX_BUNDLE_BYTES = WIDTH * (MAX_ENTRY_BYTES + 2)


def read_tiles(transport: Transport) -> Read:
    """What reads a resource. Where a partial one is gone, the full one that took its place holds it.

    Raises Unavailable (`tile-missing`), and InvalidInput for a bundle that is none.
    """

    def read(resource: Tile | Bundle) -> bytes:
        raw = transport.load(f"/{path(resource)}", limit=_limit(resource))
        if raw is None and resource.width < WIDTH:
            raw = _cut(transport, resource)
        if raw is None:
            raise Unavailable(
                f"{transport.address.url} does not hand out {path(resource)}",
                code="tile-missing",
                hint="Try again; if it stays, ask whoever runs the node.",
                details={"tile": path(resource)},
            )
        return raw

    return read


def _cut(transport: Transport, resource: Tile | Bundle) -> bytes | None:
    """The beginning of the full resource."""
    full = Tile(resource.level, resource.index) if isinstance(resource, Tile) else Bundle(resource.index)
    raw = transport.load(f"/{path(full)}", limit=_limit(full))
    if raw is None:
        return None
    if isinstance(resource, Tile):
        return raw[: resource.width * HASH_BYTES]
    entries = decode_bundle(raw)
    if len(entries) < resource.width:
        raise InvalidInput(f"{path(full)} holds {len(entries)} entries", code="bad-bundle")
    return encode_bundle(entries[: resource.width])


def _limit(resource: Tile | Bundle) -> int:
    return MAX_BUNDLE_BYTES if isinstance(resource, Bundle) else WIDTH * HASH_BYTES
