"""What people type, and the one thing that it stands for.

credit-risk@3  loans@1       a version by name and ordinal
credit-risk  loans           the newest version of a model or data set; a model that has only plans so far is itself
production/credit-risk       a deployment
alice                        an actor, where nothing else has that name
7  entry/7                   an entry
0190a0b0-0000-7000-...       an event by its id
9f86d081                     a version, data set or key by at least eight hex digits of its digest
model/credit-risk            any stream by its whole name: what settles the doubt where a name means several things
"""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Collection, Iterator
from itertools import chain

from muniment.core.format import digest as digests
from muniment.errors import InvalidInput, NotFound
from muniment.index import listing
from muniment.index.listing import Extent
from muniment.index.rows import Thing, ThingKind

MIN_PREFIX = 8
MAX_CANDIDATES = 10
MAX_SUGGESTED_FROM = 5_000

_event_id = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_prefix = re.compile(rf"[0-9a-fA-F]{{{MIN_PREFIX},64}}\Z")
_index = re.compile(r"(?:entry/)?([0-9]{1,15})\Z", re.ASCII)
_ordinal = re.compile(r"[1-9][0-9]{0,14}\Z", re.ASCII)
_VERSIONS = {"model": "version", "dataset": "data"}

Kinds = Collection[ThingKind] | None


def resolve(extent: Extent, text: str, kinds: Kinds = None) -> Thing:
    """The thing that a text stands for, among `kinds` where they are given.

    Raises NotFound (`no-such-thing`, with what was perhaps meant), InvalidInput (`ambiguous`, with every candidate).
    """
    for reading in (_exactly, _commonly, _personally):
        found = [thing for thing in reading(extent, text, kinds) if kinds is None or thing.kind in kinds]
        things = list({(thing.kind, thing.stream, thing.index): thing for thing in found}.values())
        if len(things) == 1:
            return things[0]
        if things:
            raise _ambiguous(text, things)
    raise _unknown(extent, text, kinds)


def _exactly(extent: Extent, text: str, kinds: Kinds) -> Iterator[Thing]:
    """Forms that can mean only one thing."""
    if _event_id.match(text):
        index = extent.sql.execute("SELECT idx FROM event WHERE id = ? AND idx < ?", (uuid.UUID(text).bytes, extent.size)).get
        if index is not None:
            yield _entry(extent, index)
        return
    kind, _, name = text.partition("/")
    if kind == "entry":
        yield from _by_index(extent, text)
    elif kind in _VERSIONS:
        yield from _named(extent, kind, name, kinds)
    elif name or kind in ("members", "policy", "protocol"):
        yield from _by_stream(extent, text)


def _commonly(extent: Extent, text: str, kinds: Kinds) -> Iterator[Thing]:
    """Names, numbers and prefixes of digests: what may mean several things."""
    yield from _by_ordinal(extent, text)
    for kind in _VERSIONS:
        yield from _named(extent, kind, text, kinds)
    yield from _by_stream(extent, f"deployment/{text}")
    yield from _by_index(extent, text)
    if _prefix.match(text):
        yield from _by_prefix(extent, text.lower())


def _personally(extent: Extent, text: str, kinds: Kinds) -> Iterator[Thing]:
    """Actors come last: a service is often called like the model that it deploys."""
    yield from _by_stream(extent, f"actor/{text}")


def _named(extent: Extent, kind: str, name: str, kinds: Kinds) -> Iterator[Thing]:
    """The newest version of a name; the model or data set itself where that is asked for, or where there is none."""
    newest = _things(extent, "kind = ? AND name = ? ORDER BY ordinal DESC LIMIT 1", _VERSIONS[kind], name)
    for thing in chain(newest, _by_stream(extent, f"{kind}/{name}")):
        if kinds is None or thing.kind in kinds:
            yield thing
            return


def _by_stream(extent: Extent, stream: str) -> Iterator[Thing]:
    """The thing of a stream by its whole name."""
    indices = listing.stream_indices(extent, stream)
    if not indices:
        return
    kind, _, rest = stream.partition("/")
    if kind in ("data", "version"):
        yield from _things(extent, "digest = ? AND kind = ?", bytes.fromhex(rest), kind)
    elif kind == "deployment":
        environment, _, name = rest.partition("/")
        yield from _deployment(extent, environment, name)
    else:
        digest = rest if kind in ("cosigner", "key", "link") else None
        yield Thing(kind=kind, stream=stream, name=rest or kind, digest=digest, index=indices[-1])  # type: ignore[arg-type]


def _by_ordinal(extent: Extent, text: str) -> Iterator[Thing]:
    name, at, number = text.rpartition("@")
    if not at or _ordinal.match(number) is None:
        return
    kind, _, rest = name.partition("/")
    readings = [(each, name) for each in _VERSIONS.values()]
    if kind in _VERSIONS:
        readings.append((_VERSIONS[kind], rest))
    for version, called in readings:
        yield from _things(extent, "kind = ? AND name = ? AND ordinal = ?", version, called, int(number))


def _by_index(extent: Extent, text: str) -> Iterator[Thing]:
    match = _index.match(text)
    if match is not None and int(match[1]) < extent.size:
        yield _entry(extent, int(match[1]))


def _by_prefix(extent: Extent, prefix: str) -> Iterator[Thing]:
    low, high = bytes.fromhex(prefix.ljust(64, "0")), bytes.fromhex(prefix.ljust(64, "f"))
    yield from _things(extent, "digest BETWEEN ? AND ? LIMIT ?", low, high, MAX_CANDIDATES)
    sql = "SELECT DISTINCT key FROM key WHERE key BETWEEN ? AND ? AND idx < ? LIMIT ?"
    for (key,) in extent.sql.execute(sql, (low, high, extent.size, MAX_CANDIDATES)):
        yield from _by_stream(extent, f"key/{key.hex()}")


def _things(extent: Extent, condition: str, *bindings: str | int | bytes) -> Iterator[Thing]:
    sql = f"SELECT kind, name, ordinal, digest, idx FROM version WHERE idx < ? AND {condition}"
    for kind, name, ordinal, digest, index in extent.sql.execute(sql, (extent.size, *bindings)):
        yield Thing(kind=kind, stream=f"{kind}/{digest.hex()}", name=name, ordinal=ordinal, digest=digest.hex(), index=index)


def _deployment(extent: Extent, environment: str, name: str) -> Iterator[Thing]:
    sql = """SELECT d.version, v.ordinal, d.idx FROM deployment d LEFT JOIN version v ON v.digest = d.version AND v.kind = 'version'
      WHERE d.environment = ? AND d.name = ? AND d.idx < ? ORDER BY d.idx DESC LIMIT 1"""
    for version, ordinal, index in extent.sql.execute(sql, (environment, name, extent.size)):
        place = f"{environment}/{name}"
        yield Thing(kind="deployment", stream=f"deployment/{place}", name=place, ordinal=ordinal, digest=version.hex(), index=index)


def _entry(extent: Extent, index: int) -> Thing:
    try:
        event = listing.event(extent, index)
    except NotFound:
        return Thing(kind="header", stream=None, name=f"entry/{index}", index=index)
    return Thing(kind="event", stream=event.stream, name=event.name, digest=event.digest, index=index)


def _explicit(thing: Thing) -> str:
    """A form of a thing that can mean nothing else."""
    if thing.kind in ("event", "header"):
        return f"entry/{thing.index}"
    if thing.kind == "version":
        return f"model/{thing.title()}"
    if thing.kind == "data":
        return f"dataset/{thing.title()}"
    return str(thing.stream)


def _ambiguous(text: str, things: list[Thing]) -> InvalidInput:
    candidates = [_explicit(thing) for thing in things[:MAX_CANDIDATES]]
    return InvalidInput(
        f"{text!r} can mean {', '.join(candidates)}",
        code="ambiguous",
        hint="Use one of these forms, or more digits.",
        details={
            "candidates": [
                {"text": form, "digest": digests.short(thing.digest or "")} for form, thing in zip(candidates, things, strict=False)
            ]
        },
    )


def _unknown(extent: Extent, text: str, kinds: Kinds) -> NotFound:
    name, at, _ = text.partition("@")
    counts = extent.sql.execute(
        "SELECT kind, max(ordinal) FROM version WHERE name = ? AND idx < ? GROUP BY kind", (name, extent.size)
    )
    counted = [count for kind, count in counts if kinds is None or kind in kinds]
    if at and counted:
        return NotFound(f"{name} has no such version", code="no-such-thing", hint=f"Its newest version is {name}@{max(counted)}.")
    near = difflib.get_close_matches(name, _names_like(extent, name), n=3)
    if near:
        return NotFound(
            f"there is no {text!r} here",
            code="no-such-thing",
            hint=f"Did you mean {' or '.join(near)}?",
            details={"candidates": near},
        )
    if len(text) < MIN_PREFIX and text.isdigit():
        return NotFound(f"there is no entry {text} here", code="no-such-thing", hint=f"The newest entry is {extent.size - 1}.")
    if len(text) < MIN_PREFIX and all(character in "0123456789abcdefABCDEF" for character in text):
        return NotFound(f"there is no {text!r} here", code="no-such-thing", hint=f"Give at least {MIN_PREFIX} digits of a digest.")
    return NotFound(f"there is no {text!r} here", code="no-such-thing")


def _names_like(extent: Extent, name: str) -> list[str]:
    """Names of about the same length, so that a large ledger does not make a typing error slow."""
    sql = """SELECT name FROM (SELECT name, idx FROM model UNION SELECT name, idx FROM version
      UNION SELECT environment || '/' || name, idx FROM deployment UNION SELECT id, idx FROM actor)
      WHERE idx < ? AND abs(length(name) - ?) <= 4 GROUP BY name LIMIT ?"""
    return [found for (found,) in extent.sql.execute(sql, (extent.size, len(name), MAX_SUGGESTED_FROM))]
