"""The addresses of a node: `node.toml`, written when a consortium is sealed and edited by people afterwards.

    organisation = "lab"
    listen = "0.0.0.0:8760"                 where the ledger is served over HTTP
    url = "https://muniment.lab.example"    how the others reach that
    p2p = "0.0.0.0:26656"                   where the engine listens for the other members
    rpc = "127.0.0.1:26657"                 where the engine listens for this node
    keep_blocks = 100000                    how many of the engine's newest blocks stay on this disk

    [[peers]]
    organisation = "bank"
    url = "https://muniment.bank.example"
    p2p = "<40 hex>@muniment.bank.example:26656"

A name that nobody knows is an error, because a mistyped address would be none.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from muniment.errors import InvalidInput, NotFound
from muniment.net import address
from muniment.node import files

MAX_FILE_BYTES = 1 << 20
LISTEN = "127.0.0.1:8760"
P2P = "0.0.0.0:26656"
RPC = "127.0.0.1:26657"
KEEP_BLOCKS = 100_000

_place = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):([0-9]{1,5})")
_peer = re.compile(r"[0-9a-f]{40}@(.+)")
_url = re.compile(r"https?://[!-~]{1,1024}")


class Peer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another member: how its ledger is reached over HTTP, and its engine (`id@host:port`)."""

    organisation: str
    url: str = ""
    p2p: str = ""


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node is told.

    listen, p2p, rpc: host and port that this machine listens on: HTTP, the engine for other members, the engine for this node
    url: how others reach `listen`
    server: the file with further settings of the HTTP server (docs/server.md), relative to the folder of node.toml
    keep_blocks: how many of the engine's newest blocks stay on this disk; 0 keeps all of them
    """

    organisation: str
    listen: str = LISTEN
    url: str = ""
    p2p: str = P2P
    rpc: str = RPC
    server: str = ""
    keep_blocks: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = KEEP_BLOCKS
    peers: tuple[Peer, ...] = ()


def load(path: Path) -> NodeSettings:
    """Read node.toml. Raises NotFound (`no-node`), and InvalidInput as `files.read` and `parse`."""
    try:
        raw = files.read(path, MAX_FILE_BYTES)
    except NotFound:
        raise NotFound(
            f"there is no node at {path.parent}",
            code="no-node",
            hint="Found a consortium with `muniment consortium new`, or name the node's folder with --home.",
        ) from None
    try:
        return parse(raw.decode(), str(path))
    except UnicodeDecodeError:
        raise _bad(str(path), "is not UTF-8") from None


def parse(text: str, name: str = "node.toml") -> NodeSettings:
    """Read the text of node.toml; `name` is what errors call it. Raises InvalidInput (`bad-node-settings`, `unknown-key`)."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _bad(name, f"is not TOML: {error}") from None
    _check_keys(found, NodeSettings, name)
    peers = found.get("peers", [])
    for peer in peers if isinstance(peers, list) else ():
        if isinstance(peer, dict):
            _check_keys(peer, Peer, f"{name} [[peers]]")
    try:
        settings = msgspec.convert(found, NodeSettings)
    except msgspec.ValidationError as error:
        raise _bad(name, f"says what cannot be: {error}") from None
    return check(settings, name)


def format(settings: NodeSettings) -> str:
    """Write node.toml, with comments for whoever edits it."""
    check(settings)
    lines = [
        "# The addresses of this node and of the others. Change them here, then start the node anew.",
        "",
        f"organisation = {quote(settings.organisation)}",
        "",
        "# Where this machine serves the ledger over HTTP, and how others reach that.",
        f"listen = {quote(settings.listen)}",
        f"url = {quote(settings.url)}",
        "",
        "# Where the engine listens for the other members, and (for this machine alone) for the node itself.",
        f"p2p = {quote(settings.p2p)}",
        f"rpc = {quote(settings.rpc)}",
        "",
        "# A file beside this one with further settings of the HTTP server, such as its certificate (docs/server.md).",
        f"server = {quote(settings.server)}" if settings.server else '# server = "server.toml"',
        "",
        "# How many of the engine's newest blocks stay on this disk; the ledger itself keeps everything. 0 keeps all of them.",
        f"keep_blocks = {settings.keep_blocks}",
    ]
    return "\n".join(lines) + "\n" + "".join(map(format_peer, settings.peers))


def format_peer(peer: Peer) -> str:
    """One more table for the end of node.toml: what people wrote above it stays as it is."""
    lines = [
        "",
        "[[peers]]",
        f"organisation = {quote(peer.organisation)}",
        f"url = {quote(peer.url)}",
        f"p2p = {quote(peer.p2p)}",
    ]
    return "\n".join(lines) + "\n"


def check(settings: NodeSettings, name: str = "node.toml") -> NodeSettings:
    """Check what the types do not say, and return the same. Raises InvalidInput (`bad-node-settings`)."""
    for field in ("listen", "p2p", "rpc"):
        _require(is_place(getattr(settings, field)), name, f"{field} is no host and port, such as 0.0.0.0:8760")
    for named, url in ((settings.organisation, settings.url), *((each.organisation, each.url) for each in settings.peers)):
        _require(not url or is_url(url), name, f"the url of {named} is no address such as https://muniment.{named}.example")
    for peer in settings.peers:
        _require(not peer.p2p or is_peer(peer.p2p), name, f"the p2p of {peer.organisation} is not written <40 hex>@host:port")
    names = [settings.organisation, *(each.organisation for each in settings.peers)]
    _require(len(set(names)) == len(names), name, "an organisation stands there twice")
    return settings


def is_place(text: str) -> bool:
    """Is this `host:port`, with the port within its range?"""
    match = _place.fullmatch(text)
    return match is not None and int(match[2]) < 1 << 16


def is_local(text: str) -> bool:
    """Is this a place, `host` or `host:port`, that no other machine reaches?"""
    return text.startswith(("127.", "localhost:", "[::1]")) or text == "localhost"


def is_peer(text: str) -> bool:
    """Is this `id@host:port`?"""
    match = _peer.fullmatch(text)
    return match is not None and is_place(match[1])


def is_url(text: str) -> bool:
    """Is this an address over HTTP at which a node can be asked?"""
    if _url.fullmatch(text) is None:
        return False
    try:
        address.parse(text)
    except InvalidInput:
        return False
    return True


def split_place(text: str) -> tuple[str, int]:
    """Host and port of `host:port`. Raises InvalidInput (`bad-address`)."""
    match = _place.fullmatch(text)
    if match is None or int(match[2]) >= 1 << 16:
        raise InvalidInput(f"{text[:300]!r} is no host and port", code="bad-address", hint="Write it like node.example.com:26656.")
    return match[1].strip("[]"), int(match[2])


def quote(text: str) -> str:
    """A TOML basic string: like JSON's, with the one control character escaped that JSON leaves; TOML has no surrogates."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _check_keys(table: Mapping[str, object], type_: type[msgspec.Struct], place: str) -> None:
    for key in table:
        if key not in type_.__struct_fields__:
            near = difflib.get_close_matches(key.replace("-", "_").lower(), type_.__struct_fields__, n=1)
            raise InvalidInput(
                f"{place}: there is no setting {key!r}",
                code="unknown-key",
                hint=f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(type_.__struct_fields__)}.",
            )


def _require(holds: bool, name: str, reason: str) -> None:
    if not holds:
        raise _bad(name, reason)


def _bad(name: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{name}: {reason}", code="bad-node-settings", hint="Correct the file; docs/consortium.md explains it.")
