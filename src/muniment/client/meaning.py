"""Which things a text can stand for, by its form alone (index.resolution says the same to whoever looks for one).

An index, here or at a node, is asked for the thing of a name. Whatever it answers has to be one that the name can mean: the
ledger would bear out what another thing is called just as well.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from types import MappingProxyType

from muniment.index.resolution import MIN_PREFIX
from muniment.index.rows import Thing, ThingKind

_OF = MappingProxyType({"data": "dataset", "version": "model"})
_digits = re.compile(rf"[0-9a-fA-F]{{{MIN_PREFIX},64}}\Z")
_index = re.compile(r"(?:entry/)?([0-9]{1,15})\Z", re.ASCII)


def can_mean(text: str, found: Thing, kinds: Collection[ThingKind] | None) -> bool:
    """Can a text mean this thing, among `kinds` where they are given? Of event ids the ledger itself has to tell."""
    if kinds is not None and found.kind not in kinds:
        return False
    if found.kind in ("event", "header"):
        number = _index.match(text)
        return number is None or int(number[1]) == found.index
    if found.stream is None or found.stream != _stream(found):
        return False
    return text in _names(found) or (found.digest is not None and _is_beginning(text, found))


def is_newest(text: str, found: Thing) -> bool:
    """Does a text name no version of its own, so that the newest one is meant?"""
    return found.kind in _OF and text in (found.name, f"{_OF[found.kind]}/{found.name}")


def _stream(found: Thing) -> str:
    """The stream of a thing, by the rest of what is said of it."""
    if found.kind in _OF or found.kind in ("key", "link"):
        return f"{found.kind}/{found.digest}"
    return found.kind if found.kind == found.name else f"{found.kind}/{found.name}"


def _names(found: Thing) -> tuple[str, ...]:
    stream = found.stream or ""
    if found.kind in _OF:
        whole = f"{_OF[found.kind]}/"
        return (found.name, whole + found.name, found.title(), whole + found.title(), stream)
    # By their bare names only these are looked for.
    bare = (found.name,) if found.kind in ("actor", "dataset", "deployment", "model") else ()
    return (*bare, stream)


def _is_beginning(text: str, found: Thing) -> bool:
    known = found.kind in (*_OF, "key")
    return known and _digits.match(text) is not None and str(found.digest).startswith(text.lower())
